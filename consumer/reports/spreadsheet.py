"""A table that came back from a person's computer, Excel or CSV, read as rows without harm."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl import load_workbook

from consumer.tables.archive import OLD_EXCEL, SAVE_AS, Bounds, refusal, refusal_of_old
from consumer.tables.csvfile import TableProblem, TableProblems

Cell = str | int | float | bool | datetime | date | time | timedelta | None
MOST_BYTES = 16 * 1024 * 1024  # of the file
MOST_UNPACKED = 64 * 1024 * 1024  # of all that is in it
MOST_WHOLE = 4 * 1024 * 1024  # of a part that is not read bit by bit
MOST_SHEETS = 20
MOST_ROWS = 50_000
MOST_COLUMNS = 60
_LAST_ROW = 1_048_576  # of any Excel sheet; a style may reach down to it

_ENCODED = re.compile("_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")  # half a surrogate stays as it is
_BOUNDS = Bounds(MOST_UNPACKED, MOST_WHOLE)


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
    if data.startswith(OLD_EXCEL):
        raise fault(path, refusal_of_old(data))
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
        why = refusal(data, _BOUNDS)
        # A foreign file may make the parsers raise anything, with its contents in the text.
        tables = [] if why else _loaded(data)
    except _TooMany as many:
        why = str(many)
    except Exception:  # noqa: BLE001  see above; nothing of it is kept
        why = f"not an Excel workbook that can be read: {SAVE_AS}"
    if why:
        raise fault(path, why)
    return tables


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
