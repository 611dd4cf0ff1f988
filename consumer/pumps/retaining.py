"""The pump that purges what is older than the office keeps: once a day, by one process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict

import structlog

from consumer.bus.port import BusError
from consumer.clock import Clock
from consumer.desk.retaining import Gone, Retaining
from consumer.ledger.ledger import Ledger, get_fact, set_fact
from consumer.pumps.minding import minding_ledger
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import Readiness

WORK = 0x4D4F4309
_FACT = "retained_on"
_LOOK_SECONDS = 60.0


class RetainingPump:
    """Looks every minute whether today's run is still to do; a run that was cut off goes on."""

    name = "retention"

    def __init__(
        self,
        retaining: Retaining,
        ledger: Ledger,
        clock: Clock,
        readiness: Readiness,
        meters: Meters,
    ) -> None:
        self._retaining, self._ledger, self._clock = retaining, ledger, clock
        self._readiness, self._meters = readiness, meters
        self._failed = False
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                self._try(lambda: not stop.is_set())
            self._clock.wait(stop, _LOOK_SECONDS)

    def _try(self, goes_on: Callable[[], bool]) -> None:
        try:
            self.turn(goes_on)
        except BusError as error:
            self._readiness.bad(self.name, self.name, str(error))
            self._failed = True
        else:
            if self._failed:
                self._readiness.good(self.name, self.name)
                self._failed = False

    def turn(self, goes_on: Callable[[], bool] = lambda: True) -> Gone:
        """Today's run, if nobody has done it or does it now. Raises as `Retaining.run` does."""
        today = self._clock.now().date().isoformat()
        with self._ledger.read() as db:
            if get_fact(db, _FACT) == today:
                return Gone()
        with self._ledger.alone(WORK) as ours:
            if not ours():
                return Gone()

            def still() -> bool:
                self._readiness.turned(self.name)
                return goes_on() and ours()

            gone = self._retaining.run(still)
            whole = still()
        if gone != Gone():
            self._log.info("retention.purged", **asdict(gone))
            self._meters.purged(asdict(gone))
        if whole:
            with self._ledger.begin() as db:
                set_fact(db, _FACT, today)
        return gone
