"""Compares lists of completions every night, and brings what never arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog

from consumer.bus.port import BusError, Publisher
from consumer.clock import Clock
from consumer.desk.reconciling import BY_ITSELF, Reconciling
from consumer.ledger import reconcilebook
from consumer.ledger.ledger import Ledger
from consumer.ledger.reconcilebook import Standing, Turn
from consumer.lms.listing import ListAway, ListRefused
from consumer.notices.timing import digest_day
from consumer.premises import Premises
from consumer.pumps.backoff import Backoff
from consumer.pumps.minding import minding_ledger
from consumer.settings.reconcile import ReconcileSettings
from consumer.telemetry.readiness import Readiness

LEASE_SECONDS = 600.0
"""A list is ours for so long, and longer while it is being read."""
_RENEW_SECONDS = 60.0
_CONDITION = "reconcile."
_QUIET_SECONDS, _PATIENCE_SECONDS = 30.0, 1800.0
"""What waits on the bus has arrived: a list is compared once that is heard, or at last anyway."""


class _Stopping(Exception):
    """The service stops, or another process has taken the turn."""


class ReconcilingPump:
    """A night that passed while nobody could look is caught up as soon as somebody can.

    One process at a time has a list's turn. Two that had it would do no harm: what both publish is
    one completion.
    """

    name = "reconcile"

    def __init__(
        self,
        lists: Mapping[str, ReconcileSettings],
        topic: str,
        ledger: Ledger,
        premises: Premises,
        publisher: Callable[[], Publisher],
        random: Callable[[], float],
        quiet_seconds: Callable[[], float],
        look_seconds: float,
        clock: Clock,
        readiness: Readiness,
    ) -> None:
        self._lists, self._topic = lists, topic
        self._ledger, self._premises, self._connect = ledger, premises, publisher
        self._random, self._quiet_seconds = random, quiet_seconds
        self._look_seconds, self._clock, self._readiness = look_seconds, clock, readiness
        self._waits_since = clock.monotonic()
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Compare what is due until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                if self.all_is_heard():
                    self.turn(stop)
            self._clock.wait(stop, self._look_seconds)

    def all_is_heard(self) -> bool:
        """Whether the bus has been quiet for a while: a service that starts has a backlog."""
        now = self._clock.monotonic()
        if self._quiet_seconds() >= _QUIET_SECONDS:
            self._waits_since = now
            return True
        return now - self._waits_since >= _PATIENCE_SECONDS

    def turn(self, stop: threading.Event | None = None) -> list[str]:
        """Compare every list that is due; gives those that were. Raises LedgerUnavailable."""
        halt = stop or threading.Event()
        compared = [name for name in self._lists if self._due(name, halt)]
        self._say()
        return compared

    def _due(self, name: str, stop: threading.Event) -> bool:
        settings, now = self._lists[name], self._clock.now()
        night = digest_day(now, settings.at, ZoneInfo(settings.at_zone))
        with self._ledger.read() as db:
            if stop.is_set() or not reconcilebook.due(db, name, night, now):
                return False
        with self._ledger.begin() as db:
            turn = reconcilebook.claim(db, name, night, now, LEASE_SECONDS)
        return turn is not None and self._done(turn, night, stop)

    def _done(self, turn: Turn, night: date, stop: threading.Event) -> bool:
        try:
            self._compare(turn, night, stop)
        except _Stopping:
            with self._ledger.begin() as db:
                reconcilebook.let_go(db, turn)
            return False
        except (ListAway, ListRefused, BusError) as error:
            self._failed(turn, str(error))
            return False
        return True

    def _compare(self, turn: Turn, night: date, stop: threading.Event) -> None:
        settings, house = self._lists[turn.name], self._premises.house
        topic = settings.topic or self._topic
        desk = Reconciling(turn.name, settings, self._ledger, house, self._clock, topic)
        found = desk.compare(self._pause(turn, stop))
        standing = desk.standing(found)
        if standing is Standing.PUBLISHED:
            with closing(self._connect()) as publisher:
                desk.publish(found, publisher)
        desk.keep(found, standing, BY_ITSELF, night)
        self._log.info(
            "list.compared",
            source=turn.name,
            state=standing.value,
            compared=found.compared,
            missing=len(found.missing),
            published=len(found.missing) if standing is Standing.PUBLISHED else 0,
            taken_back=len(found.taken_back),
            not_listed=len(found.not_listed),
        )

    def _pause(self, turn: Turn, stop: threading.Event) -> Callable[[], None]:
        """Waits between two requests to an LMS, and keeps the turn meanwhile."""
        seconds = 1 / self._lists[turn.name].requests_per_second
        kept = self._clock.monotonic()

        def pause() -> None:
            nonlocal kept
            if self._clock.wait(stop, seconds):
                raise _Stopping
            self._readiness.turned(self.name)
            if self._clock.monotonic() - kept < _RENEW_SECONDS:
                return
            kept = self._clock.monotonic()
            with self._ledger.begin() as db:
                if not reconcilebook.keep(db, turn, self._clock.now(), LEASE_SECONDS):
                    raise _Stopping

        return pause

    def _failed(self, turn: Turn, cause: str) -> None:
        settings, now = self._lists[turn.name], self._clock.now()
        backoff = Backoff(
            settings.retry_first_seconds, settings.retry_longest_seconds, self._random
        )
        again = now + timedelta(seconds=backoff.delay(turn.tries + 1))
        with self._ledger.begin() as db:
            reconcilebook.failed(db, turn, cause, now, again)
        self._log.warning("list.failed", source=turn.name, cause=cause, attempt=turn.tries + 1)

    def _say(self) -> None:
        """Whichever process could not read a list, it is everybody's condition."""
        with self._ledger.read() as db:
            rows = [row for row in reconcilebook.standing(db) if row.name in self._lists]
        for row in rows:
            if row.failing_since:
                self._readiness.bad(_CONDITION + row.name, self.name, row.cause)
            else:
                self._readiness.good(_CONDITION + row.name, self.name)
