"""The verbs: the closed list of what a row may do to a value, each with its argument's check."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from consumer.mapping.fault import Fault, text
from consumer.mapping.moment import dates, instant
from consumer.mapping.tree import Node

SOURCES = ("from", "const", "first_of", "join")
CONVERSIONS = ("number", "instant", "date")
FLAGS = ("optional", "trim", "digits", "upper", "number")
# In this order, whatever the order in the file: each works on what the one before it left.
TEXT_VERBS = ("trim", "strip_prefix", "upper", "digits", "map")
VERBS = (*SOURCES, "with", "optional", "default", *TEXT_VERBS, *CONVERSIONS, "zone")

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


def zone(node: Node) -> ZoneInfo:
    """The argument as a time zone. Raises BadArgument."""
    try:
        return ZoneInfo(word(node))
    except (ValueError, OSError):
        # ZoneInfoNotFoundError is a KeyError, a folder's name an OSError.
        raise BadArgument("takes a zone's name, such as America/New_York") from None
    except KeyError:
        raise BadArgument("no such time zone; names look like America/New_York") from None


def compile_change(name: str, entries: Mapping[str, Node]) -> Change:
    """The change that the verb `name` of a row makes. Raises BadArgument."""
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


def _always(change: Change) -> Callable[[Node], Change]:
    return lambda _node: change


_COMPILERS: dict[str, Callable[[Node], Change]] = {
    "trim": _always(lambda value: text(value).strip()),
    "strip_prefix": _strip_prefix,
    "upper": _always(lambda value: text(value).upper()),
    "digits": _always(lambda value: _NOT_DIGITS.sub("", text(value))),
    "map": _map,
    "number": _always(number),
    "date": _date,
}
