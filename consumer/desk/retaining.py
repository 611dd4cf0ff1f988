"""Keeping records as long as the office must, and no longer: what goes, a little at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, select, type_coerce

from consumer.bus.blanking import blank
from consumer.clock import Clock
from consumer.desk.trail import remember
from consumer.ledger.amending import Cells, amend
from consumer.ledger.backup import BACKED_UP
from consumer.ledger.columns import milliseconds
from consumer.ledger.ledger import Ledger, get_fact, set_fact
from consumer.ledger.outbox import DEAD_LETTERS
from consumer.ledger.purging import Held, StillUnderWay, held_of, purge, take_in
from consumer.ledger.retention import (
    old_completions,
    old_credits,
    old_letters,
    old_trail,
    records_of,
)
from consumer.ledger.schema import events
from consumer.settings import Settings

WHO = "the service"
WHAT = "retention.purged"
MOST = 10_000
"""So many completions, credits without one, and letters a day's run purges, a few more at most."""
_AT_ONCE, _TRAIL_AT_ONCE, _EVENTS_AT_ONCE, _LOOKED_AT = 20, 2000, 500, 1000
_BLANKED = "log_blanked_until"
"""The fact that says up to when, in milliseconds, the embedded log's events were emptied."""


@dataclass(frozen=True, slots=True)
class Gone:
    """How much went, or would go."""

    completions: int = 0
    credits: int = 0
    letters: int = 0
    trail: int = 0
    events: int = 0

    def __add__(self, other: Gone) -> Gone:
        names = self.__slots__
        return Gone(*(getattr(self, one) + getattr(other, one) for one in names))


