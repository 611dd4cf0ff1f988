"""Watches, for the readiness, whether the schema registry answers, before an event needs it."""

from __future__ import annotations

import threading

from consumer.clock import Clock
from consumer.decoding.schemas import SchemasAway
from consumer.registry.registry import Registry
from consumer.telemetry.readiness import Readiness

_AGAIN_SECONDS = 60.0


class ProvingPump:
    """Asks the registry at the start, then each minute, and oftener while it does not answer."""

    name = "registry"

    def __init__(
        self, registry: Registry, readiness: Readiness, retry_seconds: float, clock: Clock
    ) -> None:
        self._registry, self._readiness = registry, readiness
        self._retry_seconds, self._clock = retry_seconds, clock

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        while not stop.is_set():
            answers = self.turn()
            self._readiness.turned(self.name)
            self._clock.wait(stop, _AGAIN_SECONDS if answers else self._retry_seconds)

    def turn(self) -> bool:
        """Ask once; whether it answered."""
        try:
            self._registry.prove()
        except SchemasAway as error:
            self._readiness.bad("registry", self.name, str(error))
            return False
        self._readiness.good("registry", self.name)
        return True
