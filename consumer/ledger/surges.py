"""What comes from one source in a surge: counted a batch at a time, held, told once (design 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, case, delete, select

from consumer.ledger.database import upsert
from consumer.ledger.schema import surges, tallies
from consumer.limits import SurgeLimits
from consumer.reason import Reason

HEARD, DUPLICATE = "", "duplicate"
"""What is tallied beside the reasons of refusals: everything, and what was emitted again."""
UNRECOGNISED = "unrecognised"
"""The source of what no mapping knows."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One event that was not heard before: its place, its mapping, what became of it and why.

    `completion` is the number of the one it led to or met, `trace` as the event was heard with.
    """

    topic: str
    partition: int
    offset: int
    mapping: str
    fate: str
    refused: tuple[Reason, ...] = ()
    completion: int | None = None
    trace: str = ""

    @property
    def source(self) -> str:
        """The LMS it came from."""
        return self.mapping.partition("/")[0] or UNRECOGNISED

    @property
    def what(self) -> str:
        """What it is tallied as, beside having been heard."""
        if self.fate == DUPLICATE:
            return DUPLICATE
        return self.refused[0].code if self.refused else HEARD


@dataclass(frozen=True, slots=True)
class Surge:
    """A source that is held from now on, and why."""

    source: str
    mapping: str
    reason: Reason
    count: int


@dataclass(frozen=True, slots=True)
class Reemission:
    """Old completions that one source emits again."""

    source: str
    mapping: str
    count: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """What people are told of a batch; of `quiet` sources and reasons they were told before."""

    surges: tuple[Surge, ...]
    reemissions: tuple[Reemission, ...]
    quiet: frozenset[tuple[str, str]]


def notice(
    db: Connection, settled: Sequence[Settled], limits: SurgeLimits, now: datetime
) -> Noticed:
    """Tally a batch, hold what surges; gives what is new. In the batch's own transaction."""
    counter = _Counter(db, limits, now)
    last = {(one.source, one.what): one for one in settled}
    batch = Counter((one.source, one.what) for one in settled if one.what != HEARD)
    heard = {
        source: counter.add(source, HEARD, count)
        for source, count in Counter(one.source for one in settled).items()
    }
    found: list[Surge] = []
    again: list[Reemission] = []
    for key, count in batch.items():
        one, total = last[key], counter.add(*key, count, last[key].mapping)
        if one.what == DUPLICATE:
            if total - count < limits.reemission_notice <= total:
                again.append(Reemission(one.source, one.mapping, total))
        elif limits.is_surge(total, heard[one.source]) and _hold(db, one, now):
            found.append(Surge(one.source, one.mapping, one.refused[0], total))
    return Noticed(tuple(found), tuple(again), _held(db))


class _Counter:
    """Counts in windows that begin at the same moments for every process."""

    def __init__(self, db: Connection, limits: SurgeLimits, now: datetime) -> None:
        began = now.timestamp() // limits.surge_seconds * limits.surge_seconds
        self._db, self._began_at = db, datetime.fromtimestamp(began, UTC)

    def add(self, source: str, what: str, count: int, mapping: str = "") -> int:
        """Gives the tally of this window."""
        values = {"mapping": mapping, "began_at": self._began_at, "count": count}
        new = upsert(self._db, tallies).values(source=source, what=what, **values)
        same_window = tallies.c.began_at == new.excluded.began_at
        before = case((same_window, tallies.c.count), else_=0)
        known = new.on_conflict_do_update(
            index_elements=["source", "what"], set_=values | {"count": before + new.excluded.count}
        )
        return int(self._db.execute(known.returning(tallies.c.count)).scalar_one())


def _hold(db: Connection, one: Settled, now: datetime) -> bool:
    """Hold the source; False when it is held for this reason already, by whichever process."""
    reason = one.refused[0]
    new = upsert(db, surges).values(
        source=one.source,
        reason=reason.code,
        stage=reason.stage.value,
        field=reason.field,
        mapping=one.mapping,
        since=now,
    )
    done = db.execute(new.on_conflict_do_nothing().returning(surges.c.source))
    return done.first() is not None


def _held(db: Connection) -> frozenset[tuple[str, str]]:
    rows = db.execute(select(surges.c.source, surges.c.reason))
    return frozenset((row.source, row.reason) for row in rows)


def let_go(db: Connection, source: str) -> None:
    """The source is held no more, and its count begins anew."""
    db.execute(delete(surges).where(surges.c.source == source))
    db.execute(delete(tallies).where(tallies.c.source == source))
