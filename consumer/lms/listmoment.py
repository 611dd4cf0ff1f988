"""When a list says a course was completed: times as LMSs export them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from consumer.mapping.fault import Fault
from consumer.mapping.moment import EARLIEST, LATEST, dates, instant
from consumer.tables.cell import Cell
from consumer.tables.day import Wrong

_DIGITS = re.compile(r"\d{1,15}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SECONDS_END = 10**11
"""Larger numbers are milliseconds: as seconds they would be after the year 5000."""
_SAYS = {
    "zone_missing": "a time without its zone: say zone, the list's time zone",
    "ambiguous_value": "a day that can be read in two ways: say form",
    "wrong_type": "no time of completion",
}
_FORMS = (
    "no time of completion that is known: 2026-11-12, 2026-11-12T10:00:00Z or seconds since 1970"
    " are, another needs form"
)


@dataclass(frozen=True, slots=True)
class ListMoments:
    """Reads times: `zone` is for those without one, `form` for those that are not ISO or seconds.

    `form` is a strptime pattern such as `%m/%d/%Y %H:%M`, or a date such as `M/D/YYYY`.
    """

    zone: ZoneInfo | None = None
    form: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for a form that keeps no whole day."""
        self._formed()

    def read(self, cell: Cell) -> datetime | date | None:
        """The instant in UTC, a plain date where there is no time, None where nothing is.

        Raises Wrong without the value.
        """
        if cell is None or cell == 0:
            return None
        if isinstance(cell, datetime):
            return self._clocked(cell)
        if isinstance(cell, date):
            return _plausible(cell)
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            raise Wrong(_SAYS["wrong_type"])
        # Moodle's 0 means never.
        text = str(cell).strip()
        return self._text(text) if text and text != "0" else None

    def _clocked(self, cell: datetime) -> datetime | date:
        """A cell of a workbook or a database: a day alone comes with midnight as its time."""
        if cell.tzinfo is None:
            if cell.time() == time():
                return _plausible(cell.date())
            if self.zone is None:
                raise Wrong(_SAYS["zone_missing"])
            cell = cell.replace(tzinfo=self.zone)
        _plausible(cell.date())
        return cell.astimezone(UTC)

    def _text(self, text: str) -> datetime | date:
        try:
            if formed := self._formed():
                return formed(text)
            if _DIGITS.fullmatch(text):
                unit = "epoch_s" if int(text) < _SECONDS_END else "epoch_ms"
                return instant(unit, None)(text)
            day = dates(["YYYY-MM-DD"]) if _DAY.fullmatch(text) else None
            return day(text) if day else instant("iso8601", self.zone)(text)
        except Fault as fault:
            raise Wrong(_SAYS.get(fault.code, _FORMS)) from None

    def _formed(self) -> Callable[[str], datetime | date] | None:
        if not self.form:
            return None
        return instant(self.form, self.zone) if "%" in self.form else dates([self.form])


def _plausible(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise Wrong(_FORMS)
    return day
