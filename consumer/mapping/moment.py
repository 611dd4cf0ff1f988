"""Instants and dates: from what LMSs write to aware UTC instants and plain dates.

An instant without a zone is refused unless the mapping names one: a completion at 03:38 UTC on
1 January is still last year in New York, another MOC year (lms-events.md, section 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from consumer.mapping.fault import Fault, text

# 0, "0001-01-01" and seconds read as milliseconds all mean "never" and lie before these, as
# "9999-12-31" lies behind them.
EARLIEST, LATEST = date(1990, 1, 1), date(2199, 12, 31)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_TEXT = re.compile(r"\d{1,15}", re.ASCII)
_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO = re.compile(
    _DATE + r"[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?", re.ASCII
)
_PARTS = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d{2})", "DD": r"(?P<d>\d{2})"}
_LOOSE = {"M": r"(?P<m>\d{1,2})", "D": r"(?P<d>\d{1,2})"}
_TOKEN = re.compile("YYYY|MM|DD|M|D")

Instant = Callable[[Any], datetime]


def instant(form: str, zone: ZoneInfo | None) -> Instant:
    """A reader for `iso8601`, `epoch_s`, `epoch_ms` or a strptime pattern.

    It returns UTC and raises Fault `date_not_understood`, `zone_missing` or `wrong_type`. A local
    time that occurs twice is taken as its first occurrence, one that is skipped as if the clock
    had not been moved yet (fold=0). Raises ValueError for a form that is none of these.
    """
    if form in ("epoch_s", "epoch_ms"):
        return _epoch(timedelta(seconds=1) if form == "epoch_s" else timedelta(milliseconds=1))
    read = datetime.fromisoformat if form == "iso8601" else _pattern(form)
    shape = _ISO if form == "iso8601" else None

    def run(value: Any) -> datetime:
        written = text(value).strip()
        if shape and not shape.fullmatch(written):
            raise Fault("date_not_understood")
        try:
            return _in_utc(read(written), zone)
        except (ValueError, OverflowError):
            raise Fault("date_not_understood") from None

    return run


def _in_utc(moment: datetime, zone: ZoneInfo | None) -> datetime:
    if moment.tzinfo is None:
        if zone is None:
            raise Fault("zone_missing")
        moment = moment.replace(tzinfo=zone)
    return _plausible(moment.astimezone(UTC))


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST <= moment.date() <= LATEST:
        raise Fault("date_not_understood")
    return moment


def _epoch(unit: timedelta) -> Instant:
    def run(value: Any) -> datetime:
        if type(value) is not float:
            value = text(value).strip()
            if not _EPOCH_TEXT.fullmatch(value):
                raise Fault("date_not_understood")
            value = int(value)
        try:
            return _plausible(_EPOCH + value * unit)
        except (OverflowError, ValueError):
            raise Fault("date_not_understood") from None

    return run


def _pattern(form: str) -> Callable[[str], datetime]:
    """A strptime reader. Raises ValueError unless the pattern keeps a whole date and time."""
    sample = datetime(2026, 11, 20, 13, 45, tzinfo=UTC)
    read = datetime.strptime(sample.strftime(form), form)  # noqa: DTZ007 - the zone is checked later
    if read.replace(tzinfo=UTC) != sample:
        raise ValueError("the pattern must hold year, month, day, hour and minute")
    return lambda written: datetime.strptime(written, form)  # noqa: DTZ007


def dates(forms: Sequence[str]) -> Callable[[Any], date]:
    """A reader for plain dates such as `YYYY-MM-DD` or `M/D/YYYY`.

    Raises Fault `date_not_understood`, or `ambiguous_value` if two forms read two dates. Raises
    ValueError for a form without year, month and day.
    """
    shapes = [_date_shape(form) for form in forms]

    def run(value: Any) -> date:
        written = text(value).strip()
        found = {_date(match) for shape in shapes if (match := shape.fullmatch(written))}
        found.discard(None)
        if len(found) > 1:
            raise Fault("ambiguous_value")
        return _plausible_date(found.pop() if found else None)

    return run


def _plausible_date(found: date | None) -> date:
    if found is None or not EARLIEST <= found <= LATEST:
        raise Fault("date_not_understood")
    return found


def _date(match: re.Match[str]) -> date | None:
    try:
        return date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return None


def _date_shape(form: str) -> re.Pattern[str]:
    parts = _TOKEN.findall(form)
    if sorted(part[0] for part in parts) != ["D", "M", "Y"]:
        raise ValueError("a date form holds YYYY, MM (or M) and DD (or D) once each")
    known = _PARTS | _LOOSE
    return re.compile(_TOKEN.sub(lambda part: known[part[0]], re.escape(form)), re.ASCII)
