"""Result sheets: what was answered, and every problem of a sheet at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from consumer.pars.port import Action
from consumer.participant import BirthDate
from consumer.reports.excel import HEADINGS
from consumer.reports.mangled import BIRTH_WAS_DATE, DATE_WAS_NUMBER, ZEROS
from consumer.reports.result import NO_STATUS, Fields, Result, Verdict
from consumer.reports.results import read_results
from consumer.tables.csvfile import TableProblems
from tests.unit.reports.samples import ANSWERED, answered, csv_file, entries, workbook, written

ADA = Fields("202600001", BirthDate(2, 29), date(2026, 11, 20), "ABIM", "012345",
             "Medical Knowledge", Action.ADD)  # fmt: skip
CREDIT = "ccid:example.org:7f3c2a91d0-r1"
SHORT = ("Credit ID", "Status", "Reason")
Make = Callable[..., Path]
KINDS: dict[str, Make] = {"sheet.xlsx": workbook, "sheet.csv": csv_file}


@pytest.fixture(params=KINDS)
def sheet(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a result sheet of either kind."""

    def make(rows: Sequence[Sequence[Any]], headings: Sequence[Any] = ANSWERED) -> Path:
        return KINDS[request.param](tmp_path / request.param, rows, headings)

    return make


def one(path: Path) -> Result:
    (result,) = read_results(path)
    return result


def problems(path: Path) -> list[tuple[int, str, str]]:
    """Line, column and message of everything wrong with the sheet."""
    with pytest.raises(TableProblems) as raised:
        read_results(path)
    assert all(problem.file == path.name for problem in raised.value.problems)
    return [(p.line, p.column, p.message) for p in raised.value.problems]


def test_a_row_is_known_by_its_fields(sheet: Make) -> None:
    result = one(sheet([answered("Rejected", " No match ")]))
    assert result == Result(3, "", ADA, Verdict.REJECTED, "No match", ())


def test_a_row_is_known_by_its_credit_id_where_there_is_one(sheet: Make) -> None:
    result = one(sheet([[CREDIT, "accepted", ""]], SHORT))
    assert result == Result(3, CREDIT, None, Verdict.ACCEPTED, "", ())


def test_rows_with_and_without_credit_ids_stand_in_one_sheet(sheet: Make) -> None:
    headings = (*ANSWERED, "Credit ID")
    rows = [[*answered(), CREDIT], [*answered("error"), None]]
    first, second = read_results(sheet(rows, headings))
    assert (first.credit_id, first.fields) == (CREDIT, None)
    assert (second.credit_id, second.fields) == ("", ADA)


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("Accepted", Verdict.ACCEPTED),
        (" accepted  by the BOARD ", Verdict.ACCEPTED),
        ("REJECTED", Verdict.REJECTED),
        ("Rejected by the board", Verdict.REJECTED),
        ("Error", Verdict.ERROR),
        ("failed", Verdict.ERROR),
        ("invalid", Verdict.ERROR),
        ("Pending", Verdict.PENDING),
        ("submitted", Verdict.PENDING),
    ],
)
def test_status_words(word: str, verdict: Verdict, sheet: Make) -> None:
    assert one(sheet([answered(word)])).verdict is verdict


def test_no_status_is_no_news_and_a_note_says_so(sheet: Make) -> None:
    result = one(sheet([answered(None)]))
    assert (result.verdict, result.notes) == (Verdict.PENDING, (NO_STATUS,))


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"Certifying_Board_ID": 12345}, ZEROS),
        ({"Certifying_Board_ID": "12345"}, ZEROS),
        ({"Certifying_Board_ID": 12345.0}, ZEROS),
        ({"Certifying_Board_ID": "ABIM 12345"}, ZEROS),
        ({"Certifying_Board_ID": " 012 345\xa0"}, None),
        ({"Certifying_Board_ID": "abim012345"}, None),
        ({"Certifying_Board": " abim "}, None),
        ({"ACCME_Activity_ID": 202600001}, None),
        ({"Completion_Date": datetime(2026, 11, 20, 14, 30)}, None),  # noqa: DTZ001
        ({"Completion_Date": "2026-11-20"}, None),
        ({"Completion_Date": "2026-11-20 00:00:00"}, None),
        ({"Completion_Date": "11/20/2026"}, None),
        ({"Completion_Date": 46346}, DATE_WAS_NUMBER),
        ({"Completion_Date": "46346"}, DATE_WAS_NUMBER),
        ({"Date_of_Birth": "2/29"}, None),
        ({"Date_of_Birth": "02/29/1972"}, None),
        ({"Date_of_Birth": "29-Feb"}, BIRTH_WAS_DATE),
        ({"Date_of_Birth": "Feb-29"}, BIRTH_WAS_DATE),
        ({"Record_Action": "ADD"}, None),
        ({"Credit_Type": " Medical  Knowledge "}, None),
    ],
)
def test_what_a_spreadsheet_program_did_to_a_value_is_undone(
    changes: dict[str, Any], note: str | None, sheet: Make
) -> None:
    result = one(sheet([answered(**changes)]))
    assert result.fields == ADA
    assert result.notes == ((note,) if note else ())


