"""A way to PARS that tells how long each request took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consumer.clock import Clock
from consumer.pars.port import Action, ActivityNumber, Pars, Reply
from consumer.pars.value import Value
from consumer.participant import Record
from consumer.telemetry.meters import Meters


class Timed:
    """Another way to PARS, timed. What was stopped before it was sent took no time at all."""

    def __init__(self, pars: Pars, profile: str, meters: Meters, clock: Clock) -> None:
        self._pars, self._profile, self._meters, self._clock = pars, profile, meters, clock

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        """As the port says."""
        with self._timing(action.value):
            return self._pars.save(record, credit_id, action)

    def status(self, credit_id: str) -> Reply:
        """As the port says."""
        with self._timing("ask"):
            return self._pars.status(credit_id)

    def status_by_learner(self, record: Record) -> Reply:
        """As the port says."""
        with self._timing("ask"):
            return self._pars.status_by_learner(record)

    def match(self, record: Record) -> Reply:
        """As the port says."""
        with self._timing("match"):
            return self._pars.match(record)

    def activity(self, number: ActivityNumber) -> Reply:
        """As the port says."""
        with self._timing("activity"):
            return self._pars.activity(number)

    def register(self, document: Value) -> Reply:
        """As the port says."""
        with self._timing("register"):
            return self._pars.register(document)

    def close(self) -> None:
        """As the port says."""
        self._pars.close()

    @contextmanager
    def _timing(self, action: str) -> Iterator[None]:
        began = self._clock.monotonic()
        yield
        self._meters.asked(self._profile, action, self._clock.monotonic() - began)
