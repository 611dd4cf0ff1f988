"""What a person put in place of what an event says; the event's own bytes stay as they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from consumer.mapping.said import Kind, Said
from consumer.reason import Reason, Stage, Stopped

_LONGEST = {"site": 255, "learner": 255, "course": 1000, "occurrence": 255, "source": 60}
REQUIRED = ("source", "site", "learner", "course", "completed")
"""Fields without which nobody can tell what was completed: of an unreadable event, all of them."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Declared fields of an event in a person's words; `value` stands in for unreadable bytes.

    `was` is when the event itself says it was completed, and how many points: said once more by
    the LMS it is what was corrected, and no news.
    """

    fields: Mapping[str, str] = field(repr=False)
    value: bytes | None = field(default=None, repr=False)
    was: Mapping[str, str] = field(default_factory=dict, repr=False)

    def applied(self, said: Said | None, mapping: str, version: int) -> Said:
        """What the event says now. Raises Stopped, naming the fields that are missing or wrong."""
        wrong = faults(self.fields)
        if said is None:
            wrong |= dict.fromkeys(self._lacking(mapping), "is needed")
        if wrong:
            raise Stopped(
                *(Reason(Stage.MAP, "value_missing", name, why) for name, why in wrong.items())
            )
        values = {name: READERS[name](text) for name, text in self.fields.items()}
        if said is not None:
            return replace(said, **values)
        source = values.pop("source", mapping.partition("/")[0])
        return Said(Kind.COMPLETION, source, mapping, version, **values)

    def _lacking(self, mapping: str) -> list[str]:
        known = {"source"} if mapping else set()
        return [name for name in REQUIRED if not self.fields.get(name) and name not in known]

    def before(self, said: Said) -> Said | None:
        """What it said before it was corrected; None when nobody could read that."""
        if not self.was:
            return None
        return replace(said, **{name: READERS[name](text) for name, text in self.was.items()})


def faults(fields: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by field, in words for people; the values are not in them."""
    found: dict[str, str] = {}
    for name, text in fields.items():
        try:
            READERS[name](text)
        except KeyError:
            found[name] = f"is no field of an event; there are: {', '.join(READERS)}"
        except ValueError as error:
            found[name] = str(error)
    return found


def as_text(value: object) -> str:
    """A field's value as people type it."""
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _text(name: str, *, blank: bool = False) -> Callable[[str], str]:
    def read(text: str) -> str:
        plain = text.strip()
        if not plain and not blank:
            raise ValueError("is blank")
        if len(plain) > _LONGEST[name]:
            raise ValueError(f"is longer than {_LONGEST[name]} characters")
        if not plain.isprintable():
            raise ValueError("holds a character that cannot be printed")
        return plain

    return read


def _moment(text: str) -> datetime | date:
    plain = text.strip()
    try:
        if len(plain) <= len("2026-11-20"):
            return date.fromisoformat(plain)
        moment = datetime.fromisoformat(plain)
    except ValueError:
        raise ValueError("write 2026-11-20, or 2026-11-20T18:30:00-06:00") from None
    if moment.tzinfo is None:
        raise ValueError("a time needs its time zone: 2026-11-20T18:30:00-06:00")
    return moment


def _points(text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        points = Decimal(text.strip())
    except InvalidOperation:
        points = Decimal(-1)
    if not points.is_finite() or points < 0:
        raise ValueError("write a number, such as 1.5")
    return points


READERS: Mapping[str, Callable[[str], Any]] = {
    "learner": _text("learner"),
    "course": _text("course"),
    "completed": _moment,
    "points": _points,
    "occurrence": _text("occurrence", blank=True),
    "site": _text("site"),
    "source": _text("source"),
}
"""What a person may correct, and how each is read; the rules judge the values afterwards."""
