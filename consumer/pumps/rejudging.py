"""Judges again what waits, whenever a table changes and once a day (design 8)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Connection, exists, or_, select

from consumer.clock import Clock
from consumer.credit import Heard, State
from consumer.journey import House, judge
from consumer.ledger.behind import bring_forward
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.consents import Consents
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.stepbook import StepBook
from consumer.premises import Premises
from consumer.pumps.minding import minding_ledger
from consumer.tables import TableProblems, load_tables, tables_mark, tables_version
from consumer.telemetry.readiness import Readiness

_CHUNK = 200
_BY_A_TABLE = ("not_ours", "step_not_required")


class RejudgingPump:
    """Watches the tables' files; a broken new version is refused and the old stays in force."""

    name = "tables"

    def __init__(
        self,
        folder: Path,
        profiles: Collection[str],
        ledger: Ledger,
        premises: Premises,
        look_seconds: float,
        clock: Clock,
        readiness: Readiness | None = None,
        at_risk_days: int = 7,
    ) -> None:
        """`at_risk_days`: what is due within so many is sent behind nothing any more."""
        self._folder, self._profiles = folder, profiles
        self._ledger, self._premises = ledger, premises
        self._look_seconds, self._clock = look_seconds, clock
        self._at_risk_days = at_risk_days
        self._judged_at: datetime | None = None
        self._seen = premises.house.tables.version
        self._mark: tuple[object, ...] | None = None
        self._readiness = readiness or Readiness(clock)
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Look at the files every few seconds until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                self.turn(stop)
            self._clock.wait(stop, self._look_seconds)

    def turn(self, stop: threading.Event | None = None) -> Counter[str]:
        """Take up changed tables, and judge again if they changed or a day has passed.

        Once `stop` is set nothing more is begun; the next start judges it all again.
        """
        if not (self.take_up() or self._day_passed()):
            return Counter()
        started = self._clock.now()

        def goes_on() -> bool:
            self._readiness.turned(self.name)  # a large ledger takes many minutes
            return stop is None or not stop.is_set()

        fates = rejudge(self._ledger, self._premises, self._clock, goes_on)
        if goes_on():
            self._ask_about_consent()
            with self._ledger.begin() as db:
                bring_forward(db, self._clock.now(), self._at_risk_days)
        self._judged_at = started
        self._log.info("completions.judged_again", **{k: v for k, v in fates.items() if v})
        return fates

    def _ask_about_consent(self) -> None:
        """What was reported while there was consent, and there is none now: a person decides."""
        learners, now = self._premises.house.tables.learners, self._clock.now()
        new, over = Consents(self._ledger, learners, now).look()
        if new or over:
            self._log.warning("consent.withdrawn", questions=new, over=over)

    def take_up(self) -> bool:
        """Put changed tables in force, if they are in order; whether there were any."""
        mark = tables_mark(self._folder)
        if (
            mark == self._mark
        ):  # whole files are not read for nothing, least of all while others wait
            return False
        version, self._mark = tables_version(self._folder), mark
        if version == self._seen:
            return False
        try:
            boards = self._premises.house.tables.boards
            tables = load_tables(self._folder, self._profiles, boards)
        except TableProblems as problems:
            told = [str(p) for p in problems.problems]
            self._log.error("tables.refused", problems=told)
            cause = f"the new version is refused, the one before stays in force: {told[0]}"
            self._readiness.bad("tables", self.name, cause)
            self._seen = version
            return False
        self._premises.put_tables(tables)
        self._readiness.good("tables", self.name)
        # What was judged by a version must be judged again if a fault stops it half-way.
        self._seen, self._judged_at = tables.version, None
        self._log.info("tables.reloaded", version=tables.version)
        return True

    def _day_passed(self) -> bool:
        if self._judged_at is None:
            return True
        return self._clock.now() - self._judged_at >= timedelta(days=1)


def rejudge(
    ledger: Ledger, premises: Premises, clock: Clock, goes_on: Callable[[], bool] = lambda: True
) -> Counter[str]:
    """Judge what is held, not ours, or ready and unsent; gives how many came to which fate.

    It ends early, between two transactions, when `goes_on` says no.
    """
    fates: Counter[str] = Counter()
    last = 0
    while last >= 0 and goes_on():
        with premises.unchanged() as house, ledger.begin() as db:
            last = _chunk(db, ledger, house, clock.now(), last, fates)
    return fates


def _chunk(
    db: Connection, ledger: Ledger, house: House, now: datetime, after: int, fates: Counter[str]
) -> int:
    waiting = select(completions).where(completions.c.id > after, _waits())
    rows = db.execute(waiting.order_by(completions.c.id).limit(_CHUNK)).all()
    book = Bookkeeper(db, ledger, house, now)
    steps = StepBook(db, ledger, now).heard_of([row.id for row in rows])
    for row in rows:
        said, heard = ledger.seal.open_said(row.said), steps.get(row.id, ())
        fates[book.rejudge(row, said, judge(said, house, now, heard))] += 1
    return rows[-1].id if rows else -1


def _waits() -> ColumnElement[bool]:
    link = completion_credits.c
    unsent = exists().where(
        link.completion_id == completions.c.id,
        link.stands,
        link.credit_id == credits_.c.id,
        credits_.c.state == State.READY,
    )
    # Only what a table said was none of ours: what its mapping set aside no table changes.
    named = [completions.c.reasons.contains(f'"code":"{code}"') for code in _BY_A_TABLE]
    set_aside = (completions.c.state == Heard.NOT_REPORTABLE) & or_(*named)
    # One of several boards waits. What the LMS has taken back since leads to no more credit.
    unfinished = completions.c.unfinished & completions.c.retracted_at.is_(None)
    return or_(completions.c.state == Heard.HELD, set_aside, unsent, unfinished)
