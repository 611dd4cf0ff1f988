"""Refused posts in the log: the first of a kind at once, then how many there were in a minute."""

from __future__ import annotations

import structlog

from consumer.clock import Clock

_EVERY_SECONDS = 60.0


class Refusals:
    """Anybody on the network can be refused as often as they like, and must not fill the log.

    A source is only told if it is one of the settings': any other name is a stranger's words.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._since: dict[tuple[str, str], int] = {}
        self._log = structlog.get_logger()

    def tell(self, source: str, cause: str) -> None:
        """One more was refused."""
        kind, now = (source, cause), self._clock.monotonic()
        self._since[kind] = self._since.get(kind, 0) + 1
        if kind in self._told and now - self._told[kind] < _EVERY_SECONDS:
            return
        self._told[kind] = now
        self._log.warning("post.refused", source=source, cause=cause, count=self._since.pop(kind))
