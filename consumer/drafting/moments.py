"""Which form of time the samples write, found by reading them with the mapping's own readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from consumer.mapping.fault import Fault
from consumer.mapping.moment import dates, instant
from consumer.mapping.todo import TODO

Verbs = dict[str, str]

_TIMES = (
    "iso8601",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%Y-%m-%d %I:%M %p",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z",
    "%b %d, %Y %I:%M %p",
)
_DATES = (
    *("YYYY-MM-DD", "YYYY/MM/DD", "MM/DD/YYYY", "DD/MM/YYYY"),
    *("M/D/YYYY", "D/M/YYYY", "DD.MM.YYYY", "YYYYMMDD"),
)
_ANY = ZoneInfo("UTC")


def form_of(values: Sequence[Any]) -> Verbs | None:
    """The verbs that read all of these, None if it is no time; what is not clear is TODO."""
    if not values or any(isinstance(value, bool) for value in values):
        return None
    if unit := _epoch(values):
        return {"instant": unit}
    for pattern in _TIMES:
        if _reads(instant(pattern, _ANY), values):
            zoned = _reads(instant(pattern, None), values)
            return {"instant": pattern} | ({} if zoned else {"zone": TODO})
    fitting = [form for form in _DATES if _reads(dates([form]), values)]
    if not fitting:
        return None
    # 03/04/2026 is March in one country and April in another.
    clear = len({tuple(dates([form])(value) for value in values) for form in fitting}) == 1
    return {"date": f"[{fitting[0]}]"} if clear else {"date": f"[{TODO}]"}


def _epoch(values: Sequence[Any]) -> str:
    texts = {len(str(v)) for v in values if type(v) in (int, str) and str(v).isdigit()}
    if len(texts) != 1 or not all(str(value).isdigit() for value in values):
        return ""
    # 10 digits are seconds from 2001 to 2286, 13 are milliseconds of the same years.
    unit = {10: "epoch_s", 13: "epoch_ms"}.get(texts.pop(), "")
    return unit if unit and str(values[0])[0] in "123" else ""


def _reads(read: Any, values: Sequence[Any]) -> bool:
    try:
        for value in values:
            read(value)
    except Fault:
        return False
    return True
