"""Takes old events into the ledger: a few at a time, with room between for what is heard today.

They do not go over the bus. A batch and how far it went are written in one transaction, so wherever
a backfill ends the next one goes on behind it. Each event keeps the place it has in its file or
topic: read again it is the same event, and nothing comes of it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from consumer.backfill.old import Broken, Old
from consumer.backfill.plan import no_event
from consumer.bus.port import Message, Partition
from consumer.clock import Clock
from consumer.desk.comparing import never_heard
from consumer.desk.trail import remember
from consumer.fate import Ready
from consumer.journey import Heard, House, hear
from consumer.ledger.behind import put_behind
from consumer.ledger.goinground import Rounds
from consumer.ledger.ledger import Ledger, set_positions
from consumer.ledger.reconcilebook import known
from consumer.ledger.restored import ask_first_until
from consumer.ledger.schema import credits_
from consumer.premises import Premises

MOST_AT_ONCE = 100
"""Messages in one transaction: some 50 ms, for so long what is heard today waits at most."""


class _TablesChanged(Exception):
    """While a batch was judged: it is judged once more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who backfills, why, and how.

    `rate`: events a second, at most. `ask_first`: PARS may have some by another hand. A credit
    whose deadline is within `urgent_days` is not sent behind those of today.
    """

    who: str
    why: str = ""
    rate: float = 100.0
    ask_first: bool = True
    urgent_days: int = 7
    source: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one batch."""

    read: int
    fates: Counter[str]


@dataclass(frozen=True, slots=True)
class Backfilling:
    """One person's wish, and what it takes.

    `take_up` puts changed tables in force, and tells whether there were any.
    """

    ledger: Ledger
    premises: Premises
    clock: Clock
    wish: Wish
    take_up: Callable[[], bool] = lambda: False

    def go(self, old: Old) -> Iterator[Taken]:
        """Take in what was not taken yet, a batch at a time, in the wish's own time.

        Raises SchemasAway, LedgerUnavailable, BusUnavailable, OSError; the same wish once more
        goes on from there.
        """
        begun = False
        after = self.ledger.remembered(old.strands)
        for batch in self._batches(old.read(after)):
            started = self.clock.monotonic()
            yield Taken(len(batch), self._take(batch, old, begun=begun))
            begun = True
            took = self.clock.monotonic() - started
            # At least half of the time the ledger is somebody else's, however high the rate.
            self.clock.wait(threading.Event(), max(len(batch) / self.wish.rate - took, took))

    def _batches(self, found: Iterator[Message | Broken]) -> Iterator[list[Message]]:
        most = max(1, min(MOST_AT_ONCE, round(self.wish.rate)))
        batch: list[Message] = []
        for one in found:
            if not isinstance(one, Broken):
                batch.append(one)
            if len(batch) >= most:
                yield batch
                batch = []
        if batch:
            yield batch

    def _take(self, batch: Sequence[Message], old: Old, *, begun: bool) -> Counter[str]:
        self.take_up()
        while True:
            try:
                return self._write(batch, old, begun=begun)
            except _TablesChanged:
                continue

    def _write(self, batch: Sequence[Message], old: Old, *, begun: bool) -> Counter[str]:
        now, house = self.clock.now(), self.premises.house
        heard = list(self._heard(batch, old, house, now))
        with self.ledger.begin() as db:
            if self.take_up():
                # Whoever judges again by them has to find these judged by them too.
                raise _TablesChanged
            if self.wish.ask_first and (day := _last_day(heard, now)):
                ask_first_until(db, day)
            last = db.scalar(select(func.max(credits_.c.id))) or 0
            book = Rounds(db, self.ledger, house, now)
            there = set[str]() if old.overrules else self._known(db, heard)
            fresh = [pair for pair in heard if not there or self._key(pair[1]) not in there]
            book.take_all(fresh)
            put_behind(db, last, now, self.wish.urgent_days)
            set_positions(db, _next_places(batch, old))
            if not begun:
                about = (self.wish.who, "events.backfilled", old.subject, self.wish.why)
                remember(db, self.ledger, now, *about)
        return book.fates + Counter(duplicate=len(heard) - len(fresh))

    def _known(self, db: Connection, heard: Sequence[tuple[Message, Heard]]) -> set[str]:
        """The completions among these that were heard of."""
        keys = {key for _, what in heard if (key := self._key(what))}
        return {key for key, row in known(db, keys).items() if not never_heard(row)}

    def _key(self, what: Heard) -> str:
        if (said := what.said) is None:
            return ""
        identity = self.ledger.identity
        return identity.completion_key(said.site, said.learner, said.course, said.occurrence)

    def _heard(
        self, batch: Sequence[Message], old: Old, house: House, now: datetime
    ) -> Iterator[tuple[Message, Heard]]:
        for message in batch:
            for what in hear(message, house, now):
                if not (old.can_be_mended and no_event(what, self.wish.source)):
                    yield message, what


def _last_day(heard: Sequence[tuple[Message, Heard]], now: datetime) -> date | None:
    """The latest day of these completions, not after today; None if there are none."""
    days = [day for _, what in heard for day in _days(what)]
    return min(max(days), now.date()) if days else None


def _days(what: Heard) -> Iterator[date]:
    if isinstance(what.judgement, Ready):
        yield from (one.completed_on for one in what.judgement.records)
    elif what.said is not None:
        # In which zone it will be counted nobody knows yet.
        yield what.said.instant.date() + timedelta(1)


def _next_places(batch: Sequence[Message], old: Old) -> dict[Partition, int]:
    return {old.strand_of(message): message.offset + 1 for message in batch}
