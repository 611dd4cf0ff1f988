"""JSON in memory: judged before it is written, and read from foreign bytes without harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

import orjson

from consumer.pars.element import ILLEGAL, Unreadable, invalid
from consumer.reason import Reason

Value = Any
"""What JSON can say; fractions are Decimal, so that nothing is lost on the way."""

_MOST_LEVELS = 64
_FORM = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def parse(data: bytes) -> Value:
    """The value of foreign bytes: UTF-8, no name twice, no NaN, at most 64 levels deep.

    Raises Unreadable.
    """
    try:
        # First the strict reader: it bounds nesting, and refuses other encodings and surrogates.
        orjson.loads(data)
        value = json.loads(
            data, object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_constant
        )
    except (ValueError, ArithmeticError, RecursionError):
        value = _Nothing
    # Raised out here, so that no context carries the parser's quotation.
    if value is _Nothing or _too_deep(value):
        raise Unreadable("not JSON as we accept it")
    return value


def write(value: Value) -> bytes:
    """The bytes of a value without illegal characters; a Decimal as the number it is, exactly."""
    return orjson.dumps(value, _number, _FORM)


def illegal(value: Value) -> Iterator[Reason]:
    """A reason for each text in `value` that XML could not hold either; the path, no value."""
    for path, text in _texts(value, ""):
        if ILLEGAL.search(text):
            yield invalid(path, "illegal_character")


def said(value: Value) -> str:
    """All texts of a foreign value in one line."""
    return " ".join(" ".join(text for _, text in _texts(value, "")).split())


def join(path: str, name: str) -> str:
    """The path of a member; places in a list are not counted, as in XML."""
    return f"{path}/{name}" if path else name


_Nothing = object()


def _texts(value: Value, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, join(path, name))
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member, path)


def _too_deep(value: Value) -> bool:
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [below for one in level for below in _below(one)]
        if not level:
            return False
    return True


def _below(value: Value) -> list[Value]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name twice")
    return members


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("no number of JSON")


def _number(value: object) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError
    return orjson.Fragment(format(value, "f"))
