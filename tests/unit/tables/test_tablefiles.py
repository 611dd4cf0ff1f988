"""Tables as files for people: harmless in a spreadsheet, and the same again when they come back."""

from __future__ import annotations

import csv
import stat
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from consumer.desk.tablefiles import NoSuchForm, export, harmless, template
from consumer.tables import activities, learners
from consumer.tables.boards import shipped_boards
from consumer.tables.day import DayReader
from consumer.tables.explained import EXPLAINED
from consumer.tables.kind import KINDS, LEARNERS
from consumer.tables.value import Values
from tests.unit.tables.samples import (
    ADA,
    HEAD,
    NOW,
    OTIS,
    brought,
    csv_file,
    desk,
    previewed,
    table,
)

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://example.org")']


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv"])
def test_what_was_exported_comes_back_unchanged(tmp_path: Path, name: str) -> None:
    brought(tmp_path, csv_file(tmp_path, HEAD, ADA, OTIS))
    out = tmp_path / name
    assert export(LEARNERS, desk(tmp_path).rows("learners"), out) == 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    counts = previewed(tmp_path, out).counts()
    assert (counts["rows"], counts["unchanged"], counts["wrong"]) == (2, 2, 0)


@pytest.mark.parametrize("text", EVIL)
def test_nothing_that_was_exported_is_a_formula(tmp_path: Path, text: str) -> None:
    row = dict.fromkeys(LEARNERS.columns, "") | {"learner": "905", "consent_how": text}
    for name in ("out.xlsx", "out.csv"):
        export(LEARNERS, [row], tmp_path / name)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = next(csv.DictReader(file))
    assert cells["consent_how"] == f"'{text}"
    sheet = load_workbook(tmp_path / "out.xlsx")["Learners"]
    (cell,) = [cell for cell in sheet[2] if cell.value == text]
    assert cell.data_type == "s"


@given(st.text("-'=+@ ab", max_size=6))
def test_an_apostrophe_in_front_is_taken_away_again(text: str) -> None:
    values = Values(shipped_boards(), False, DayReader(NOW.date()))
    text = " ".join(text.split())
    if text.startswith(("=", "+", "@")) or text in ("-", "--"):
        return
    assert values.read("consent_how", harmless(text), 1) == text


def test_no_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(FileExistsError):
        export(LEARNERS, [], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"
    with pytest.raises(NoSuchForm):
        export(LEARNERS, [], tmp_path / "out.pdf")


@pytest.mark.parametrize("name", KINDS)
def test_a_template_has_every_column_and_explains_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "empty.xlsx"
    template(KINDS[name], path)
    first, second = load_workbook(path).worksheets
    assert [cell.value for cell in first[1]] == [*KINDS[name].columns]
    assert {first.column_dimensions[letter].number_format for letter in "ABCDEFG"} == {"@"}
    explained = [row[0].value for row in second.iter_rows()]
    assert {*KINDS[name].columns} <= {*explained}


@pytest.mark.parametrize(("name", "read"), [("learners", learners), ("activities", activities)])
def test_every_column_that_the_service_reads_is_imported(name: str, read: ModuleType) -> None:
    """One that is not here would be lost with the first import."""
    assert {*KINDS[name].columns} == read.COLUMNS
    assert {*EXPLAINED[name]} == read.COLUMNS


def test_a_filled_in_template_is_read(tmp_path: Path) -> None:
    path = tmp_path / "filled.xlsx"
    template(LEARNERS, path)
    book = load_workbook(path)
    row = dict(zip(HEAD, ADA, strict=True))
    book["Learners"].append([row.get(name) for name in LEARNERS.columns])
    book.save(path)
    assert previewed(tmp_path, path).counts()["added"] == 1


def test_the_check_tells_every_wrong_row(tmp_path: Path) -> None:
    wrong = ("906", "", "Nwosu", "31/12/1965", "52441x", "yes")
    table(tmp_path, ADA, wrong, ("907", "Lena", "Ng", "1980-12-31", "012345", "no"))
    assert [(one.line, one.column) for one in desk(tmp_path).check("learners")] == [
        (2, "board_id"),
        (3, "birth_date"),
        (3, "board_id"),
        (3, "given_name"),
        (4, "board_id"),
    ]
    assert desk(tmp_path).check("activities") == []
