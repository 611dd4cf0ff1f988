"""The draft of an event's schema: every name the samples have, strict only where the mapping reads.

An unused field that is null or another number tomorrow must not refuse a completion.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from consumer.drafting.leaf import words_of

Schema = dict[str, Any]
Steps = tuple[str | int, ...]

_ID = {"$ref": "#/$defs/id"}
_TEXT = {"$ref": "#/$defs/text"}
_OPEN = {"type": ["object", "null"], "additionalProperties": True}
_OPEN_NAMES = {"custom", "extensions", "attributes", "extra", "additional", "profile"}
_FREE = re.compile(r"[^A-Za-z0-9_-]|^\d+$|^[0-9a-fA-F-]{32,}$")
_ID_WORDS = {"id", "uuid", "guid", "key", "number", "no"}


def schema_of(title: str, bodies: Sequence[dict[str, Any]], needed: Collection[Steps]) -> Schema:
    """A JSON Schema of these bodies; `needed` are the paths that the mapping cannot do without."""
    shape = _object(bodies, (), {*needed})
    defs = {"id": {"type": ["integer", "string", "null"]}, "text": {"type": ["string", "null"]}}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return head | {"type": "object"} | shape | {"$defs": defs}


def is_open(name: str, values: Sequence[dict[str, Any]]) -> bool:
    """Whether this is a map of free names, which anybody may add to: extensions, profile fields.

    A name that is an address, a number or an IRI is somebody's, and stands in no schema.
    """
    if any(_FREE.search(key) for value in values for key in value):
        return True
    return bool(_OPEN_NAMES & {*words_of(name)[:1]})


def _object(values: Sequence[dict[str, Any]], at: Steps, needed: set[Steps]) -> Schema:
    names = list(dict.fromkeys(name for value in values for name in value))
    required = [
        name
        for name in names
        if all(name in value for value in values)
        and any(steps[: len(at) + 1] == (*at, name) for steps in needed)
    ]
    members = {
        name: _member(name, [v[name] for v in values if name in v], (*at, name), needed)
        for name in names
    }
    return ({"required": required} if required else {}) | {"properties": members}


def _member(name: str, values: Sequence[Any], at: Steps, needed: set[Steps]) -> Any:
    known = [value for value in values if value is not None]
    if not known:
        return True
    if all(isinstance(value, dict) for value in known):
        if is_open(name, known):
            return _OPEN
        return {"type": _maybe("object", at, values, needed)} | _object(known, at, needed)
    if all(isinstance(value, list) for value in known):
        return {"type": ["array", "null"], "items": _items(known, at, needed)}
    return _leaf(name, known)


def _maybe(kind: str, at: Steps, values: Sequence[Any], needed: set[Steps]) -> Any:
    """An object that the mapping needs something of is null only where a sample showed it so."""
    read = any(steps[: len(at)] == at for steps in needed)
    return kind if read and None not in values else [kind, "null"]


def _items(lists: Sequence[list[Any]], at: Steps, needed: set[Steps]) -> Any:
    items = [item for one in lists for item in one]
    if not items:
        return True
    return _member("", items, (*at, 0), needed)


def _leaf(name: str, values: Sequence[Any]) -> Any:
    if all(isinstance(value, bool) for value in values):
        return {"type": ["boolean", "null"]}
    if any(isinstance(value, bool | dict | list) for value in values):
        return True
    whole = all(type(value) is int for value in values)
    if whole or _ID_WORDS & {*words_of(name)}:
        return _ID
    if all(isinstance(value, str) for value in values):
        return _TEXT
    return {"type": ["number", "string", "null"]}
