"""A bad day on request: outages, and one fault for each of the next Save requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What may go wrong with one request."""

    STATUS = "status"  # an answer of this status, nothing stored
    RETRY_AFTER = "retry_after"  # 429 with Retry-After, nothing stored
    GARBAGE = "garbage"  # stored, and a 200 that nobody understands
    HANG = "hang"  # silence for some seconds, then stored and answered
    CUT_BEFORE = "cut_before"  # the connection is reset, nothing stored
    CUT_AFTER_STORE = "cut_after_store"  # stored, then the connection is reset


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `status` for STATUS, `seconds` for HANG and RETRY_AFTER."""

    kind: Kind
    status: int = 500
    seconds: float = 0.0


class Faults:
    """Which faults are due. Used from the server's event loop only."""

    def __init__(self) -> None:
        self._down_until: datetime | None = None
        self._next: deque[Fault] = deque()

    def put(self, wanted: Mapping[str, Any], now: datetime) -> None:
        """Add what the JSON asks for. Raises KeyError, TypeError or ValueError; adds nothing then.

        `{"down_seconds": 5, "next": [{"kind": "status", "status": 500}]}`, both optional.
        """
        due = [_fault(one) for one in wanted.get("next", [])]
        down = float(wanted.get("down_seconds", 0))
        self._down_until = now + timedelta(seconds=down) if down else self._down_until
        self._next.extend(due)

    def clear(self) -> None:
        """Good weather."""
        self._down_until = None
        self._next.clear()

    def down_for(self, now: datetime) -> float:
        """Seconds that the outage will last still, 0 when there is none."""
        return (
            0.0 if self._down_until is None else max(0.0, (self._down_until - now).total_seconds())
        )

    def take(self) -> Fault | None:
        """The fault of this Save request, if one is due."""
        return self._next.popleft() if self._next else None


def _fault(entry: Mapping[str, Any]) -> Fault:
    return Fault(Kind(entry["kind"]), int(entry.get("status", 500)), float(entry.get("seconds", 0)))
