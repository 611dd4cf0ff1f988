"""The pump that writes each day's outcomes into files, and forgets those of long ago."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import structlog

from consumer.clock import Clock
from consumer.desk.outcomes import OutcomeFiles
from consumer.ledger.ledger import Ledger, get_fact, set_fact
from consumer.ledger.outcomebook import forget
from consumer.notices.timing import digest_day
from consumer.pumps.minding import minding_ledger
from consumer.settings.telling import OutcomesSettings
from consumer.telemetry.readiness import Readiness

_FACT = "outcomes_written_until"
_MOST_DAYS = 31
_SERVICE = "the service"


class DailyPump:
    """Days that passed while the service was down are written when it is back, a month at most."""

    name = "daily"

    def __init__(
        self,
        files: OutcomeFiles,
        settings: OutcomesSettings,
        ledger: Ledger,
        look_seconds: float,
        clock: Clock,
        readiness: Readiness,
    ) -> None:
        self._files, self._settings, self._ledger = files, settings, ledger
        self._look_seconds, self._clock, self._readiness = look_seconds, clock, readiness
        self._forgot: date | None = None
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Look whether a day is over until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                self.turn()
            self._clock.wait(stop, self._look_seconds)

    def turn(self) -> list[Path]:
        """Write what is due; gives the files. Raises LedgerUnavailable."""
        last = digest_day(self._clock.now(), self._settings.write_at, self._files.zone)
        self._forget(last)
        folder = self._settings.folder
        if folder is None:
            return []
        written: list[Path] = []
        for day in self._due(last - timedelta(days=1)):
            try:
                written += self._write(day, folder)
            except OSError as error:
                why = error.strerror or type(error).__name__
                self._readiness.bad("outcomes.folder", self.name, f"{folder}: {why}")
                return written
        self._readiness.good("outcomes.folder", self.name)
        return written

    def _due(self, last: date) -> list[date]:
        """Days that are over and were not written, the oldest first; at the start yesterday."""
        with self._ledger.read() as db:
            known = get_fact(db, _FACT)
        done = date.fromisoformat(known) if known else last - timedelta(days=1)
        days = min((last - done).days, _MOST_DAYS)
        return [last - timedelta(days=n) for n in reversed(range(days))]

    def _write(self, day: date, folder: Path) -> list[Path]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = []
        for source in self._files.sources(day):
            path = folder / f"outcomes-{day}-{source}.csv"
            count = self._files.write(day, source, path, _SERVICE)
            self._log.info("outcomes.written", source=source, count=count)
            written.append(path)
        # Written again after a crash here: the same lines under the same name.
        with self._ledger.begin() as db:
            set_fact(db, _FACT, day.isoformat())
        return written

    def _forget(self, day: date) -> None:
        if self._forgot == day:
            return
        before = self._clock.now() - timedelta(days=self._settings.keep_days)
        with self._ledger.begin() as db:
            forget(db, before)
        self._forgot = day
