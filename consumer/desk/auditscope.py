"""Which activity an audit is about, by the office's name or PARS's; and what stands at its head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, select, tuple_

from consumer.candidate import Reporter
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import credits_
from consumer.reports.audit import Activity
from consumer.tables import Tables
from consumer.tables.activities import Activities
from consumer.tables.activities import Activity as TableRow

Pair = tuple[str, str]
"""An activity's own name, and its PARS ID in one period."""


class NoSuchActivity(Exception):
    """Neither an own name nor a PARS ID; holds those there are."""

    def __init__(self, known: Iterable[Pair]) -> None:
        self.known = tuple(f"{name} ({number})" if number else name for name, number in known)
        super().__init__("no such activity")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which credits and completions a pack is about; None leaves that end of the dates open."""

    pairs: frozenset[Pair]
    since: date | None = None
    until: date | None = None

    @property
    def numbers(self) -> list[str]:
        """The PARS IDs, oldest first; a course of another provider may have none."""
        return sorted({number for _, number in self.pairs} - {""})

    def covers(self, day: date) -> bool:
        """Whether a completion of that day was asked for."""
        return (self.since or date.min) <= day <= (self.until or date.max)

    def credits(self) -> ColumnElement[bool]:
        """The credits meant, as a condition."""
        c = credits_.c
        meant: ColumnElement[bool] = tuple_(c.activity, c.pars_activity_id).in_(sorted(self.pairs))
        if self.since:
            meant &= c.completed_on >= self.since
        return meant & (c.completed_on <= self.until) if self.until else meant

    def rows(self, activities: Activities) -> list[TableRow]:
        """The table's rows of this activity, oldest period first."""
        rows = [row for _, _, row in activities if pair_of(row) in self.pairs]
        return sorted(rows, key=lambda row: row.starts)


def pair_of(row: TableRow) -> Pair:
    """What a row of the table says of a credit's activity."""
    return row.activity, row.pars_activity_id


def find_scope(
    db: Connection,
    tables: Tables,
    wanted: str,
    since: date | None = None,
    until: date | None = None,
) -> Scope:
    """The activity of this own name, all its periods, or of this PARS ID. Raises NoSuchActivity.

    One that has left the table is found as long as the ledger has a credit of it.
    """
    c = credits_.c
    known = {pair_of(row) for _, _, row in tables.activities}
    known |= {(row.activity, row.pars_activity_id) for row in db.execute(
        select(c.activity, c.pars_activity_id).distinct()
    )}  # fmt: skip
    meant = {pair for pair in known if wanted.casefold() in (pair[0].casefold(), pair[1])}
    if not wanted or not meant:
        raise NoSuchActivity(sorted(known))
    return Scope(frozenset(meant), since, until)


def head_of(
    db: Connection,
    ledger: Ledger,
    tables: Tables,
    providers: Mapping[str, Reporter],
    scope: Scope,
    now: datetime,
) -> Activity:
    """What stands at the head of the pack: as the table has it, else as it was last reported."""
    rows = scope.rows(tables.activities)
    if not rows:
        return _head_from_ledger(db, ledger, scope, now)
    provider = next((providers[row.profile] for row in rows if row.ours), None)
    starts, ends = min(row.starts for row in rows), max(row.ends for row in rows)
    return Activity(
        title=rows[-1].title,
        pars_activity_id=", ".join(scope.numbers),
        provider_name=provider.name if provider else "another provider",
        provider_id=provider.provider_id if provider else "",
        starts=None if starts == date.min else starts,
        ends=None if ends == date.max else ends,
        prepared_at=now,
        zone=rows[-1].zone,
        since=scope.since,
        until=scope.until,
    )


def _head_from_ledger(db: Connection, ledger: Ledger, scope: Scope, now: datetime) -> Activity:
    c = credits_.c
    everything = Scope(scope.pairs).credits()
    newest = select(c.record).where(everything).order_by(c.completed_on.desc(), c.id).limit(1)
    record = ledger.seal.open_record(db.execute(newest).scalar_one())
    return Activity(
        title=record.title,
        pars_activity_id=", ".join(scope.numbers),
        provider_name=record.provider_name,
        provider_id=record.provider_id,
        starts=None,
        ends=None,
        prepared_at=now,
        zone=ZoneInfo("UTC"),
        since=scope.since,
        until=scope.until,
    )
