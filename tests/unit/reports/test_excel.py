"""ACCME's Excel template: the right columns, and every value as it was."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.pars.port import Action
from consumer.participant import BirthDate
from consumer.reason import Stopped
from consumer.reports.excel import HEADINGS, month_and_day
from consumer.reports.spreadsheet import read_tables
from consumer.tables.boards import shipped_boards
from tests.unit.reports.samples import EXCEL, HOSTILE, cells, entry, written

# What XML can hold (and so a record that passed the rules), and some that it cannot.
NAMES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff\x00"))
    .filter(lambda text: not any(c < " " and c not in "\t\n\r" for c in text)),
).filter(lambda name: 0 < len(name) <= 255)  # fmt: skip


def test_the_14_headings_stand_in_row_2_in_accmes_order_and_the_data_below(tmp_path: Path) -> None:
    report = written([entry(npi="1234567893"), entry(2, Action.DELETE)], tmp_path)
    rows = [[cell.value for cell in row] for row in cells(report.files[0].path)]
    assert tuple(rows[1]) == HEADINGS
    assert rows[0][0]
    assert not any(rows[0][1:])
    assert rows[2:] == [
        ["Add", "202600001", datetime(2026, 11, 20), "Ada", "Abara", "02/29", None, "1234567893",  # noqa: DTZ001
         None, "ABIM", "012345", 1.5, "Medical Knowledge", 1.5],
        ["Delete", "202600001", datetime(2026, 11, 20), "Ada", "Abara", "02/29", None, None,  # noqa: DTZ001
         None, "ABIM", "012345", 1.5, "Medical Knowledge", 1.5],
    ]  # fmt: skip


def test_headings_are_those_that_the_dossier_gives() -> None:
    assert HEADINGS == (
        "Record Action", "ACCME Activity ID", "Completion Date", "First Name", "Last Name",
        "Date of Birth", "Licensing State", "Licensing ID or NPI", "Number of CME Credits",
        "Certifying Board", "Certifying Board ID", "Total Board Credits", "Credit Type",
        "Credits Awarded for Credit Type",
    )  # fmt: skip


def test_ids_are_texts_the_day_is_a_date_and_points_are_numbers(tmp_path: Path) -> None:
    report = written([entry(npi="1234567893")], tmp_path)
    row = dict(zip(HEADINGS, cells(report.files[0].path)[2], strict=True))
    for heading in ("ACCME Activity ID", "Certifying Board ID", "Licensing ID or NPI",
                    "Date of Birth", "First Name"):  # fmt: skip
        assert (row[heading].data_type, row[heading].number_format) == ("s", "@"), heading
    assert row["Completion Date"].is_date
    assert row["Total Board Credits"].data_type == "n"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_becomes_a_formula_or_anything_else(name: str, tmp_path: Path) -> None:
    report = written([entry(given_name=name, title=name)], tmp_path)
    cell = cells(report.files[0].path)[2][3]
    assert (cell.data_type, cell.number_format) == ("s", "@")
    assert read_tables(report.files[0].path)[0][2].cells[3] == name


@settings(max_examples=60)
@given(
    given_name=NAMES,
    family_name=NAMES,
    board_id=st.from_regex(r"\d{6}", fullmatch=True),
    quarters=st.integers(1, 4_000),
    completed_on=st.dates(date(1900, 3, 1), date(2099, 12, 31)),
    born=st.dates(date(1904, 1, 1), date(1904, 12, 31)),
    action=st.sampled_from(Action),
)
def test_what_is_written_is_read_back(
    given_name: str,
    family_name: str,
    board_id: str,
    quarters: int,
    completed_on: date,
    born: date,
    action: Action,
) -> None:
    points, birth_date = Decimal(quarters) / 4, BirthDate(born.month, born.day, born.year)
    changes: dict[str, Any] = {
        "given_name": given_name,
        "family_name": family_name,
        "board_id": board_id,
        "points": points,
        "completed_on": completed_on,
        "birth_date": birth_date,
    }
    with tempfile.TemporaryDirectory() as folder:
        report = written([entry(action=action, **changes)], Path(folder))
        row = dict(zip(HEADINGS, read_tables(report.files[0].path)[0][2].cells, strict=False))
    assert row["First Name"] == given_name
    assert row["Last Name"] == family_name
    assert row["Certifying Board ID"] == board_id
    assert Decimal(str(row["Credits Awarded for Credit Type"])) == points
    assert row["Completion Date"] == datetime(*completed_on.timetuple()[:3])  # noqa: DTZ001
    assert row["Date of Birth"] == f"{born:%m/%d}"
    assert row["Record Action"] == action.value.capitalize()


@pytest.mark.parametrize(
    ("changes", "heading", "rule"),
    [
        ({"given_name": "A\x00da"}, "First Name", "illegal_character"),
        ({"family_name": "A\ud800"}, "Last Name", "illegal_character"),
        ({"family_name": "Secretly" * 40}, "Last Name", "max_length"),
        ({"completed_on": date(1900, 2, 28)}, "Completion Date", "too_early"),
    ],
)
def test_what_excel_cannot_hold_is_refused_by_its_heading(
    changes: dict[str, Any], heading: str, rule: str
) -> None:
    with pytest.raises(Stopped) as stopped:
        EXCEL.prepare(entry(**changes))
    assert [(reason.field, reason.detail) for reason in stopped.value.reasons] == [(heading, rule)]
    assert "Secretly" not in str(stopped.value)


def test_a_learner_without_birth_date_leaves_the_cell_blank() -> None:
    assert EXCEL.prepare(entry(birth_date=None))[5] is None
    assert month_and_day(BirthDate(9, 1, 1971)) == "09/01"


def test_the_second_sheet_lists_the_credit_types_we_know(tmp_path: Path) -> None:
    report = written([entry()], tmp_path)
    rows = [[cell.value for cell in row] for row in cells(report.files[0].path, "ValidValues")]
    assert rows[0] == ["Certifying Board", "Credit Type"]
    assert ["ABIM", "Medical Knowledge"] in rows
    assert len(rows) == 1 + sum(len(board.certifications) for board in shipped_boards().values())
