"""Takes what is posted in groups: one commit makes all durable that came during the one before."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from consumer.bus.port import MessageTooLarge, Outgoing
from consumer.gateway.road import Road
from consumer.gateway.spool import SpoolUnavailable

_MOST_TOGETHER = 500
_MOST_BYTES = 8 * 1024 * 1024

Outcome = Exception | None


@dataclass(frozen=True, slots=True)
class Entry:
    """The messages of one post, and who waits for them."""

    messages: Sequence[Outgoing]
    told: asyncio.Future[None]

    @property
    def size_bytes(self) -> int:
        """What it weighs."""
        return sum(message.size_bytes for message in self.messages)


class Taking:
    """Hands posts from the web server's loop to a thread that writes them."""

    def __init__(self, road: Road) -> None:
        self._road = road
        self._entries: deque[Entry] = deque()
        self._there = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="gateway-taking", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def end(self, seconds: float) -> None:
        """Write what is there, then no more."""
        with self._there:
            self._ended = True
            self._there.notify()
        self._thread.join(seconds)

    async def take(self, messages: Sequence[Outgoing]) -> None:
        """Return when these are durable. Raises SpoolUnavailable, MessageTooLarge."""
        entry = Entry(messages, asyncio.get_running_loop().create_future())
        with self._there:
            self._entries.append(entry)
            self._there.notify()
        await entry.told

    def _run(self) -> None:
        while group := self._next():
            outcomes = self._written(group)
            loop = group[0].told.get_loop()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_tell, group, outcomes)

    def _next(self) -> list[Entry]:
        """Whatever came since the last time; none when it is over."""
        group: list[Entry] = []
        size = 0
        with self._there:
            while not self._entries and not self._ended:
                self._there.wait()
            while self._entries and len(group) < _MOST_TOGETHER and size < _MOST_BYTES:
                group.append(self._entries.popleft())
                size += group[-1].size_bytes
        return group

    def _written(self, group: list[Entry]) -> list[Outcome]:
        together = self._put([message for entry in group for message in entry.messages])
        if together is None or len(group) == 1:
            return [together] * len(group)
        # One that is too large, for the bus or for the room that is left, is alone in that.
        return [self._put(entry.messages) for entry in group]

    def _put(self, messages: Sequence[Outgoing]) -> Outcome:
        try:
            self._road.put(messages)
        except (SpoolUnavailable, MessageTooLarge) as error:
            return error
        except Exception as error:  # noqa: BLE001  its fate: the sender is told 500, and logged
            return error
        return None


def _tell(group: list[Entry], outcomes: list[Outcome]) -> None:
    for entry, outcome in zip(group, outcomes, strict=True):
        if entry.told.done():  # who posted it went away
            continue
        if outcome is None:
            entry.told.set_result(None)
        else:
            entry.told.set_exception(outcome)
