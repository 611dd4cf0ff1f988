"""Completions of which nothing is known yet: gathered, and written together.

Most of what an LMS sends is new and meets nothing: no completion, credit or series in the ledger,
and nothing before it in its batch. Such a one leads to the very rows that the bookkeeper would
write for it alone, in a fraction of the time; everything else is the bookkeeper's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from consumer.bus.port import Message, Partition
from consumer.credit import Heard as HeardState
from consumer.credit import Identity
from consumer.fate import Held, Ignored, Judgement, NotReportable, Ready
from consumer.journey import Heard
from consumer.ledger.bulk import insert_rows, known_among, new_numbers
from consumer.ledger.completionbook import CompletionBook, standing_of
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.namebook import NameBook
from consumer.ledger.schema import (
    completion_credits,
    completions,
    credits_,
    events,
    named_events,
)
from consumer.ledger.series import fits_alone
from consumer.mapping.said import Kind, Said
from consumer.participant import Record

EventKey = tuple[str, int, int, str]
"""Topic, partition and offset of a message, and its content's digest."""

_PLACE = (events.c.topic, events.c.partition, events.c.offset, events.c.digest)


def known_events(db: Connection, messages: Sequence[Message]) -> set[EventKey]:
    """Of all that was ever heard at these messages' places, each place and content."""
    offsets: dict[Partition, list[int]] = defaultdict(list)
    for message in messages:
        offsets[message.strand].append(message.offset)
    known: set[EventKey] = set()
    for (topic, partition), some in offsets.items():
        # A batch has its offsets in a row: what lies between them is all that was asked for.
        within = events.c.offset.between(min(some), max(some))
        rows = select(*_PLACE).where(events.c.topic == topic, events.c.partition == partition)
        known.update(map(tuple, db.execute(rows.where(within))))
    return known


@dataclass(frozen=True, slots=True)
class Keys:
    """All that a readable event may meet: its completion, and each record's credit and series.

    `name` is the hash of its own id, blank unless it may be taken back by it.
    """

    completion: str
    credits: tuple[tuple[str, str], ...]
    name: str = ""

    @property
    def all(self) -> set[str]:
        """Every key once."""
        return {self.completion, *(key for pair in self.credits for key in pair)}

    @property
    def apart(self) -> bool:
        """Whether no record of the event meets another one of it."""
        return len(self.all) == 1 + sum(len({*pair}) for pair in self.credits)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One completion to be written, with its credits."""

    event: EventKey
    said: Said = field(repr=False)
    judgement: Judgement | Ignored = field(repr=False)
    fate: str
    name: str
    row: dict[str, Any] = field(repr=False)
    credits: list[dict[str, Any]] = field(repr=False)


class Newcomers:
    """Takes what meets nothing; has to be written before anything else is."""

    def __init__(
        self,
        connection: Connection,
        identity: Identity,
        rows: CompletionBook,
        credit: CreditBook,
        names: NameBook,
    ) -> None:
        self._db, self._identity = connection, identity
        self._rows, self._credits, self._names = rows, credit, names
        self._taken_back: set[str] = set()
        self._met: set[str] = set()
        self._waiting: list[Newcomer] = []

    def expect(self, batch: Iterable[Heard]) -> list[Keys | None]:
        """Look up, once for the batch, what of it the ledger knows; gives each event's keys."""
        keys = [self._keys(what) for what in batch]
        self._taken_back = self._names.taken_back_among(one.name for one in keys if one)
        own = {one.completion for one in keys if one}
        credit = {key for one in keys if one for pair in one.credits for key in pair}
        self._met |= known_among(self._db, completions.c.key, own)
        for column in (credits_.c.key, credits_.c.series):
            self._met |= known_among(self._db, column, credit)
        return keys

    def taken_back(self, said: Said) -> None:
        """An event that this retraction names is nothing new when it comes."""
        self._taken_back.add(self._names.retracted(said))

    def _keys(self, what: Heard) -> Keys | None:
        if (said := what.said) is None or said.retracts:
            return None
        pairs = [_pair(self._identity, one) for one in _records(what)]
        own = self._identity.completion_key(said.site, said.learner, said.course, said.occurrence)
        return Keys(own, tuple(pairs), self._names.name(said) if what.named else "")

    def take(self, event: EventKey, message: Message, what: Heard, keys: Keys | None) -> bool:
        """Whether this one is new, and was taken."""
        if keys is None or what.said is None:
            return False
        new = self._met.isdisjoint(keys.all)
        # Whoever deals with this one: what comes later and meets it is not new any more.
        self._met |= keys.all
        new = new and keys.name not in self._taken_back
        outcome = _outcome(what.judgement, keys) if new else None
        if outcome is None or what.said.kind is not Kind.COMPLETION:
            return False
        fate, stands = outcome
        row = self._rows.new(keys.completion, what.said, what, message) | stands
        credit_rows = [
            self._credits.new(key, series, record)
            for (key, series), record in zip(keys.credits, _records(what), strict=True)
        ]
        self._waiting.append(
            Newcomer(event, what.said, what.judgement, fate, keys.name, row, credit_rows)
        )
        return True

    def write(self) -> list[tuple[Newcomer, int]]:
        """Write those that wait, in the order they came; gives each with its number."""
        waiting, self._waiting = self._waiting, []
        numbers = self._insert(completions, [one.row for one in waiting])
        made = iter(self._insert(credits_, [row for one in waiting for row in one.credits]))
        links = [
            {"completion_id": number, "credit_id": next(made)}
            for number, one in zip(numbers, waiting, strict=True)
            for _ in one.credits
        ]
        insert_rows(self._db, completion_credits, links)
        named = [
            self._names.row(one.said, one.name, number)
            for number, one in zip(numbers, waiting, strict=True)
            if one.name
        ]
        insert_rows(self._db, named_events, named, new_only=True)
        return list(zip(waiting, numbers, strict=True))

    def _insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> Sequence[int]:
        """Write the rows; gives the number of each."""
        if not rows:
            return ()
        numbers = new_numbers(self._db, table, len(rows))
        for row, number in zip(rows, numbers, strict=True):
            row["id"] = number
        insert_rows(self._db, table, rows)
        return numbers


def _pair(identity: Identity, record: Record) -> tuple[str, str]:
    key = identity.credit_key(record)
    return key, identity.series_key(record) if record.occurrence else key


def _records(what: Heard) -> tuple[Record, ...]:
    return what.judgement.records if isinstance(what.judgement, Ready) else ()


def _outcome(judgement: Judgement | Ignored, keys: Keys) -> tuple[str, dict[str, Any]] | None:
    """The fate of one that meets nothing, and what its row says of it; None for a letter."""
    match judgement:
        case Ready(records, waiting, unfinished) if keys.apart and all(map(fits_alone, records)):
            return "ready", standing_of(HeardState.CREDITED, waiting, unfinished=unfinished)
        case Held(reasons, report_by, closes_on):
            until = (report_by, closes_on)
            return "held", standing_of(HeardState.HELD, reasons, until=until)
        case NotReportable(reason):
            return "not_reportable", standing_of(HeardState.NOT_REPORTABLE, (reason,))
    return None
