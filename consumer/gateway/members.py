"""Where the members of a JSON text stand: to cut one out and leave every other byte alone.

Reading and writing it anew would round long numbers and drop a name that stands twice, which the
decoder is to see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)  # a long number is only passed over


class Span(NamedTuple):
    """One member of an object, or one item of a list (no name): its value, and where it stands."""

    name: str | None
    value: Any
    start: int
    value_at: int
    end: int


def spans(text: str, at: int = 0) -> tuple[list[Span], int]:
    """The parts of the object or list that begins at `at`, and where it ends.

    Raises ValueError, which quotes nothing, if that is no JSON.
    """
    at = _skip(text, at)
    opening = text[at : at + 1]
    if opening not in ("{", "["):
        raise ValueError("neither an object nor a list")
    closing = "}" if opening == "{" else "]"
    found: list[Span] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == closing:
        return found, at + 1
    while True:
        found.append(_span(text, at, named=opening == "{"))
        at = _skip(text, found[-1].end)
        sign = text[at : at + 1]
        if sign == closing:
            return found, at + 1
        if sign != ",":
            raise ValueError("no comma")
        at = _skip(text, at + 1)


def whole(text: str) -> list[Span]:
    """The parts of a text that is one object or list. Raises ValueError."""
    found, end = spans(text)
    if _skip(text, end) != len(text):
        raise ValueError("more than one value")
    return found


def without(text: str, name: str) -> tuple[list[Any], str]:
    """The values of the members of this name, and the object's text without them.

    Of a list: of each object in it, None for one that has no such member. Raises ValueError.
    """
    parts = whole(text)
    if text.lstrip()[:1] == "{":
        return _cut(text, parts, name, 0, len(text))
    values: list[Any] = []
    pieces: list[str] = []
    for item in parts:
        if not isinstance(item.value, dict):
            raise ValueError("not a list of objects")
        members, end = spans(text, item.value_at)
        own, piece = _cut(text, members, name, item.value_at, end)
        values += own or [None]
        pieces.append(piece)
    return values, f"[{','.join(pieces)}]"


def _cut(text: str, members: list[Span], name: str, start: int, end: int) -> tuple[list[Any], str]:
    values = [one.value for one in members if one.name == name]
    if not values:
        return [], text[start:end]
    kept = (text[one.start : one.end] for one in members if one.name != name)
    return values, f"{{{','.join(kept)}}}"


def items(text: str) -> Iterator[str]:
    """The texts of the items of a list. Raises ValueError."""
    parts = whole(text)
    if text.lstrip()[:1] != "[":
        raise ValueError("not a list")
    return (text[one.value_at : one.end] for one in parts)


def _span(text: str, start: int, *, named: bool) -> Span:
    if not named:
        value, end = _value(text, start)
        return Span(None, value, start, start, end)
    name, at = _value(text, start)
    at = _skip(text, at)
    if not isinstance(name, str) or text[start] != '"' or text[at : at + 1] != ":":
        raise ValueError("no name")
    value_at = _skip(text, at + 1)
    value, end = _value(text, value_at)
    return Span(name, value, start, value_at, end)


def _value(text: str, at: int) -> tuple[Any, int]:
    problem = "no value"
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError:
        problem = "nested too deeply"
    except ValueError:
        pass
    # Out here, as the parser's own exception carries the whole text along.
    raise ValueError(problem)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
