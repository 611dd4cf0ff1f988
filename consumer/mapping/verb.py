"""The verbs: the closed list of what a row may do to a value, each with its argument's check."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from consumer.mapping.fault import Fault, text
from consumer.mapping.moment import dates, instant
from consumer.mapping.tree import Node


class Role(StrEnum):
    """What a verb is in a row. A value goes through TEXT verbs, then through one CONVERSION."""

    SOURCE = "source"
    DETAIL = "detail"
    MISSING = "missing"
    TEXT = "text"
    CONVERSION = "conversion"


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb in the words of whoever writes mappings; documentation is made of this.

    `example` is a row, or what makes one beside `from`; `flag`: its argument is true, or it is
    left out.
    """

    name: str
    role: Role
    argument: str
    does: str
    example: str

    @property
    def flag(self) -> bool:
        """Whether it is only there or not."""
        return self.argument == "true"


TABLE = (
    Verb("from", Role.SOURCE, "PATH",
         "takes the value at the path",
         "from: body.user.id"),
    Verb("first_of", Role.SOURCE, "[PATH, PATH]",
         "takes the first that is there",
         "first_of: [item.actor.id, item.actor]"),
    Verb("join", Role.SOURCE, "[PATH, PATH]",
         "puts parts together, with the text of `with` between them. A part that is missing, or "
         "that holds this text, is an error",
         "join: [body.tenant, body.course.id], with: '|'"),
    Verb("const", Role.SOURCE, "TEXT",
         "always this; not for learner or times",
         "const: lms.example.org"),
    Verb("with", Role.DETAIL, "TEXT",
         "what `join` puts between the parts",
         "join: [body.tenant, body.course.id], with: '|'"),
    Verb("trim", Role.TEXT, "true",
         "removes blanks around the text",
         "from: body.user.id, trim: true"),
    Verb("strip_prefix", Role.TEXT, "TEXT",
         "removes this from the start, if it is there",
         "from: body.actor.mbox, strip_prefix: 'mailto:'"),
    Verb("upper", Role.TEXT, "true",
         "makes letters capital",
         "from: body.course.code, upper: true"),
    Verb("digits", Role.TEXT, "true",
         "keeps only the digits 0 to 9",
         "from: body.course.code, digits: true"),
    Verb("map", Role.TEXT, "{A: x, B: y}",
         "replaces A by x and B by y; any other value is an error",
         "from: body.site, map: {1: east, 2: west}"),
    Verb("number", Role.CONVERSION, "true",
         "reads a number: `1`, `1.25`, `\"1.25\"`; no exponent, no comma",
         "from: body.credits, number: true"),
    Verb("instant", Role.CONVERSION, "FORM",
         "reads a date with time: `iso8601`, `epoch_s`, `epoch_ms`, or a pattern of strptime",
         "from: body.completed_at, instant: iso8601"),
    Verb("date", Role.CONVERSION, "FORM or [FORM, FORM]",
         "reads a plain date, of YYYY, MM or M, DD or D. If two forms read two dates, that is an "
         "error",
         "from: body.completed_on, date: [YYYY-MM-DD, MM/DD/YYYY]"),
    Verb("zone", Role.DETAIL, "ZONE",
         "the time zone of an `instant` whose text names none. `zone:` of the mapping is for all "
         "its rows",
         "from: body.at, instant: '%m/%d/%Y %I:%M %p', zone: America/New_York"),
    Verb("optional", Role.MISSING, "true",
         "if there is nothing, the target stays empty; not for required targets",
         "from: body.title, optional: true"),
    Verb("default", Role.MISSING, "TEXT",
         "if there is nothing, this; it skips the verbs from `trim` to `map`. Not for learner or "
         "times",
         "from: body.site, default: lms.example.org"),
)  # fmt: skip
"""Every verb. Text verbs work in this order, whatever the order in the file: each on what the one
before it left."""


def _of(role: Role) -> tuple[str, ...]:
    return tuple(verb.name for verb in TABLE if verb.role is role)