def years_before(now: datetime, years: int) -> datetime:
    """The same day so many years earlier; of a leap day the one before."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, day=28)


@dataclass(frozen=True, slots=True)
class Retaining:
    """What one installation keeps: `years` long; `log` is its embedded log, None with Kafka."""

    ledger: Ledger
    clock: Clock
    years: int
    log: Path | None = None

    def before(self, at: datetime) -> datetime:
        """What was last changed before this moment is too old then."""
        return years_before(at, self.years)

    def would_go(self, at: datetime) -> Gone:
        """What a run at that moment would purge of what there is now; changes nothing."""
        before = self.before(at)
        with self.ledger.read() as db:
            found = Gone()
            for record in records_of(db, self.ledger, _old(db, before), before):
                found += Gone(len(record.completions), len(record.credits))
                if found.completions >= MOST:
                    break
            found += Gone(credits=len(old_credits(db, before, 0, MOST)))
            found += Gone(letters=len(old_letters(db, self.ledger, before, "", MOST)))
            return found + Gone(trail=len(old_trail(db, before, MOST)))

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> Gone:
        """Purge what is old enough, a few records in each transaction; gives how much went.

        Ends early when `goes_on` says no. Raises LedgerUnavailable, BusUnavailable, and
        LedgerRefused for a trail that is not whole.
        """
        now = self.clock.now()
        run = _Run(self, now, self.before(now))
        gone = Gone()
        for step in (run.records, run.credits, run.letters, run.trail, run.events):
            for some in step():
                gone += some
                if not goes_on():
                    break
            if not goes_on():
                break
        if gone != Gone():
            take_in(self.ledger)
        return gone


def retaining_of(settings: Settings, ledger: Ledger, clock: Clock) -> Retaining | None:
    """As the settings say; None where everything is kept for good."""
    if not settings.retention.years:
        return None
    return Retaining(ledger, clock, settings.retention.years, settings.embedded_log)


class _Run:
    """One day's run; each step gives what went, transaction by transaction."""

    def __init__(self, what: Retaining, now: datetime, before: datetime) -> None:
        self._ledger, self._log = what.ledger, what.log
        self._now, self._before, self._noted = now, before, False

    def records(self) -> Iterator[Gone]:
        """Completions, with all that hangs on each."""
        last, left = 0, MOST
        while left > 0:
            with self._ledger.read() as db:
                numbers = old_completions(db, self._before, last, _AT_ONCE)
            if not numbers:
                return
            with self._ledger.begin() as db:
                # Looked at once more, where nobody else writes.
                found = [*records_of(db, self._ledger, numbers, self._before)]
                gone = sum((self._purge(db, held_of(db, one.completions)) for one in found), Gone())
            last, left = numbers[-1], left - gone.completions
            yield gone

    def credits(self) -> Iterator[Gone]:
        """Credits that were taken over, of which no completion was ever heard."""
        last, left = 0, MOST
        while left > 0:
            with self._ledger.begin() as db:
                numbers = old_credits(db, self._before, last, _AT_ONCE)
                gone = self._purge(db, held_of(db, (), numbers)) if numbers else Gone()
            if not numbers:
                return
            last, left = numbers[-1], left - gone.credits
            yield gone

    def letters(self) -> Iterator[Gone]:
        """Letters about what nobody could read, and somebody has dealt with."""
        last, left = "", MOST
        while left > 0:
            with self._ledger.begin() as db:
                ids = old_letters(db, self._ledger, self._before, last, _AT_ONCE)
                gone = self._purge(db, held_of(db, (), (), ids)) if ids else Gone()
            if not ids:
                return
            last, left = ids[-1], left - gone.letters
            yield gone

    def trail(self) -> Iterator[Gone]:
        """Why, and the values before and after: who did what and when stays for good."""
        while True:
            with self._ledger.begin() as db:
                rows = old_trail(db, self._before, _TRAIL_AT_ONCE)
                if rows:
                    bare = {row.id: Cells(row.subject, "", None) for row in rows}
                    amend(db, self._ledger, self._now, WHAT, bare)
                    self._note(db)
            if not rows:
                return
            yield Gone(trail=len(rows))

    def events(self) -> Iterator[Gone]:
        """The embedded log's events, once a backup that was looked through holds what they said."""
        if self._log is None:
            return
        while True:
            with self._ledger.read() as db:
                copied = int(get_fact(db, BACKED_UP) or 0)
                done = int(get_fact(db, _BLANKED) or -1)
                rows = _old_events(db, done, min(copied, milliseconds(self._before)))
            if not rows:
                return
            count = blank(self._log, [(row.topic, row.offset) for row in rows])
            with self._ledger.begin() as db:
                set_fact(db, _BLANKED, str(milliseconds(rows[-1].heard_at)))
            yield Gone(events=count)

    def _purge(self, db: Connection, held: Held) -> Gone:
        try:
            purge(db, self._ledger, held, self._now)
        except StillUnderWay:
            return Gone()  # PARS may have something of it: a person has to say so first
        self._note(db)
        if self._log is not None:
            blank(self._log, (), [(DEAD_LETTERS, one.encode()) for one in held.letters])
        return Gone(len(held.completions), len(held.credits), len(held.letters))

    def _note(self, db: Connection) -> None:
        """Once for each run, in the transaction that begins it."""
        if not self._noted:
            day = f"from before {self._before:%Y-%m-%d}"
            remember(db, self._ledger, self._now, WHO, WHAT, day)
            self._noted = True


def _old(db: Connection, before: datetime) -> Iterator[int]:
    """All completions that may go, but for what hangs on them."""
    last = 0
    while numbers := old_completions(db, before, last, _LOOKED_AT):
        yield from numbers
        last = numbers[-1]


def _old_events(db: Connection, after: int, before: int) -> list[Row[Any]]:
    """Events heard after and before these moments, in milliseconds; whole moments of them."""
    e = events.c
    heard = type_coerce(e.heard_at, BigInteger)
    some = (heard > after, heard < before)
    query = select(e.topic, e.offset, e.heard_at).where(*some).order_by(e.heard_at)
    rows = [*db.execute(query.limit(_EVENTS_AT_ONCE))]
    if len(rows) < _EVENTS_AT_ONCE:
        return rows
    last = milliseconds(rows[-1].heard_at)
    return [*db.execute(query.where(heard <= last))]
