"""A result sheet as PARS might offer it for download: the uploaded rows with the board's word."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from consumer.pars.simulator.uploads import RESULT_HEADINGS
from consumer.reports.sheet import Book, Value
from consumer.reports.spreadsheet import Cell
from consumer.reports.staging import Staging


def as_csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The sheet as CSV that Excel opens."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([RESULT_HEADINGS, *rows])
    return text.getvalue().encode("utf-8-sig")


def as_excel(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The sheet as an Excel workbook."""
    with TemporaryDirectory() as folder, Staging(Path(folder)) as staging:
        book, file = Book(staging, "results"), staging.create("results.xlsx")
        sheet = book.sheet("Results", [20] * len(RESULT_HEADINGS))
        sheet.heading(RESULT_HEADINGS)
        for row in rows:
            sheet.add(map(_value, row))
        book.save(file)
        file.seek(0)
        return file.read()


def _value(cell: Cell) -> Value:
    """Numbers digit by digit; whatever a template does not hold, as a text."""
    if isinstance(cell, float):
        return Decimal(str(cell))
    return cell if isinstance(cell, Value) and not isinstance(cell, bool) else str(cell)
