"""The same warning at most once a minute: the next one says how often it was held back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, MutableMapping
from dataclasses import dataclass
from typing import Any

from structlog import DropEvent

EVERY_SECONDS = 60.0
_MOST = 1000
_LOUD = {"warning", "error", "critical"}
_HOW_MUCH = {"count", "seconds", "attempt"}


@dataclass(slots=True)
class _Said:
    at: float
    held_back: int = 0


class Seldom:
    """Lines are the same if name and keys are; figures that tell only how much do not count.

    So what tells of one record, by its place or CreditID, is never held back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._lock = monotonic, threading.Lock()
        self._said: dict[Hashable, _Said] = {}

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """The event. Raises DropEvent for one that was said a moment ago."""
        if event.get("level") not in _LOUD:
            return event
        key = tuple(sorted((k, str(v)) for k, v in event.items() if k not in _HOW_MUCH))
        held_back = self._count(key)
        if held_back:
            event["again"] = held_back
        return event

    def _count(self, key: Hashable) -> int:
        now = self._monotonic()
        with self._lock:
            said = self._said.get(key)
            if said is not None and now - said.at < EVERY_SECONDS:
                said.held_back += 1
                raise DropEvent
            self._said.pop(key, None)  # the oldest stand first
            self._said[key] = _Said(now)
            if len(self._said) > _MOST:
                del self._said[next(iter(self._said))]
            return said.held_back if said else 0
