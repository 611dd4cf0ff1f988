"""A table that came back from a person's computer, Excel or CSV, read as rows without harm."""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl import load_workbook

from consumer.tables.csvfile import TableProblem, TableProblems

Cell = str | int | float | bool | datetime | date | time | timedelta | None
MOST_BYTES = 16 * 1024 * 1024  # of the file
MOST_UNPACKED = 64 * 1024 * 1024  # of all that is in it
MOST_MEMBERS = 500
MOST_WHOLE = 4 * 1024 * 1024  # of a part that is not read bit by bit
MOST_SHEETS = 20
MOST_ROWS = 50_000
MOST_COLUMNS = 60
_LAST_ROW = 1_048_576  # of any Excel sheet; a style may reach down to it

_ENCODED = re.compile("_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")  # half a surrogate stays as it is
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_SAVE_AS = "save it as 'Excel workbook (.xlsx)'"
_BIT_BY_BIT = ("xl/worksheets/", "xl/sharedstrings.xml", "xl/media/", "xl/calcchain.xml")
# Parts that reach outside of the file, or run.
_UNWANTED = (
    ("xl/externallinks/", "it is linked to other files: break the links and save it again"),
    ("xl/connections", "it fetches data from elsewhere: remove the connections"),
    ("xl/querytables/", "it fetches data from elsewhere: remove the connections"),
    ("xl/vbaproject", f"it holds macros: {_SAVE_AS}"),
    ("xl/macrosheets/", f"it holds macros: {_SAVE_AS}"),
    ("xl/embeddings/", "other files are embedded in it: remove them"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it stands in the file; `number` as Excel or an editor counts, from 1."""

    number: int
    cells: tuple[Cell, ...]


Table = list[Line]


def read_tables(path: Path) -> list[Table]:
    """The file's sheets; of a CSV file one reading for each sign that may divide its cells.

    Judged by content, not by name. Raises TableProblems with one problem: the file as such.
    """
    data = _data(path)
    if data.startswith(_OLD_EXCEL):
        raise fault(path, f"an old Excel file (.xls), or one with a password: {_SAVE_AS}")
    return _sheets(path, data) if data.startswith(b"PK") else _readings(path, data)


def fault(path: Path, message: str) -> TableProblems:
    """A problem of the file as such."""
    return TableProblems([TableProblem(path.name, 0, "", message)])


def _data(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise fault(path, f"cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise fault(path, f"larger than {MOST_BYTES // 2**20} MiB")
    return data


def _sheets(path: Path, data: bytes) -> list[Table]:
    try:
        refusal = _refusal(data)
        # A foreign file may make the parsers raise anything, with its contents in the text.
        tables = [] if refusal else _loaded(data)
    except _TooMany as many:
        refusal = str(many)
    except Exception:  # noqa: BLE001  see above; nothing of it is kept
        refusal = f"not an Excel workbook that can be read: {_SAVE_AS}"
    if refusal:
        raise fault(path, refusal)
    return tables


def _refusal(data: bytes) -> str:
    """Why this archive is not opened, by its directory alone; the sizes there bind the reader."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    names = [member.filename.lower().lstrip("/") for member in members]
    if "xl/workbook.xml" not in names:
        return f"not an Excel workbook: {_SAVE_AS}"
    if any(member.flag_bits & 1 for member in members):
        return "it has a password: save it without"
    if len({*names}) < len(names) or len(names) > MOST_MEMBERS:
        return "its inner structure is not Excel's"
    sizes = [member.file_size for member in members]
    whole = [size for name, size in zip(names, sizes, strict=True) if not _in_bits(name)]
    if sum(sizes) > MOST_UNPACKED or max(whole) > MOST_WHOLE:
        return f"larger than {MOST_UNPACKED // 2**20} MiB when unpacked"
    found = (why for start, why in _UNWANTED if any(name.startswith(start) for name in names))
    return next(found, "")


def _in_bits(name: str) -> bool:
    return name.startswith(_BIT_BY_BIT)


class _TooMany(Exception):
    """More rows than a person fills in."""


def _loaded(data: bytes) -> list[Table]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl's may quote a cell
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            return [_lines(_rows(sheet)) for sheet in book.worksheets[:MOST_SHEETS]]
        finally:
            book.close()


def _rows(sheet: object) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    most = {"max_row": _LAST_ROW, "max_col": MOST_COLUMNS, "values_only": True}
    rows = sheet.iter_rows(**most)  # type: ignore[attr-defined]
    for number, row in enumerate(rows, 1):
        if row.count(None) < len(row):
            yield number, tuple(map(_decoded, row))


def _decoded(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), cell)


def _lines(rows: Iterator[tuple[int, tuple[Cell, ...]]]) -> Table:
    """The rows that hold anything."""
    table = []
    for number, cells in rows:
        if any(cell is not None and str(cell).strip() for cell in cells):
            table.append(Line(number, cells))
        if len(table) > MOST_ROWS:
            raise _TooMany(f"more than {MOST_ROWS} rows")
    return table


def _readings(path: Path, data: bytes) -> list[Table]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = "not UTF-8: save it as 'CSV UTF-8'"
        raise TableProblems([TableProblem(path.name, line, "", message)]) from None
    try:
        found = [table for sign in ",;\t" if (table := _reading(text, sign)) is not None]
    except _TooMany as many:
        raise fault(path, str(many)) from None
    if not found:
        raise fault(path, "not a CSV file")
    return found


def _reading(text: str, sign: str) -> Table | None:
    """The table if `sign` divides the cells; None when it cannot be read so."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    try:
        return _lines((lines.line_num, tuple(row)) for row in lines)
    except csv.Error:
        return None


Columns = Callable[[Line], int]


def best(tables: list[Table], known: Columns, among: int = 10) -> tuple[Line, Table] | None:
    """The row that looks most like headings, and what stands below it.

    `known` counts the known headings in a row; only the first `among` rows of a table are asked.
    """
    tops = [(line, table) for table in tables for line in table[:among]]
    head, table = max(tops, key=lambda top: known(top[0]), default=(Line(0, ()), []))
    if not known(head):
        return None
    return head, [line for line in table if line.number > head.number]
