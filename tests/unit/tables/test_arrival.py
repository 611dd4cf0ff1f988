"""Files as offices have them: any delimiter and encoding, Excel with all that may be in it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from consumer.tables.csvfile import TableProblems
from tests.unit.reports.samples import repacked
from tests.unit.tables.samples import ADA, HEAD, OTIS, csv_file, excel, previewed

SHEET = "xl/worksheets/sheet1.xml"
ZOE = ("908", "Zoë", "Fjällström", "1980-12-31", "000963", "yes")


def refusal(folder: Path, path: Path, **wish: Any) -> str:
    """The one problem of the file as such."""
    with pytest.raises(TableProblems) as raised:
        previewed(folder, path, **wish)
    (problem,) = raised.value.problems
    return problem.message


def added(folder: Path, path: Path, **wish: Any) -> list[tuple[str, str]]:
    preview = previewed(folder, path, **wish)
    assert preview.wrong == ()
    return [
        (one.after["learner"], one.after["family_name"]) for one in preview.comparison.changes()
    ]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_file_is_read_in_any_delimiter_and_encoding(
    tmp_path: Path, sign: str, code: str
) -> None:
    path = csv_file(tmp_path, HEAD, ADA, ZOE, sign=sign, code=code)
    assert added(tmp_path, path) == [("905", "Abara"), ("908", "Fjällström")]


def test_windows_letters_are_told_so_that_somebody_looks(tmp_path: Path) -> None:
    notes = previewed(tmp_path, csv_file(tmp_path, HEAD, ADA, ZOE, code="cp1252")).notes
    assert notes == ("read as Windows-1252; look at the accents, the first is in line 3",)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"learner,given_name\n905,\x81\n", "neither UTF-8 nor Windows-1252"),
        (b"\xff\xfel", "broken off"),
        (b"learner\0,given_name", "not a text"),
        (b'learner,given_name\n905,"Ada', "a quotation mark is open"),
        (b"", "no headings"),
        (b"905,Ada,Abara\n", "no headings"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "an old Excel file (.xls): save it as"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "it has a password"),
        (b"PK\x03\x04 and nothing more", "not an Excel workbook that can be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, raw: bytes, says: str
) -> None:
    path = tmp_path / "brought.xlsx"
    path.write_bytes(raw)
    assert says in refusal(tmp_path, path)


def test_headings_may_stand_below_a_title(tmp_path: Path) -> None:
    path = excel(tmp_path, ["Diplomates 2026"], [], HEAD, ADA)
    assert added(tmp_path, path) == [("905", "Abara")]


def test_a_row_with_more_cells_than_headings_is_wrong(tmp_path: Path) -> None:
    (problem,) = previewed(tmp_path, csv_file(tmp_path, HEAD, ADA, (*OTIS, "x"))).wrong
    assert (problem.line, problem.message) == (3, "7 cells under 6 headings")


# ---------------------------------------------------------------- Excel


def test_macros_are_not_run_and_it_says_so(tmp_path: Path) -> None:
    path = repacked(excel(tmp_path, HEAD, ADA), {"xl/vbaProject.bin": b"Shell"})
    preview = previewed(tmp_path, path)
    assert "it holds macros: they were not run" in preview.notes
    assert len(preview.comparison.incoming.rows) == 1


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ("xl/externalLinks/externalLink1.xml", "linked to other files"),
        ("xl/connections.xml", "fetches data"),
        ("xl/macrosheets/sheet1.xml", "macros"),
    ],
)
def test_what_reaches_outside_is_refused(tmp_path: Path, member: str, says: str) -> None:
    assert says in refusal(tmp_path, repacked(excel(tmp_path, HEAD, ADA), {member: b"<x/>"}))


def test_a_zip_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    path = excel(tmp_path, HEAD, ADA)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(400 * 1024 * 1024))
    assert "when unpacked" in refusal(tmp_path, path)


def test_a_formula_has_the_value_that_excel_last_saw_or_is_wrong(tmp_path: Path) -> None:
    path = excel(tmp_path, HEAD, ADA, OTIS)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read(SHEET).decode()
    for cell, formula in (("B2", "<f>X1</f><v>Adele</v>"), ("B3", "<f>X1</f>")):
        start = sheet.index(f'<c r="{cell}"')
        end = sheet.index("</c>", start) + 4
        sheet = f'{sheet[:start]}<c r="{cell}" t="str">{formula}</c>{sheet[end:]}'
    preview = previewed(tmp_path, repacked(path, {SHEET: sheet.encode()}))
    (problem,) = preview.wrong
    assert (problem.line, problem.column) == (3, "given_name (B3)")
    assert "a formula without a value" in problem.message
    (change,) = preview.comparison.changes()
    assert change.after["given_name"] == "Adele"


def test_an_error_of_excels_is_wrong(tmp_path: Path) -> None:
    path = excel(tmp_path, HEAD, ("905", "#N/A", *ADA[2:]))
    (problem,) = previewed(tmp_path, path).wrong
    assert (problem.column, problem.message) == ("given_name (B2)", "Excel shows an error here")


def test_merged_cells_are_wrong_below_the_headings_alone(tmp_path: Path) -> None:
    path = excel(tmp_path, ["Diplomates of the whole house"], HEAD, ADA, OTIS)
    book = load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.merge_cells("A1:F1")
    sheet.merge_cells("F3:F4")
    book.save(path)
    problems = previewed(tmp_path, path).wrong
    assert [(one.line, one.column) for one in problems] == [(3, "F3:F4"), (4, "F3:F4")]
    assert "unmerge them" in problems[0].message


def two_sheets(folder: Path, other: tuple[tuple[str, ...], ...], **state: str) -> Path:
    path = folder / "brought.xlsx"
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "People"
    second = book.create_sheet("Second")
    second.sheet_state = state.get("state", "visible")
    for sheet, rows in ((first, (HEAD, ADA)), (second, other)):
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_sheet_with_the_headings_is_read(tmp_path: Path) -> None:
    path = two_sheets(tmp_path, (("How to fill this in",),))
    assert added(tmp_path, path) == [("905", "Abara")]
    assert "sheet read: People" in previewed(tmp_path, path).notes


def test_of_two_sheets_one_has_to_be_named(tmp_path: Path) -> None:
    path = two_sheets(tmp_path, (HEAD, OTIS))
    assert "People, Second; say which with --sheet" in refusal(tmp_path, path)
    assert added(tmp_path, path, sheet="second") == [("906", "Nwosu")]
    assert "there are: People, Second" in refusal(tmp_path, path, sheet="Third")


def test_a_hidden_sheet_is_named_and_not_read(tmp_path: Path) -> None:
    path = two_sheets(tmp_path, (HEAD, OTIS), state="hidden")
    assert added(tmp_path, path) == [("905", "Abara")]
    assert "hidden sheet, not read: Second" in previewed(tmp_path, path).notes


def test_a_hostile_sheet_says_nothing_of_its_content(tmp_path: Path) -> None:
    evil = b'<!DOCTYPE w [<!ENTITY a SYSTEM "/etc/hosts">]><worksheet>Secretly &a;</worksheet>'
    path = repacked(excel(tmp_path, HEAD, ADA), {SHEET: evil})
    assert "Secretly" not in refusal(tmp_path, path)
