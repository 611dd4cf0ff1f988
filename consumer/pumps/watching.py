"""Watches, for the readiness, what other processes and people may change in the ledger."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from sqlalchemy import select

from consumer.clock import Clock
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import lines, surges
from consumer.pumps.minding import minding_ledger
from consumer.telemetry.readiness import Readiness

_SOURCE = "source."


class WatchingPump:
    """Looks at the sources that are held, and the lines to PARS that are open.

    Which process heard or was refused, and who lets go, is all one: each says so.
    """

    name = "watch"

    def __init__(
        self, ledger: Ledger, readiness: Readiness, look_seconds: float, clock: Clock
    ) -> None:
        self._ledger, self._readiness = ledger, readiness
        self._look_seconds, self._clock = look_seconds, clock

    def run(self, stop: threading.Event) -> None:
        """Look every few seconds until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                self.turn()
            self._clock.wait(stop, self._look_seconds)

    def turn(self) -> None:
        """One look. Raises LedgerUnavailable."""
        with self._ledger.read() as db:
            rows = db.execute(select(surges.c.source, surges.c.reason).order_by(surges.c.since))
            held: dict[str, list[str]] = {}
            for row in rows:
                held.setdefault(_SOURCE + row.source, []).append(row.reason)
            standing = db.execute(select(lines.c.profile, lines.c.open_until)).all()
        causes = {
            name: f"held after a surge of refusals ({', '.join(reasons)}): moc-consumer source list"
            for name, reasons in held.items()
        }
        self._readiness.only(_SOURCE, self.name, causes)
        for profile, open_until in standing:
            self._say_line(profile, open_until)

    def _say_line(self, profile: str, open_until: datetime | None) -> None:
        """It may have been another process that PARS did not serve, and its word is the log's."""
        name = f"pars.{profile}"
        if open_until is None:
            self._readiness.good(name, self.name)
        else:
            until = open_until.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
            self._readiness.bad(name, self.name, f"nothing is sent before {until} UTC")
