"""What a spreadsheet does to IDs, dates and names: mended where certain, named where not."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from consumer.desk.tabling import Preview
from consumer.tables.boards import shipped_boards
from consumer.tables.cell import Spoilt
from consumer.tables.comparison import unpacked
from consumer.tables.day import DayReader, Wrong
from consumer.tables.kind import LEARNERS
from consumer.tables.value import CAPITALS, DECIMALS, FILLER, TITLES, ZEROS, Values
from tests.unit.tables.samples import ADA, HEAD, OTIS, csv_file, excel, previewed


def row(**changed: Any) -> list[Any]:
    return [changed.get(name, value) for name, value in zip(HEAD, ADA, strict=True)]


def cells(preview: Preview) -> dict[str, str]:
    """The one row that would be added."""
    (only,) = preview.comparison.incoming.rows.values()
    return unpacked(LEARNERS, only[1])


def from_excel(folder: Path, **changed: Any) -> Preview:
    return previewed(folder, excel(folder, HEAD, row(**changed)))


def from_csv(folder: Path, **changed: str) -> Preview:
    return previewed(folder, csv_file(folder, HEAD, row(**changed)))


@pytest.mark.parametrize(
    ("column", "cell", "becomes"),
    [
        ("learner", 905, "905"),
        ("learner", 905.0, "905"),
        ("learner", "0905", "0905"),
        ("board_id", "012345", "012345"),
        ("board_id", "ABIM 012345", "ABIM 012345"),
        ("birth_date", date(1972, 2, 29), "1972-02-29"),
        ("birth_date", "02/29/1972", "1972-02-29"),
        ("birth_date", "2/9/1972", "1972-02-09"),
        ("birth_date", "1972-02-29 00:00:00", "1972-02-29"),
        ("birth_date", "02/29", "02/29"),
        ("birth_date", "9/10", "09/10"),
        ("consent", True, "yes"),
        ("consent", "Y", "yes"),
        ("consent", "FALSE", "no"),
        ("given_name", "  Ada \u200b Maria\u00a0", "Ada Maria"),
        ("given_name", "E\u0301lodie", "Élodie"),
        ("family_name", "O'Neill", "O'Neill"),
        ("family_name", "Quillfeather Jr", "Quillfeather Jr"),
        ("family_name", "Abara III", "Abara III"),
        ("family_name", "Null", "Null"),
        ("family_name", "Do", "Do"),
        ("family_name", "NGUYEN DO", "NGUYEN DO"),
    ],
)
def test_what_is_certain_is_taken_and_not_remarked_on(
    tmp_path: Path, column: str, cell: Any, becomes: str
) -> None:
    preview = from_excel(tmp_path, **{column: cell})
    assert (preview.wrong, cells(preview)[column]) == ((), becomes)
    assert not [note for note in preview.notes if column in note and CAPITALS not in note]


@pytest.mark.parametrize(
    ("column", "cell", "becomes", "note"),
    [
        ("board_id", 12345, "012345", ZEROS),
        ("board_id", 963, "000963", ZEROS),
        ("family_name", "Abara, MD", "Abara", TITLES),
        ("family_name", "Abara M.D., Ph.D.", "Abara", TITLES),
        ("family_name", "Abara DO FACP", "Abara", TITLES),
        ("family_name", "ABARA, DO", "ABARA", TITLES),
        ("given_name", "ADELHEID", "ADELHEID", CAPITALS),
        ("board_id", "n/a", "", FILLER),
        ("birth_date", "unknown", "", FILLER),
    ],
)
def test_what_was_mended_is_named(
    tmp_path: Path, column: str, cell: Any, becomes: str, note: str
) -> None:
    preview = from_excel(tmp_path, **{column: cell})
    assert (preview.wrong, cells(preview)[column]) == ((), becomes)
    assert f"{column}: {note} (1 row)" in preview.notes


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("learner", 1234567890123456789, "more than 15 digits"),
        ("learner", 905.5, "decimals"),
        ("learner", date(2026, 1, 2), "a date or a time"),
        ("board_id", "12345", "ABIM IDs have six digits"),
        ("board_id", 1234567, "ABIM IDs have six digits"),
        ("birth_date", date(2026, 9, 10), "Excel's own year"),
        ("birth_date", date(2010, 9, 1), "Excel's own year"),
        ("birth_date", "10-Sep", "a month by its name"),
        ("birth_date", "Sep-10", "a month by its name"),
        ("birth_date", "09/10/71", "four digits"),
        ("birth_date", "09/10/2024", "a birth date of the last years"),
        ("birth_date", "1872-02-29", "110 years"),
        ("birth_date", "02/30/1972", "no such day"),
        ("birth_date", 26358, "a number or a time"),
        ("birth_date", time(9, 10), "a number or a time"),
        ("birth_date", "10.09.1971", "certain"),
        ("family_name", "Abara, Ada", "a whole name"),
        ("given_name", None, "is blank"),
        ("given_name", "=HYPERLINK(A1)", "like a formula"),
        ("given_name", "@SUM(A1)", "like a formula"),
        ("learner", None, "is blank"),
    ],
)
def test_what_is_not_certain_is_named_by_its_cell_and_never_guessed(
    tmp_path: Path, column: str, cell: Any, says: str
) -> None:
    path = excel(tmp_path, HEAD, OTIS, row(**{column: cell}))
    if str(cell).startswith("="):
        book = load_workbook(path)
        sheet = book.active
        assert sheet is not None
        sheet["B3"].data_type = "s"
        book.save(path)
    preview = previewed(tmp_path, path)
    (problem,) = preview.wrong
    assert (problem.file, problem.line) == ("brought.xlsx", 3)
    assert problem.column.startswith(column)
    assert says in problem.message
    assert cell is None or str(cell) not in str(problem)
    assert preview.hindrances()


def test_a_cell_is_named_as_excel_names_it(tmp_path: Path) -> None:
    (problem,) = from_excel(tmp_path, birth_date="10-Sep").wrong
    assert problem.column == "birth_date (D2)"


def test_a_number_that_excel_shows_with_zeros_has_them(tmp_path: Path) -> None:
    path = excel(tmp_path, HEAD, row(learner=77, board_id=963))
    book = load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet["A2"].number_format = "00000"
    sheet["E2"].number_format = "000000"
    book.save(path)
    preview = previewed(tmp_path, path)
    assert (cells(preview)["learner"], cells(preview)["board_id"]) == ("00077", "000963")
    assert preview.notes == ()


@pytest.mark.parametrize("cell", ["1.23457E+11", "1,2E+5"])
def test_an_id_in_scientific_notation_is_wrong(tmp_path: Path, cell: str) -> None:
    path = csv_file(tmp_path, HEAD, row(learner=cell), sign=";")
    (problem,) = previewed(tmp_path, path).wrong
    assert "scientific" in problem.message


def test_a_csv_file_that_kept_no_zeros_gets_them_back(tmp_path: Path) -> None:
    preview = from_csv(tmp_path, board_id="963", learner="905.0")
    assert (cells(preview)["board_id"], cells(preview)["learner"]) == ("000963", "905")
    assert f"board_id: {ZEROS} (1 row)" in preview.notes
    assert f"learner: {DECIMALS} (1 row)" in preview.notes


def test_where_others_kept_theirs_a_short_id_is_a_mistake(tmp_path: Path) -> None:
    preview = previewed(tmp_path, csv_file(tmp_path, HEAD, row(board_id="963"), OTIS))
    (problem,) = preview.wrong
    assert (problem.line, problem.column) == (2, "board_id")
    assert "too short" in problem.message


def test_one_date_that_is_day_first_puts_the_others_in_doubt(tmp_path: Path) -> None:
    rows = [row(birth_date="25/12/1970"), [*OTIS[:3], "09/10/1971", *OTIS[4:]]]
    path = csv_file(tmp_path, HEAD, *rows)
    problems = previewed(tmp_path, path).wrong
    assert [problem.line for problem in problems] == [2, 3]
    assert "--dates day-first" in problems[0].message
    assert "day or month first?" in problems[1].message
    taken = previewed(tmp_path, path, day_first=True).comparison.incoming.rows.values()
    assert [unpacked(LEARNERS, one[1])["birth_date"] for one in taken] == [
        "1970-12-25",
        "1971-10-09",
    ]


@given(st.dates(date(1930, 1, 1), date(2000, 12, 31)), st.booleans())
def test_a_date_is_read_back_in_every_form_that_is_certain(day: date, day_first: bool) -> None:
    days = DayReader(date(2026, 11, 22), day_first)
    first, second = (day.day, day.month) if day_first else (day.month, day.day)
    forms = [day, day.isoformat(), f"{first}/{second}/{day.year}", f"{day.isoformat()}T00:00:00"]
    assert {days.birth_date(form, 1) for form in forms} == {day.isoformat()}


@given(st.text(max_size=40), st.sampled_from(LEARNERS.columns), st.booleans())
def test_any_text_is_a_value_or_wrong_and_reading_it_again_changes_nothing(
    text: str, column: str, typed: bool
) -> None:
    def read(cell: str) -> str:
        values = Values(shipped_boards(), typed, DayReader(date(2026, 11, 22)))
        return values.read(column, cell, 1)

    try:
        once = read(text)
    except Wrong:
        return
    if once:
        assert read(once) == once
    assert not once.startswith(("=", "+", "@"))


def test_a_spoilt_cell_says_why() -> None:
    values = Values(shipped_boards(), True, DayReader(date(2026, 11, 22)))
    with pytest.raises(Wrong, match="Excel shows an error"):
        values.read("board_id", Spoilt("Excel shows an error here"), 1)