SOURCES, CONVERSIONS, TEXT_VERBS = _of(Role.SOURCE), _of(Role.CONVERSION), _of(Role.TEXT)
FLAGS = tuple(verb.name for verb in TABLE if verb.flag)
VERBS = tuple(verb.name for verb in TABLE)

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_NOT_DIGITS = re.compile(r"[^0-9]+")

Change = Callable[[Any], Any]


class BadArgument(Exception):
    """A verb's argument makes no sense; says what it takes."""


def word(node: Node) -> str:
    """The argument as text that is not blank. Raises BadArgument."""
    if not isinstance(node.value, str) or not node.value.strip():
        raise BadArgument("takes a text")
    return node.value


def words(node: Node) -> list[str]:
    """The argument as a list of texts, or one text as a list of one. Raises BadArgument."""
    if isinstance(node.value, str):
        return [word(node)]
    if not isinstance(node.value, list) or not node.value:
        raise BadArgument("takes a list of texts")
    return [word(item) for item in node.value]


# As people write them; EST and MST are zones too, without summer time, which nobody means.
_SAID = {
    "eastern": "America/New_York",
    "central": "America/Chicago",
    "cst": "America/Chicago",
    "mountain": "America/Denver",
    "pacific": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
}


def zone(node: Node) -> ZoneInfo:
    """The argument as a time zone. Raises BadArgument."""
    try:
        return ZoneInfo(word(node))
    except (ValueError, OSError):
        # ZoneInfoNotFoundError is a KeyError, a folder's name an OSError.
        raise BadArgument("takes a zone's name, such as America/New_York") from None
    except KeyError:
        meant = next((at for said, at in _SAID.items() if said in word(node).lower()), None)
        if meant:
            raise BadArgument(f"no such time zone; did you mean {meant}?") from None
        raise BadArgument("no such time zone; names look like America/New_York") from None


def compile_change(name: str, entries: Mapping[str, Node]) -> Change:
    """The change that the verb `name` of a row makes. Raises BadArgument."""
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "instant":
        return _instant(entries)
    return _COMPILERS[name](entries[name])


def _instant(entries: Mapping[str, Node]) -> Change:
    local = zone(entries["zone"]) if "zone" in entries else None
    try:
        return instant(word(entries["instant"]), local)
    except ValueError as error:
        raise BadArgument(f"iso8601, epoch_s, epoch_ms or a strptime pattern; {error}") from None


def _date(node: Node) -> Change:
    try:
        return dates(words(node))
    except ValueError as error:
        raise BadArgument(str(error)) from None


def either(timed: Change, plain: Change) -> Change:
    """A plain date where the text is one, otherwise a date with time."""

    def change(value: Any) -> Any:
        try:
            return plain(value)
        except Fault as fault:
            if fault.code != "date_not_understood":
                raise
        return timed(value)

    return change


def _strip_prefix(node: Node) -> Change:
    prefix = word(node)
    return lambda value: text(value).removeprefix(prefix)


def _map(node: Node) -> Change:
    if not isinstance(node.value, dict) or not node.value:
        raise BadArgument("takes a table of value: value")
    table = {known: word(entry) for known, entry in node.value.items()}

    def change(value: Any) -> str:
        try:
            return table[_map_key(value)]
        except KeyError:
            raise Fault("not_in_map") from None

    return change


def _map_key(value: Any) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    return text(value)


def number(value: Any) -> Decimal:
    """The value as an exact number. Raises Fault `number_not_understood` or `wrong_type`."""
    if type(value) is float:
        # repr is the shortest text that reads back the same: 0.1 stays 0.1.
        return Decimal(repr(value))
    written = text(value).strip()
    if not _NUMBER.fullmatch(written):
        raise Fault("number_not_understood")
    return Decimal(written)


_PLAIN: dict[str, Change] = {
    "trim": lambda value: text(value).strip(),
    "upper": lambda value: text(value).upper(),
    "digits": lambda value: _NOT_DIGITS.sub("", text(value)),
    "number": number,
}
_COMPILERS: dict[str, Callable[[Node], Change]] = {
    "strip_prefix": _strip_prefix,
    "map": _map,
    "date": _date,
}
