"""Asks the LMS about learners whom the tables do not know; never while an event is being heard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from consumer.clock import Clock
from consumer.ledger.awaiting import awaited_learners
from consumer.ledger.ledger import Ledger
from consumer.lms.account import Account, Fields, LmsAway, LmsRefused, row_of
from consumer.premises import Premises
from consumer.pumps.minding import minding_ledger
from consumer.settings.lms import LmsSettings
from consumer.tables.csvfile import TableProblems
from consumer.tables.lookedup import LookedUp
from consumer.telemetry.readiness import Readiness

_GATHER_SECONDS = 30.0
"""What was found is put in force this often: each time all that waits is judged again."""
_PATIENCE_SECONDS, _LONGEST_SECONDS = 30.0, 900.0
_MOST_REMEMBERED = 100_000


class Lms(Protocol):
    """An LMS that can be asked."""

    def accounts(self, learners: list[str]) -> list[Account]:
        """Those of these users that there are. Raises LmsAway, LmsRefused."""
        ...


@dataclass(slots=True)
class _Line:
    """What is remembered of one LMS: whom it was asked about when, and when it may be asked."""

    settings: LmsSettings
    open: Callable[[], Lms]
    lms: Lms | None = None
    asked: dict[str, float] = field(default_factory=dict)
    due: float = 0.0
    tidied: date | None = None
    failures: int = 0

    @property
    def fields(self) -> Fields:
        """Where the LMS keeps what the table needs."""
        own = self.settings
        zone = ZoneInfo(own.zone)
        return Fields(own.board, own.board_id_field, own.birth_date_field, own.npi_field,
                      own.consent_field, zone)  # fmt: skip


class LookUpPump:
    """Takes learners that completions wait for to their LMS, some at a time."""

    name = "lookup"

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        premises: Premises,
        lines: Mapping[str, tuple[LmsSettings, Callable[[], Lms]]],
        look_seconds: float,
        clock: Clock,
        readiness: Readiness,
    ) -> None:
        """`lines` by the setting's name: the LMS's settings, and what opens it."""
        self._ledger, self._premises = ledger, premises
        self._found = LookedUp(folder)
        self._lines = {name: _Line(*line) for name, line in lines.items()}
        self._look_seconds, self._clock, self._readiness = look_seconds, clock, readiness
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                self.turn(stop)
            self._clock.wait(stop, self._look_seconds)

    def turn(self, stop: threading.Event | None = None) -> int:
        """Ask each LMS about whom it is time to ask; gives how many it knew."""
        today = self._clock.now().date()
        found = 0
        for name, line in self._lines.items():
            try:
                if self._clock.monotonic() >= line.due:
                    found += self._asked(name, line, today, stop)
                self._tidy(line, today)
            except (OSError, TableProblems) as error:
                told = error.strerror if isinstance(error, OSError) else str(error)
                self._readiness.bad(f"lms.{name}", self.name, f"its table: {told}")
        return found

    def _tidy(self, line: _Line, today: date) -> None:
        """Once a day: what the LMS said too long ago counts no more."""
        if line.tidied != today:
            self._found.forget(line.settings.site, today - timedelta(line.settings.fresh_days))
            line.tidied = today

    def _asked(self, name: str, line: _Line, today: date, stop: threading.Event | None) -> int:
        rows: list[dict[str, str]] = []
        boards = self._premises.house.tables.boards
        site, board = line.settings.site, line.settings.board
        if board not in boards:
            # Its rows would have the whole table refused.
            told = f"board {board} is not known; known are: {', '.join(boards)}"
            self._readiness.bad(f"lms.{name}", self.name, told)
            return 0
        try:
            for accounts in self._batches(line, stop):
                rows += (row_of(one, site, line.fields, boards, today) for one in accounts)
            line.failures = 0
            self._readiness.good(f"lms.{name}", self.name)
        except (LmsAway, LmsRefused) as error:
            line.failures += 1
            line.due = self._clock.monotonic() + _patience(line.failures)
            self._readiness.bad(f"lms.{name}", self.name, f"learners are not looked up: {error}")
        if rows:
            self._found.put(rows)
            self._log.info("learners.looked_up", count=len(rows), source=name)
        return len(rows)

    def _batches(self, line: _Line, stop: threading.Event | None) -> Iterator[list[Account]]:
        began = self._clock.monotonic()
        waiting = self._waiting(line)
        while waiting and self._clock.monotonic() - began <= _GATHER_SECONDS:
            if stop is not None and stop.is_set():
                return
            batch = waiting[: line.settings.batch_size]
            waiting = waiting[line.settings.batch_size :]
            if line.lms is None:
                line.lms = line.open()
            yield line.lms.accounts(batch)
            line.asked |= dict.fromkeys(batch, self._clock.monotonic())
            pause = threading.Event() if stop is None else stop
            self._clock.wait(pause, 1 / line.settings.requests_per_second)
            self._readiness.turned(self.name)

    def _waiting(self, line: _Line) -> list[str]:
        """Whom to ask about now, each once, oldest first."""
        now, again = self._clock.monotonic(), line.settings.again_seconds
        line.asked = {one: at for one, at in line.asked.items() if now - at < again}
        if len(line.asked) >= _MOST_REMEMBERED:
            return []
        learners = self._premises.house.tables.learners
        wanted = {
            learner: None
            for site, learner in awaited_learners(self._ledger)
            if site == line.settings.site
            and learner not in line.asked
            and not learners.kept(site, learner)
        }
        return [*wanted]


def _patience(failures: int) -> float:
    return min(_PATIENCE_SECONDS * 2.0 ** (failures - 1), _LONGEST_SECONDS)
