"""A way to PARS that tells how long each request took, and makes a span of each."""

from __future__ import annotations

from collections.abc import Callable

from consumer.clock import Clock
from consumer.pars.port import Action, ActivityNumber, Pars, Reply
from consumer.pars.value import Value
from consumer.participant import Record
from consumer.telemetry.meters import Meters
from consumer.telemetry.spans import PARS, SILENT, Tracing


class Timed:
    """Another way to PARS, timed. What was stopped before it was sent took no time at all."""

    def __init__(
        self, pars: Pars, profile: str, meters: Meters, clock: Clock, tracing: Tracing = SILENT
    ) -> None:
        self._pars, self._profile, self._meters, self._clock = pars, profile, meters, clock
        self._tracing = tracing

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        """As the port says."""
        return self._timed(
            action.value, lambda: self._pars.save(record, credit_id, action), credit_id
        )

    def status(self, credit_id: str) -> Reply:
        """As the port says."""
        return self._timed("ask", lambda: self._pars.status(credit_id), credit_id)

    def status_by_learner(self, record: Record) -> Reply:
        """As the port says."""
        return self._timed("ask", lambda: self._pars.status_by_learner(record))

    def match(self, record: Record) -> Reply:
        """As the port says."""
        return self._timed("match", lambda: self._pars.match(record))

    def activity(self, number: ActivityNumber) -> Reply:
        """As the port says."""
        return self._timed("activity", lambda: self._pars.activity(number))

    def register(self, document: Value) -> Reply:
        """As the port says."""
        return self._timed("register", lambda: self._pars.register(document))

    def close(self) -> None:
        """As the port says."""
        self._pars.close()

    def _timed(self, action: str, ask: Callable[[], Reply], credit_id: str = "") -> Reply:
        began = self._clock.monotonic()
        with self._tracing.span(PARS, profile=self._profile, action=action) as tell:
            tell(credit_id=credit_id)
            reply = ask()
            # Never what PARS said: it may repeat whose record it is.
            tell(outcome=reply.broke.value if reply.broke else "answered", status=reply.status or 0)
        self._meters.asked(self._profile, action, self._clock.monotonic() - began)
        return reply
