"""Tells a quiet bus from one that has events and gives none."""

from __future__ import annotations

from consumer.bus.port import Listener
from consumer.clock import Clock
from consumer.telemetry.readiness import Readiness

_BY = "silence"


class Silence:
    """Asks the bus, now and then while nothing is heard, how many events wait on it.

    A bus that went away, or a client that hangs, looks like silence.
    """

    def __init__(self, bound_seconds: float, readiness: Readiness, clock: Clock) -> None:
        self._bound, self._readiness, self._clock = bound_seconds, readiness, clock
        self._ask_at = clock.monotonic()
        self._waits_since: float | None = None
        self._opened_anew = False

    @property
    def is_false(self) -> bool:
        """Whether events wait on the bus, as far as it was asked."""
        return self._waits_since is not None

    def broken(self) -> None:
        """Something was heard."""
        self._waits_since, self._opened_anew = None, False
        self._readiness.good("bus", _BY)

    def goes_on(self, listener: Listener) -> bool:
        """Nothing was heard; gives whether a new listener may cure it. Raises BusUnavailable.

        Once in a silence: if a new one hears nothing either, it is not the listener's fault.
        """
        now = self._clock.monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + self._bound / 4
        waiting = listener.waiting()
        if not waiting:
            self.broken()
            return False
        if self._waits_since is None:
            self._waits_since = now
        if now - self._waits_since < self._bound:
            return False
        cause = f"{waiting} events wait on the bus, and none arrive"
        self._readiness.bad("bus", _BY, cause)
        cured, self._opened_anew = not self._opened_anew, True
        return cured
