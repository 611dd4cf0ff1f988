"""How values look on the pages: times in the office's zone, days, numbers."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.templating import Jinja2Templates

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@pass_context
def when(context: Context, at: datetime | str | None) -> str:
    """A moment in the office's zone, to the minute."""
    if not at:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    zone: ZoneInfo = context["zone"]
    return moment.astimezone(zone).strftime("%-d %b %Y, %H:%M")


@pass_context
def ago(context: Context, at: datetime | str | None) -> str:
    """How long ago a moment was, in the largest unit that fits."""
    if not at:
        return "never"
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return age((context["now"] - moment).total_seconds()) + " ago"


@pass_context
def local(context: Context, text: str) -> str:
    """A sentence of the desk, which tells times as the command line does, in the office's zone."""
    return _IN_UTC.sub(lambda found: when(context, f"{found[1]}T{found[2]}+00:00"), text)


_IN_UTC = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC")


def age(seconds: float) -> str:
    """A length of time in the largest unit that fits."""
    for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        count = int(seconds // unit)
        if count >= 1:
            return f"{count} {word}{'s' if count > 1 else ''}"
    return "less than a minute"


def day(value: date | str | None) -> str:
    """A day, as people write it."""
    if not value:
        return ""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return found.strftime("%-d %b %Y")


def number(value: float) -> str:
    """A count with its thousands apart."""
    return f"{value:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """The count with its word."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {"when": when, "local": local, "ago": ago, "age": age, "day": day}
    made.filters.update(filters | {"number": number, "plural": plural})
    return made


TEMPLATES = Jinja2Templates(env=_environment())
