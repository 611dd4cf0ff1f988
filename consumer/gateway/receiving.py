"""Reads the body of a request within bounds: of bytes, of time, and of memory for all together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive

from consumer.gateway.inflating import TooLarge


class TooSlow(Exception):
    """The body did not arrive in time, or whoever sent it went away."""


class TooMuch(Exception):
    """Too many bodies are under way at once."""


class Share:
    """What one body takes of the room, as it arrives."""

    def __init__(self, room: Room) -> None:
        self._room, self.taken_bytes = room, 0

    def grow(self, size: int) -> None:
        """Take so many bytes more. Raises TooMuch."""
        if size > self._room.left_bytes:
            raise TooMuch
        self._room.left_bytes -= size
        self.taken_bytes += size


class Room:
    """Memory for bodies that are under way, strangers' too; used by one thread."""

    def __init__(self, most_bytes: int) -> None:
        self.left_bytes = most_bytes

    @contextmanager
    def share(self) -> Iterator[Share]:
        """The share of one request, given back when it is over."""
        own = Share(self)
        try:
            yield own
        finally:
            self.left_bytes += own.taken_bytes


async def read_body(receive: Receive, share: Share, limit_bytes: int, seconds: float) -> bytes:
    """The whole body. Raises TooLarge, TooSlow, TooMuch."""
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, share, limit_bytes)
    except TimeoutError:
        raise TooSlow from None


async def _read(receive: Receive, share: Share, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise TooSlow
        parts.append(message.get("body", b""))
        if share.taken_bytes + len(parts[-1]) > limit_bytes:
            raise TooLarge
        share.grow(len(parts[-1]))
        if not message.get("more_body", False):
            return b"".join(parts)
