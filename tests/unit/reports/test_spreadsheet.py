"""Files from other people's computers: read without harm, or refused in plain words."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest

from consumer.reports import spreadsheet
from consumer.reports.spreadsheet import MOST_BYTES, MOST_ROWS, MOST_UNPACKED, read_tables
from consumer.tables.csvfile import TableProblems
from tests.unit.reports.samples import answered, csv_file, repacked, workbook

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A harmless workbook."""
    return workbook(tmp_path / "sheet.xlsx", [answered()])


def refusal(path: Path) -> str:
    """The one problem of the file."""
    with pytest.raises(TableProblems) as raised:
        read_tables(path)
    (problem,) = raised.value.problems
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    return problem.message


def sheet_of(inner: str, before: str = "") -> bytes:
    return f'{before}<worksheet xmlns="{MAIN}"><sheetData>{inner}</sheetData></worksheet>'.encode()


def test_a_zip_bomb_is_refused_by_its_directory_alone(book: Path) -> None:
    bomb = repacked(book, {"xl/media/image1.png": b"\0" * (MOST_UNPACKED + 1)})
    assert bomb.stat().st_size < MOST_BYTES
    tracemalloc.start()
    try:
        assert "when unpacked" in refusal(bomb)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES + 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_directory_that_tells_a_smaller_size_does_not_get_more_read(book: Path) -> None:
    """The reader stops at the size the directory gives, and the check sum then differs."""
    repacked(book, {SHEET: sheet_of(" " * 50_000_000)})
    data = bytearray(book.read_bytes())
    place = data.rindex(SHEET.encode()) - 46 + 24
    assert struct.unpack_from("<I", data, place)[0] > 50_000_000
    struct.pack_into("<I", data, place, 1000)
    book.write_bytes(data)
    tracemalloc.start()
    try:
        assert "can be read" in refusal(book)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES + 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_large_part_that_would_be_held_whole_is_refused(book: Path) -> None:
    assert "unpacked" in refusal(repacked(book, {"xl/styles.xml": b" " * 5_000_000}))


def test_too_many_parts_and_parts_twice_are_not_excels(book: Path) -> None:
    many = {f"xl/media/{number}": b"" for number in range(600)}
    assert "not Excel's" in refusal(repacked(book, many))
    with warnings.catch_warnings(), zipfile.ZipFile(book, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(SHEET, b"")
    assert "not Excel's" in refusal(book)


@pytest.mark.parametrize(
    ("member", "word"),
    [
        ("xl/externalLinks/externalLink1.xml", "linked to other files"),
        ("xl/connections.xml", "fetches data"),
        ("xl/vbaProject.bin", "macros"),
        ("XL/VBAPROJECT.BIN", "macros"),
        ("xl/embeddings/oleObject1.bin", "embedded"),
    ],
)
def test_what_reaches_outside_or_runs_is_refused(member: str, word: str, book: Path) -> None:
    assert word in refusal(repacked(book, {member: b"<x/>"}))


def test_an_old_excel_file_or_one_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512)
    assert refusal(path).startswith("an old Excel file (.xls)")
    path.write_bytes(path.read_bytes() + "EncryptedPackage".encode("utf-16-le"))
    assert refusal(path) == "it has a password: save it without"


def test_a_zip_with_a_password_is_refused(book: Path) -> None:
    data = bytearray(book.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    book.write_bytes(data)
    assert "password" in refusal(book)


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    assert "not an Excel workbook" in refusal(path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Secretly.txt", "")
    path.write_bytes(buffer.getvalue())
    assert refusal(path).startswith("not an Excel workbook")
    assert "cannot be read" in refusal(tmp_path / "nowhere.xlsx")


@pytest.mark.parametrize(
    "inner",
    [
        sheet_of("<row r='1'><c r='A1' t='s'><v>99999</v></c></row>"),
        sheet_of("<row r='x'><c r='A1'><v>Secretly</v></c></row>"),
        sheet_of("<row r='1'><c r='A1'><v>Secretly</v></c></row>"),
        b"Secretly no XML",
        sheet_of("<row><c><v>&a;</v></c></row>", '<!DOCTYPE w [<!ENTITY a "Secretly">]>'),
        sheet_of("<row><c><v>&a;</v></c></row>", '<!DOCTYPE w [<!ENTITY a SYSTEM "/etc/hosts">]>'),
    ],
)
def test_a_broken_or_hostile_sheet_is_one_problem_without_a_value(inner: bytes, book: Path) -> None:
    assert "Secretly" not in refusal(repacked(book, {SHEET: inner}))


def test_texts_are_read_from_excels_own_list_of_them(book: Path) -> None:
    """Excel keeps each text once, beside the sheets; openpyxl writes them into the cells."""
    with zipfile.ZipFile(book) as archive:
        types = archive.read("[Content_Types].xml")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    texts = "<si><t>_x0041_da_x000D_</t></si><si><r><t>Åse </t></r><r><t>Two</t></r></si>"
    cells = "<c r='A1' t='s'><v>0</v></c><c r='C1' t='s'><v>1</v></c><c r='D1'><v>7</v></c>"
    changes = {
        "[Content_Types].xml": types.replace(b"</Types>", override.encode()),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>'.encode(),
        SHEET: sheet_of(f"<row r='1'>{cells}</row>"),
    }
    (line,) = read_tables(repacked(book, changes))[0]
    assert line.cells[:5] == ("Ada\r", None, "Åse Two", 7, None)


def test_a_formula_gives_the_value_that_excel_last_saw(book: Path) -> None:
    cells = "<c r='A1' t='str'><f>UPPER(B1)</f><v>ACCEPTED</v></c><c r='B1'><f>1+1</f></c>"
    (line,) = read_tables(repacked(book, {SHEET: sheet_of(f"<row r='1'>{cells}</row>")}))[0]
    assert line.cells[:2] == ("ACCEPTED", None)


def test_nothing_is_warned_about_since_warnings_quote(
    book: Path, recwarn: pytest.WarningsRecorder
) -> None:
    dated = sheet_of("<row r='1'><c r='A1' s='1'><v>99999999999</v></c></row>")
    repacked(book, {SHEET: dated})
    read_tables(book)
    assert not recwarn.list


def test_a_sheet_that_claims_a_far_row_costs_nothing(book: Path) -> None:
    far = sheet_of("<row r='1048576'><c r='A1048576'><v>1</v></c></row>")
    (line,) = read_tables(repacked(book, {SHEET: far}))[0]
    assert (line.number, line.cells[0]) == (1_048_576, 1)
    beyond = sheet_of("<row r='2000000000'><c r='A2000000000'><v>1</v></c></row>")
    assert read_tables(repacked(book, {SHEET: beyond}))[0] == []


def test_more_rows_than_a_person_fills_in_are_refused(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 2)
    assert refusal(book) == "more than 2 rows"
    path = csv_file(book.with_suffix(".csv"), [answered()])
    assert refusal(path) == "more than 2 rows"
    assert MOST_ROWS > 10_000


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert refusal(path) == f"larger than {MOST_BYTES // 2**20} MiB"


def test_a_csv_file_that_is_not_utf_8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("Status\nSøndergaard\n".encode("cp1252"))
    with pytest.raises(TableProblems) as raised:
        read_tables(path)
    (problem,) = raised.value.problems
    assert (problem.line, problem.message) == (2, "not UTF-8: save it as 'CSV UTF-8'")


def test_a_quotation_mark_that_never_closes_is_no_csv(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text('"Secretly,Status')
    assert refusal(path) == "not a CSV file"
