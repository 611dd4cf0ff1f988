"""Invented values in place of a sample's own, of the same shape, so that examples hold nobody."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from consumer.drafting.leaf import Steps, words_of
from consumer.event import Envelope

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://.*", re.IGNORECASE)
_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_ISO_DATE = re.compile(r"\d{4}([-/])\d{2}\1\d{2}")
_DAY_FIRST = re.compile(r"(\d{1,2})([/.])(\d{1,2})\2\d{4}")
_NAMED_DAY = re.compile(r"\d{1,2}[ -]([A-Z][a-z]{2})[ -]\d{4}|([A-Z][a-z]{2}) \d{1,2}, \d{4}")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?")
_FREE = re.compile(r"[^A-Za-z0-9_-]|^\d+$|^[0-9a-fA-F-]{32,}$")
_MEANINGFUL = {"content-type", "ce_type", "ce_specversion", "ce_datacontenttype"}

# 20 November 2026, 18:00 UTC: a Friday.
_SECONDS = 1_795_197_600


class Inventor:
    """Gives the same invented value for the same true one, so that what belongs together stays so.

    `kept` are the places of values that are no person's, by which the event is recognised.
    """

    def __init__(self, kept: Collection[tuple[str, Steps]]) -> None:
        self._kept = {*kept}
        self._known: dict[str, Any] = {}

    def envelope(self, real: Envelope) -> Envelope:
        """The event with invented values; names, true, false and null stay."""
        headers = {name: self._header(name, value) for name, value in real.headers.items()}
        key = None if real.key is None else self._value(real.key, "key", "key", ())
        return Envelope(self._value(real.body, "", "body", ()), headers, key)

    def _header(self, name: str, value: str) -> str:
        if name in _MEANINGFUL:
            return value
        return str(self._value(value, name, "headers", (name,)))

    def _value(self, value: Any, name: str, root: str, at: Steps) -> Any:
        if isinstance(value, dict):
            return {
                self._name(one): self._value(member, one, root, (*at, one))
                for one, member in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, name, root, (*at, index)) for index, item in enumerate(value)]
        if value is None or isinstance(value, bool) or value == "" or (root, at) in self._kept:
            return value
        # 905 and "905" are one id, but must stay a number and a text.
        known = f"{type(value).__name__} {value}"
        if known not in self._known:
            self._known[known] = self._invent(value, name)
        return self._known[known]

    def _name(self, name: str) -> str:
        """A free name may be somebody's address or number; an IRI or a plain name is a field's."""
        if not _FREE.search(name) or _URL.fullmatch(name) or not re.search(r"@|^\d+$", name):
            return name
        invented: str = self._known.setdefault(f"name {name}", f"name_{len(self._known) + 1}")
        return invented

    def _invent(self, value: Any, name: str) -> Any:
        if isinstance(value, int):
            return self._digits(str(value), int)
        if isinstance(value, float):
            return 1.5
        return self._text(value, name)

    def _text(self, value: str, name: str) -> str:
        number = len(self._known) + 1
        if value.isascii() and value.isdigit():
            return str(self._digits(value, str))
        if _EMAIL.search(value):
            return f"learner{number}@lms.example"
        if _UUID.fullmatch(value):
            return f"00000000-0000-4000-8000-{number:012d}"
        if url := _URL.fullmatch(value):
            return f"{url[1]}://lms.example/{number}"
        if _dated(value):
            return _moment(value)
        if _HOST.fullmatch(value):
            return "lms.example"
        return _named(words_of(name), number)

    def _digits(self, written: str, kind: type) -> Any:
        if len(written) == 10 and written[0] in "123":
            return kind(_SECONDS)
        if len(written) == 13 and written[0] in "123":
            return kind(_SECONDS * 1000)
        # As many digits, where they are enough to tell two apart.
        width = max(len(written), 4)
        return kind("1" + str(len(self._known) + 1).rjust(width - 1, "0"))


def _dated(value: str) -> bool:
    return len(value) <= 40 and any(
        form.search(value) for form in (_ISO_DATE, _DAY_FIRST, _NAMED_DAY)
    )


def _moment(value: str) -> str:
    value = _ISO_DATE.sub(lambda m: f"2026{m[1]}11{m[1]}20", value)
    value = _DAY_FIRST.sub(_slashed, value)
    value = _NAMED_DAY.sub(lambda m: "20 Nov 2026" if m[1] else "Nov 20, 2026", value)
    value = re.sub(r"^(Mon|Tue|Wed|Thu|Sat|Sun)\b", "Fri", value)
    return _TIME.sub(_clock, value, count=1)


def _slashed(found: re.Match[str]) -> str:
    sign = found[2]
    day_first = int(found[1]) > 12 or sign == "."
    return f"20{sign}11{sign}2026" if day_first else f"11{sign}20{sign}2026"


def _clock(found: re.Match[str]) -> str:
    hour = "06" if len(found[0].split(":")[0]) == 2 else "6"
    fraction = found[2][0] + "0" * (len(found[2]) - 1) if found[2] else ""
    return f"{hour}:00" + (":00" if found[1] else "") + fraction


def _named(words: tuple[str, ...], number: int) -> str:
    told = {*words}
    about_course = {"course", "training", "activity", "module", "title", "program"}
    if told & {"first", "given"}:
        return "Ada"
    if told & {"last", "family", "surname"}:
        return "Kowalczyk"
    if told & {"name", "title", "label"}:
        return "An invented course" if told & about_course else "Ada Kowalczyk"
    return (
        f"{words[-2] if words[-1:] == ('id',) and words[1:] else (words or ('text',))[-1]}-{number}"
    )
