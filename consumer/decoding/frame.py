"""Confluent's frame before a message: which schema of a registry it was written with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from consumer.bus.port import Message

MAGIC = b"\x00"
_LENGTH = 5


class Frame(NamedTuple):
    """The registry's number of the schema, and the bytes that follow it."""

    number: int
    rest: bytes


def framed(value: bytes) -> Frame | None:
    """What the frame says: a zero byte, four bytes of schema number; None without a frame.

    No JSON, form or readable key begins with a zero byte, so nothing else can be meant.
    """
    if not value.startswith(MAGIC) or len(value) < _LENGTH:
        return None
    return Frame(int.from_bytes(value[1:_LENGTH], "big"), value[_LENGTH:])


def schemas_named(message: Message) -> Iterator[int]:
    """The numbers of the schemas that a message's value and key were written with."""
    for part in (message.value, message.key):
        if part and (frame := framed(part)) is not None:
            yield frame.number
