"""Sample events out of the files that people have them in."""

from __future__ import annotations

from typing import Any

import orjson

from consumer.event import Envelope
from consumer.mapping.example import Unreadable, bare_envelope_of

_MESSAGE = frozenset(
    "topic partition offset tstype ts timestamp broker headers key value payload".split()
)


def events_of(text: bytes) -> list[Envelope]:
    """The events of a text, in any form that `mapping new` takes. Raises Unreadable, Stopped.

    A JSON array as a whole may be one message that a mapping takes apart.
    """
    event = bare_envelope_of(text) if _is_one(text) else None
    if event is not None and (isinstance(event.body, list) or not is_message(event.body)):
        return [event]
    return samples_of(text)


def _is_one(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def samples_of(text: bytes) -> list[Envelope]:
    """Every event of a file: one, a list of them, or one a line; bare or with headers and key.

    A message as `kcat -J` and Kafka's REST proxy write it does too. Raises Unreadable, Stopped.
    """
    return [_envelope(event) for event in _events(text)]


def _events(text: bytes) -> list[dict[str, Any]]:
    try:
        read = orjson.loads(text)
    except ValueError:
        read = _lines(text)
    found = read if isinstance(read, list) else [read]
    if not found or not all(isinstance(one, dict) for one in found):
        raise Unreadable("takes a JSON object, a list of them, or one on each line")
    return found


def _lines(text: bytes) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(orjson.loads(line))
            except ValueError:
                raise Unreadable(f"neither JSON as a whole nor on line {number}") from None
    return found


def is_message(body: object) -> bool:
    """Whether this is a message with its topic and headers around the event."""
    if not isinstance(body, dict):
        return False
    return body.keys() <= _MESSAGE and not body.keys().isdisjoint({"value", "payload"})


def _envelope(event: dict[str, Any]) -> Envelope:
    if not is_message(event):
        return bare_envelope_of(orjson.dumps(event))
    body = "value" if "value" in event else "payload"
    wrapped = {
        "value": _parsed(event[body]),
        "headers": _headers(event.get("headers")),
        "key": None if event.get("key") is None else str(event["key"]),
    }
    return bare_envelope_of(orjson.dumps(wrapped))


def _parsed(value: Any) -> Any:
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise Unreadable("the message's value is no JSON") from None


def _headers(given: Any) -> dict[str, str]:
    if isinstance(given, list):  # kcat writes name, value, name, value
        given = dict(zip(given[::2], given[1::2], strict=False))
    return {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
