"""Values as spreadsheet programs leave them: mended where that is safe, each mending named."""

from __future__ import annotations

import re
from calendar import month_abbr
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from consumer.pars.element import ILLEGAL
from consumer.participant import BirthDate
from consumer.reports.spreadsheet import Cell
from consumer.rules import parse_birth_date

ZEROS = "leading zeros were lost and have been put back"
DATE_WAS_NUMBER = "the completion date was a number and has been read as Excel counts days"
BIRTH_WAS_DATE = "the birth date had become a full date: its month and day were taken"

_EPOCH = date(1899, 12, 30)
_MONTHS = {month_abbr[number].lower(): number for number in range(1, 13)}
_SERIAL = re.compile(r"[1-9]\d{4}", re.ASCII)  # fewer digits could be a month and day run together
_DAY_NAMED = re.compile(r"(\d{1,2})[-. ]([A-Za-z]{3})|([A-Za-z]{3})[-. ](\d{1,2})", re.ASCII)
_DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass(slots=True)
class Mender:
    """Reads the cells of one row; `notes` tells what was mended."""

    notes: list[str] = field(default_factory=list)

    def text(self, cell: Cell) -> str:
        """The cell as text without blanks around and control characters; 5.0 as "5"."""
        if isinstance(cell, float) and cell.is_integer():
            return str(int(cell))
        return "" if cell is None else ILLEGAL.sub("", str(cell)).strip()

    def number(self, cell: Cell, digits: int) -> str:
        """An ID of so many digits; zeros that a spreadsheet dropped in front are put back."""
        text = re.sub(r"\s+", "", self.text(cell)).removesuffix(".0")
        if re.fullmatch(r"\d+", text, re.ASCII) and len(text) < digits:
            self._note(ZEROS)
            return text.zfill(digits)
        return text

    def day(self, cell: Cell) -> date:
        """A completion date: a real date, ISO, month/day/year, or days as Excel counts them.

        Raises ValueError for anything else.
        """
        if isinstance(cell, date):
            return cell.date() if isinstance(cell, datetime) else cell
        text = self.text(cell)
        if _SERIAL.fullmatch(text):
            self._note(DATE_WAS_NUMBER)
            return _EPOCH + timedelta(days=int(text))
        return next(_days(text), None) or _unreadable()

    def birth_date(self, cell: Cell) -> BirthDate:
        """Month and day. Raises ValueError when there are none."""
        if isinstance(cell, date) or _SERIAL.fullmatch(self.text(cell)):
            return self._month_and_day(cell)
        if found := _DAY_NAMED.fullmatch(self.text(cell)):
            self._note(BIRTH_WAS_DATE)
            day, name = found[1] or found[4], found[2] or found[3]
            return parse_birth_date(f"{_MONTHS.get(name.lower(), 0)}/{day}")
        born = parse_birth_date(self.text(cell))
        return BirthDate(born.month, born.day)

    def _month_and_day(self, cell: Cell) -> BirthDate:
        self._note(BIRTH_WAS_DATE)
        full = cell if isinstance(cell, date) else _EPOCH + timedelta(days=int(self.text(cell)))
        return BirthDate(full.month, full.day)

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _days(text: str) -> Iterator[date]:
    for form in _DAYS:
        try:
            yield datetime.strptime(text, form).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue


def _unreadable() -> date:
    raise ValueError("no form of date fits")