@pytest.mark.parametrize("cell", [date(1972, 2, 29), 26358])
def test_a_birth_date_that_became_a_real_date(cell: object, tmp_path: Path) -> None:
    result = one(workbook(tmp_path / "sheet.xlsx", [answered(Date_of_Birth=cell)]))
    assert (result.fields, result.notes) == (ADA, (BIRTH_WAS_DATE,))


@pytest.mark.parametrize(
    ("changes", "column", "message"),
    [
        ({"Completion_Date": "20.11.2026"}, "Completion Date", "a date is needed"),
        ({"Completion_Date": "20/11/2026"}, "Completion Date", "a date is needed"),
        ({"Completion_Date": "11/20/26"}, "Completion Date", "a date is needed"),
        ({"Completion_Date": "Secretly"}, "Completion Date", "a date is needed"),
        ({"Completion_Date": None}, "Completion Date", "is blank"),
        ({"Date_of_Birth": "0229"}, "Date of Birth", "a date is needed"),
        ({"Date_of_Birth": "1229"}, "Date of Birth", "a date is needed"),
        ({"Date_of_Birth": "29-Foo"}, "Date of Birth", "a date is needed"),
        ({"Date_of_Birth": "31/12"}, "Date of Birth", "a date is needed"),
        ({"Date_of_Birth": " "}, "Date of Birth", "is blank"),
        ({"ACCME_Activity_ID": "2026-1"}, "ACCME Activity ID", "9 digits are needed"),
        ({"Certifying_Board_ID": "Secretly"}, "Certifying Board ID", "6 digits are needed"),
        ({"Certifying_Board_ID": "1234567"}, "Certifying Board ID", "6 digits are needed"),
        ({"Certifying_Board_ID": "9.99E+05"}, "Certifying Board ID", "6 digits are needed"),
        ({"Certifying_Board": None}, "Certifying Board", "is blank"),
        ({"Credit_Type": None}, "Credit Type", "is blank"),
        ({"Record_Action": "Secretly"}, "Record Action", "Add or Delete"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_line_and_column(
    changes: dict[str, Any], column: str, message: str, sheet: Make
) -> None:
    found = problems(sheet([answered(**changes)]))
    assert [(line, name) for line, name, _ in found] == [(3, column)]
    assert found[0][2].startswith(message)
    assert "Secretly" not in str(found)


def test_a_word_nobody_knows_is_a_problem(sheet: Make) -> None:
    ((line, column, message),) = problems(sheet([answered("Secretly fine")]))
    assert (line, column) == (3, "Status")
    assert message.startswith("one of: accepted, ")
    assert "Secretly" not in message


def test_every_problem_is_shown_and_no_row_is_given(sheet: Make) -> None:
    path = sheet(
        [
            answered(),
            answered("perhaps", Completion_Date="soon"),
            answered("Rejected"),
            answered(Certifying_Board_ID="012346", Date_of_Birth=None),
        ]
    )
    assert [(line, column) for line, column, _ in problems(path)] == [
        (4, "Completion Date"),
        (4, "Status"),
        (5, ""),
        (6, "Date of Birth"),
    ]


def test_the_same_credit_twice_is_a_problem(sheet: Make) -> None:
    again = answered(Certifying_Board_ID="12345", Completion_Date="11/20/2026")
    assert problems(sheet([answered(), again])) == [(4, "", "the same credit as in line 3")]
    twice = [[CREDIT, "accepted", ""], ["", "", ""], [CREDIT, "rejected", ""]]
    assert problems(sheet(twice, SHORT)) == [(5, "", "the same credit as in line 3")]


def test_two_types_or_two_actions_are_not_the_same_credit(sheet: Make) -> None:
    rows = [answered(), answered(Credit_Type="Patient Safety"), answered(Record_Action="Delete")]
    assert len(read_results(sheet(rows))) == 3


def test_headings_are_judged_by_their_number(sheet: Make) -> None:
    headings = (*HEADINGS, "Status", "Secretly")
    assert problems(sheet([answered()], headings)) == [(2, "column 16", "unknown heading")]
    headings = (*HEADINGS, "Status", "status")
    assert problems(sheet([answered()], headings)) == [(2, "Status", "column stands twice")]
    path = sheet([answered(reason="Secretly")], (*HEADINGS, "Status", ""))
    assert problems(path) == [(2, "column 16", "has no heading")]


def test_missing_columns_are_named(sheet: Make) -> None:
    headings = ("Status", "Certifying Board", "Certifying Board ID")
    assert {column for _, column, _ in problems(sheet([["accepted", "ABIM", "1"]], headings))} == {
        "ACCME Activity ID", "Date of Birth", "Completion Date", "Credit Type"}  # fmt: skip
    assert problems(sheet([[CREDIT, ""]], ("Credit ID", "Reason"))) == [
        (2, "Status", "column is missing")
    ]


def test_headings_may_be_written_otherwise(sheet: Make) -> None:
    headings = [f" {heading.upper().replace(' ', '  ')}\n" for heading in ANSWERED]
    assert one(sheet([answered()], headings)).fields == ADA


def test_a_sheet_without_headings_or_rows(sheet: Make) -> None:
    ((line, _, message),) = problems(sheet([answered("Secretly")], ("", "")))
    assert (line, message[:17]) == (0, "no headings found")
    assert "Secretly" not in message
    assert problems(sheet([])) == [(0, "", "there are no rows below the headings")]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_any_sign_may_divide_the_cells(sign: str, tmp_path: Path) -> None:
    rows = [answered("Rejected", "No match; see, the\troster")]
    assert one(csv_file(tmp_path / "sheet.csv", rows, sign=sign)).fields == ADA


def test_a_malformed_credit_id_is_a_problem(sheet: Make) -> None:
    found = problems(sheet([["Secretly", "accepted", ""]], SHORT))
    assert found == [(3, "Credit ID", "not the form of a CreditID")]


def test_what_no_other_program_could_hold_is_left_out(tmp_path: Path) -> None:
    row = answered("Rejected", "No_x0000_ match_xD800_")
    assert one(workbook(tmp_path / "sheet.xlsx", [row])).reason == "No match_xD800_"
    path = csv_file(tmp_path / "sheet.csv", [answered("Rejected", "No\x00 match")])
    assert one(path).reason == "No match"


def test_what_a_result_shows_of_itself_names_nobody(sheet: Make) -> None:
    result = one(sheet([answered("Rejected", "Secretly unknown")]))
    assert "012345" not in repr(result)
    assert "Secretly" not in repr(result)


def test_our_own_report_comes_back_answered(tmp_path: Path) -> None:
    path = written(entries(30), tmp_path).files[0].path
    book = load_workbook(path)
    sheet = book["Sheet1"]
    sheet["O2"], sheet["P2"] = "Status", "Reason"
    for row in range(3, 33):
        sheet.cell(row, 15, "Accepted")
    book.save(tmp_path / "answered.xlsx")
    results = read_results(tmp_path / "answered.xlsx")
    assert [result.line for result in results] == [*range(3, 33)]
    assert all(result.verdict is Verdict.ACCEPTED and not result.notes for result in results)
    ids = [result.fields.board_id for result in results if result.fields]
    assert ids == [f"{number:06d}" for number in range(30)]


@settings(max_examples=40)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    board_id=st.from_regex(r"[0-9]{6}", fullmatch=True),
    born=st.dates(date(1904, 1, 1), date(1904, 12, 31)),
    day=st.dates(date(1930, 1, 1), date(2099, 12, 31)),
    action=st.sampled_from(["Add", "Delete"]),
    word=st.sampled_from(["Accepted", "rejected", "Error", "pending"]),
    reason=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])),
)
def test_what_was_answered_is_read_back(
    kind: str, board_id: str, born: date, day: date, action: str, word: str, reason: str
) -> None:
    row = answered(word, "'" + reason, Certifying_Board_ID=board_id, Completion_Date=day,
                   Date_of_Birth=f"{born:%m/%d}", Record_Action=action)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = one(KINDS[kind](Path(folder) / kind, [row]))
    fields = Fields("202600001", BirthDate(born.month, born.day), day, "ABIM", board_id,
                    "Medical Knowledge", Action(action.lower()))  # fmt: skip
    assert result == Result(3, "", fields, Verdict(word.lower()), "'" + reason, ())
