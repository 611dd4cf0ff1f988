"""Stand-ins that are the real thing in small: no counting of calls, no sleeping."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

MORNING = datetime(2026, 11, 22, 15, 15, tzinfo=UTC)  # 09:15 in Chicago


class FakeClock:
    """A clock that moves only when told to; waiting moves it."""

    def __init__(self, start: datetime = MORNING) -> None:
        self._start = start
        self._seconds = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._seconds

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Moves the clock by `seconds` at once, unless stopped; True when stopped."""
        if stop.is_set():
            return True
        self.advance(seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._seconds += max(0.0, seconds)
