"""An Excel workbook read row by row: values as Excel last showed them, nothing of it run."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from openpyxl import load_workbook
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils import coordinate_to_tuple
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser
from openpyxl.xml.constants import SHEET_MAIN_NS

from consumer.tables.archive import SAVE_AS, Bounds, has_macros, refusal
from consumer.tables.cell import (
    MOST_COLUMNS,
    MOST_ROWS,
    Arrived,
    Cell,
    Line,
    Spoilt,
    TooMany,
    bounded,
)
from consumer.tables.csvfile import TableProblem, TableProblems

MOST_SHEETS = 50
# 100,000 learners with 15 columns unpack to some 100 MiB.
_BOUNDS = Bounds(unpacked=384 * 1024 * 1024, whole=4 * 1024 * 1024, macros=True)
_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}t"
_MOST_MERGED = 10_000
_ENCODED = re.compile("_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")  # half a surrogate stays as it is
_ZEROS = re.compile("0{2,}")

Known = Callable[[Line], int]
"""Counts the known headings in a row."""


def read_workbook(name: str, data: bytes, wanted: str, known: Known, among: int = 10) -> Arrived:
    """The sheet `wanted`, or the one visible sheet with the headings of the table.

    Raises TableProblems: the file as such, or which sheet is meant.
    """
    try:
        why = refusal(data, _BOUNDS)
        book = None if why else _opened(data)
    except Exception:  # noqa: BLE001  a foreign file may raise anything, with its contents in the text
        book, why = None, f"not an Excel workbook that can be read: {SAVE_AS}"
    if book is None:
        raise _fault(name, why)
    notes = ["it holds macros: they were not run"] if has_macros(data) else []
    sheet = _chosen(name, book, wanted, known, among, notes)
    reading = _Reading(name, book, sheet)
    return Arrived(name, reading.lines(), notes, reading.merged, typed=True, lettered=True)


def _opened(data: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl's may quote a cell
        return load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)


def _chosen(name: str, book: Any, wanted: str, known: Known, among: int, notes: list[str]) -> Any:
    sheets = book.worksheets[:MOST_SHEETS]
    if wanted:
        found = [sheet for sheet in sheets if sheet.title.casefold() == wanted.casefold()]
        if not found:
            titles = ", ".join(sheet.title for sheet in sheets)
            raise _fault(name, f"there is no sheet of that name; there are: {titles}")
        return found[0]
    hidden = [sheet.title for sheet in sheets if sheet.sheet_state != "visible"]
    shown = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    notes += [f"hidden sheet, not read: {title}" for title in hidden]
    likely = [sheet for sheet in shown if _looks(name, book, sheet, known, among)]
    if len(likely) > 1:
        titles = ", ".join(sheet.title for sheet in likely)
        raise _fault(name, f"several sheets could be meant: {titles}; say which with --sheet")
    if not likely and len(shown) != 1:
        raise _fault(name, "no sheet has the headings of this table; say which with --sheet")
    chosen = (likely or shown)[0]
    notes += [f"sheet read: {chosen.title}"] if len(sheets) > 1 else []
    return chosen


def _looks(name: str, book: Any, sheet: Any, known: Known, among: int) -> bool:
    for place, line in enumerate(_Reading(name, book, sheet).lines()):
        if place == among:
            break
        if known(line) >= 2:
            return True
    return False


class _Reading:
    """One sheet on its way; merged cells are told by its end."""

    def __init__(self, name: str, book: Any, sheet: Any) -> None:
        self._name, self._sheet = name, sheet
        self._parser: _Parser | None = None
        self._zeros = _zeros(book)

    def lines(self) -> Iterator[Line]:
        """The rows that hold anything. Raises TableProblems when the sheet breaks off."""
        rows = bounded(self._rows())
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    line = next(rows, None)
            except TooMany as many:
                raise _fault(self._name, str(many)) from None
            except Exception:  # noqa: BLE001  as above
                raise _fault(self._name, f"the sheet cannot be read: {SAVE_AS}") from None
            if line is None:
                return
            yield line

    def merged(self) -> list[TableProblem]:
        """The merged ranges by each of their rows, once all lines were read."""
        ranges = self._parser.merged_cells if self._parser else None
        message = "merged cells: unmerge them, and fill in each"
        return [
            TableProblem(self._name, row, one.ref, message)
            for one in (ranges.mergeCell if ranges else ())
            for row in _rows_of(one.ref)
        ]

    def _rows(self) -> Iterator[Line]:
        book = self._sheet.parent
        with self._sheet._get_source() as source:
            self._parser = _Parser(
                source,
                self._sheet._shared_strings,
                data_only=True,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
            )
            self._parser.zeros = self._zeros
            for number, cells in self._parser.parse():
                yield Line(number, _laid_out(cells))


class _Parser(WorkSheetParser):
    """openpyxl's, which would give a formula that Excel never worked out as a blank cell."""

    zeros: dict[int, int]

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = _plain(element) or super().parse_cell(element)
        value = cell["value"]
        if cell["data_type"] == "e":
            cell["value"] = Spoilt("Excel shows an error here")
        elif value is None:
            if element.find(FORMULA_TAG) is not None:
                cell["value"] = Spoilt("a formula without a value: open it in Excel and save it")
        elif cell["data_type"] == "n" and cell["style_id"] in self.zeros and type(value) is int:
            # A format such as 000000: the zeros that Excel shows are part of the number.
            cell["value"] = str(value).zfill(self.zeros[cell["style_id"]])
        elif type(value) is str:
            cell["value"] = _ENCODED.sub(lambda found: chr(int(found[1], 16)), value)
        return cell


def _plain(element: Any) -> dict[str, Any] | None:
    """A text that stands in the cell itself, unformatted: four times as fast as openpyxl's way."""
    place = element.get("r")
    if not place or element.get("t") != "inlineStr" or len(element) != 1 or len(element[0]) != 1:
        return None
    inner = element[0][0]
    if inner.tag != _TEXT_TAG:
        return None
    row, column = coordinate_to_tuple(place)
    return {"row": row, "column": column, "value": inner.text, "data_type": "s", "style_id": 0}


def _rows_of(merged: str) -> range:
    """The rows of a range such as F3:F4; a whole column would be a million."""
    rows = [int(number) for number in re.findall(r"\d+", merged)] or [1, MOST_ROWS]
    return range(rows[0], min(rows[-1], rows[0] + _MOST_MERGED) + 1)


def _zeros(book: Any) -> dict[int, int]:
    """Styles that show a number with leading zeros, and to how many digits."""
    found = {}
    for style, cell in enumerate(book._cell_styles):
        number = cell.numFmtId
        own = book._number_formats
        form = own[number - 164] if 164 <= number < 164 + len(own) else BUILTIN_FORMATS.get(number)
        if form and _ZEROS.fullmatch(form):
            found[style] = len(form)
    return found


def _laid_out(cells: Sequence[dict[str, Any]]) -> tuple[Cell, ...]:
    told = [cell for cell in cells if cell["value"] is not None and cell["column"] <= MOST_COLUMNS]
    row: list[Cell] = [None] * max((cell["column"] for cell in told), default=0)
    for cell in told:
        row[cell["column"] - 1] = cell["value"]
    return tuple(row)


def _fault(name: str, message: str) -> TableProblems:
    return TableProblems([TableProblem(name, 0, "", message)])
