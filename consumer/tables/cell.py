"""A cell as a file, a workbook or a database gives it, before anybody knows what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from openpyxl.utils import get_column_letter

from consumer.tables.csvfile import TableProblem

MOST_COLUMNS = 100
MOST_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A cell without a value that could be used; `why` in words for people."""

    why: str


Cell = str | int | float | bool | Decimal | datetime | date | time | timedelta | Spoilt | None


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it stands in the file; `number` as Excel or an editor counts, from 1."""

    number: int
    cells: tuple[Cell, ...]

    @property
    def blank(self) -> bool:
        """Whether no cell of it holds anything."""
        return not any(cell is not None and str(cell).strip() for cell in self.cells)


@dataclass(slots=True)
class Arrived:
    """A table from outside, read row by row; `notes` are for the person who brought it.

    `late` tells, once all lines were read, what only the end of the file says. `typed` is whether
    numbers and dates are told from text, as in Excel and databases but not in CSV.
    """

    name: str
    lines: Iterator[Line]
    notes: list[str] = field(default_factory=list)
    late: Callable[[], list[TableProblem]] = list
    typed: bool = False
    lettered: bool = False

    def place(self, index: int, column: str, line: int) -> str:
        """The column as a person finds it: in Excel with the cell, such as birth_date (F7)."""
        return f"{column} ({get_column_letter(index + 1)}{line})" if self.lettered else column


class TooMany(Exception):
    """More rows than the tables are made for."""


def bounded(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines that hold anything. Raises TooMany beyond MOST_ROWS."""
    count = 0
    for line in lines:
        if line.blank:
            continue
        count += 1
        if count > MOST_ROWS:
            raise TooMany(f"more than {MOST_ROWS} rows")
        yield line
