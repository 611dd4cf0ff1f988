"""Dates as spreadsheets leave them: month before day, four digits of year, nothing guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

from consumer.tables.cell import Cell

LEAST_AGE = 18
"""Years. Whoever earns MOC points is older; a younger birth date is a spreadsheet's own year."""

_MIDNIGHT = re.compile(r"[T ]0?0:00(:00(\.0+)?)?$")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})([/-])(\d{1,2})(?:\2(\d{2,4}))?", re.ASCII)
_NAMED = re.compile(
    r"\d{1,2}[-. ][A-Za-z]{3,9}\.?([-. ]\d{2,4})?|[A-Za-z]{3,9}[-. ]\d{1,4}(, ?\d{4})?"
)
WRITE = "write 1971-09-10, 09/10/1971 or 09/10"


class Wrong(Exception):
    """A cell that cannot be taken; the text says why, and never what stands in it."""


@dataclass(slots=True)
class DayReader:
    """Reads dates of one file; `day_first` is what the office said of it, None: month first.

    One date that can only be day first puts all others in doubt: `in_doubt` names them.
    """

    today: date
    day_first: bool = False
    _either: list[int] = field(default_factory=list)
    _only_other: int = 0

    def birth_date(self, cell: Cell, line: int) -> str:
        """ISO, or month/day where the year is not given. Raises Wrong."""
        if isinstance(cell, datetime | date):
            return self._plausible(cell.date() if isinstance(cell, datetime) else cell, true=False)
        if not isinstance(cell, str):
            raise Wrong(f"a number or a time, no date: {WRITE}")
        text = _MIDNIGHT.sub("", cell)
        if _NAMED.fullmatch(text):
            raise Wrong(f"a month by its name, as Excel shows a date it made itself: {WRITE}")
        month, day, year = self._parts(text, line)
        if year:
            return self._plausible(_date(year, month, day), true=True)
        _date(1904, month, day)  # a leap year: 29 February is a birthday too
        return f"{month:02}/{day:02}"

    def day(self, cell: Cell, line: int) -> str:
        """ISO. Raises Wrong."""
        if isinstance(cell, datetime):
            if cell.time() != time():
                raise Wrong("a time, where a date belongs: write 2026-01-31")
            return cell.date().isoformat()
        if isinstance(cell, date):
            return cell.isoformat()
        text = _MIDNIGHT.sub("", cell) if isinstance(cell, str) else ""
        if not text or _NAMED.fullmatch(text):
            raise Wrong("no date in a form that is certain: write 2026-01-31")
        month, day, year = self._parts(text, line)
        if not year:
            raise Wrong("a date without its year: write 2026-01-31")
        return _date(year, month, day).isoformat()

    def in_doubt(self) -> Iterator[tuple[int, str]]:
        """Lines whose date was read month first although another shows the day first."""
        if self._only_other:
            why = (f"day or month first? line {self._only_other} can only be the other way;"
                   " say which with --dates")  # fmt: skip
            yield from ((line, why) for line in self._either)

    def _parts(self, text: str, line: int) -> tuple[int, int, int]:
        """Month, day and year, 0 when there is none."""
        if found := _ISO.fullmatch(text):
            return int(found[2]), int(found[3]), int(found[1])
        found = _SLASHED.fullmatch(text)
        if not found:
            raise Wrong(f"no date in a form that is certain: {WRITE}")
        if found[4] and len(found[4]) != 4:
            raise Wrong("a year needs four digits")
        first, second = int(found[1]), int(found[3])
        month, day = (second, first) if self.day_first else (first, second)
        if month > 12 >= day:
            self._only_other = self._only_other or line
            raise Wrong("there is no such month: is the day written first? Then say --dates"
                        " day-first")  # fmt: skip
        if max(month, day) <= 12 and month != day:
            self._either.append(line)
        return month, day, int(found[4] or 0)

    def _plausible(self, born: date, *, true: bool) -> str:
        if born.year > self.today.year - LEAST_AGE:
            why = "a birth date of the last years" if true else "Excel's own year, not a birth date"
            raise Wrong(f"{why}: type it as text, such as 1971-09-10 or 09/10")
        if born.year < self.today.year - 110:
            raise Wrong(f"a birth date more than 110 years ago: {WRITE}")
        return born.isoformat()


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Wrong("there is no such day") from None
