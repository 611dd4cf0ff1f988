"""The nightly comparison in the ledger: whose turn it is, what is known, what was found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from consumer.credit import Heard
from consumer.ledger.database import upsert
from consumer.ledger.reconciletables import comparisons, lists
from consumer.ledger.schema import completions, surges
from consumer.ledger.switches import modes
from consumer.release import Subject

_BATCH = 500
_KEPT = timedelta(days=400)


class Standing(StrEnum):
    """What became of a comparison."""

    CLEAN = "clean"
    PUBLISHED = "published"
    NAMED = "named"  # the settings say that nothing is published
    FIRST = "first"  # the first look at a list only names
    HELD = "held"  # the LMS is held, or rehearsed: its list goes no other way
    MANY = "many"  # so many that the list may be wrong: a person decides


WAITING = frozenset({Standing.NAMED, Standing.FIRST, Standing.HELD, Standing.MANY})
"""Standings in which what is missing is still missing."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One process's turn at a list; `fence` says whose it is, `tries` which try."""

    name: str
    fence: int
    tries: int


def claim(db: Connection, name: str, night: date, now: datetime, lease: float) -> Turn | None:
    """A turn at a list whose night was not compared; None where it is not due, or another's."""
    know(db, name)
    row = db.execute(select(lists).where(lists.c.name == name)).one()
    if not _is_due(row, night, now):
        return None
    fence = row.fence + 1
    _set(db, name, fence=fence, lease_until=now + timedelta(seconds=lease))
    return Turn(name, fence, row.tries)


def due(db: Connection, name: str, night: date, now: datetime) -> bool:
    """Whether a turn may be had; asked far oftener than one is taken."""
    row = db.execute(select(lists).where(lists.c.name == name)).one_or_none()
    return row is None or _is_due(row, night, now)


def _is_due(row: Row[Any], night: date, now: datetime) -> bool:
    if row.night is not None and row.night >= night:
        return False
    return all(at is None or at <= now for at in (row.due_at, row.lease_until))


def know(db: Connection, name: str) -> None:
    """There is such a list."""
    statement = upsert(db, lists).values(name=name, fence=0, tries=0, cause="")
    db.execute(statement.on_conflict_do_nothing(index_elements=["name"]))


def keep(db: Connection, turn: Turn, now: datetime, lease: float) -> bool:
    """Go on with the turn; False where another process has taken it."""
    c = lists.c
    until = {"lease_until": now + timedelta(seconds=lease)}
    ours = update(lists).where(c.name == turn.name, c.fence == turn.fence).values(until)
    return db.execute(ours).rowcount > 0


def let_go(db: Connection, turn: Turn) -> None:
    """The turn ends before its time: whoever comes next may have it."""
    c = lists.c
    ours = update(lists).where(c.name == turn.name, c.fence == turn.fence)
    db.execute(ours.values(lease_until=None))


def failed(db: Connection, turn: Turn, cause: str, now: datetime, again_at: datetime) -> None:
    """The list could not be read, and is tried again then."""
    since = func.coalesce(lists.c.failing_since, literal(now, lists.c.failing_since.type))
    told = {"cause": cause, "failing_since": since, "due_at": again_at, "lease_until": None}
    c = lists.c
    ours = update(lists).where(c.name == turn.name, c.fence == turn.fence)
    db.execute(ours.values(told | {"tries": turn.tries + 1}))


def done(db: Connection, name: str, night: date | None) -> None:
    """The list was compared; `night` is None where a person did, by day."""
    own = {} if night is None else {"night": night}
    _set(db, name, **own, lease_until=None, tries=0, due_at=None, failing_since=None, cause="")


def _set(db: Connection, name: str, **values: Any) -> None:
    db.execute(update(lists).where(lists.c.name == name).values(values))


def write(db: Connection, at: datetime, **values: Any) -> None:
    """Keep what a comparison found, and forget those of long ago."""
    db.execute(delete(comparisons).where(comparisons.c.at < at - _KEPT))
    db.execute(insert(comparisons).values(at=at, **values))


def forget(db: Connection, name: str) -> bool:
    """A list that there is no more; False where none was known."""
    db.execute(delete(comparisons).where(comparisons.c.name == name))
    return db.execute(delete(lists).where(lists.c.name == name)).rowcount > 0


def newest(db: Connection) -> dict[str, Row[Any]]:
    """The newest comparison of each list."""
    c = comparisons.c
    last = select(func.max(c.id)).group_by(c.name)
    return {row.name: row for row in db.execute(select(comparisons).where(c.id.in_(last)))}


def history(db: Connection, name: str, limit: int) -> Sequence[Row[Any]]:
    """The comparisons of a list, or of all where it is blank; newest first."""
    c = comparisons.c
    query = select(comparisons).order_by(c.id.desc()).limit(limit)
    return db.execute(query.where(c.name == name) if name else query).all()


def standing(db: Connection) -> Sequence[Row[Any]]:
    """Every list's turn, by its name."""
    return db.execute(select(lists).order_by(lists.c.name)).all()


def known(db: Connection, keys: Iterable[str]) -> dict[str, Row[Any]]:
    """Those of these completions that there are: state, when one was taken back, when heard."""
    c = completions.c
    found: dict[str, Row[Any]] = {}
    waiting = iter(keys)
    while batch := [*islice(waiting, _BATCH)]:
        query = select(c.key, c.state, c.reasons, c.retracted_at, c.heard_at).where(
            c.key.in_(batch)
        )
        found |= {row.key: row for row in db.execute(query)}
    return found


def held_sources(db: Connection, named: Collection[str], courses: Collection[str]) -> list[str]:
    """LMSs that are held or rehearsed, of those named and those that told of these courses."""
    c = completions.c
    told: set[str] = set()
    waiting = iter(courses)
    while batch := [*islice(waiting, _BATCH)]:
        told |= {*db.scalars(select(c.source).where(c.course.in_(batch)).distinct())}
    surging = {*db.scalars(select(surges.c.source))}
    return sorted(({*named} | told) & ({*modes(db, Subject.SOURCE)} | surging))


def standing_of(db: Connection, courses: Collection[str], since: datetime) -> list[Row[Any]]:
    """Completions of these courses heard since then, but those taken back."""
    c = completions.c
    query = select(c.key, c.site, c.said)
    found: list[Row[Any]] = []
    for course in sorted(courses):
        mine = (c.course == course, c.heard_at >= since, c.state != Heard.RETRACTED)
        found.extend(db.execute(query.where(*mine).order_by(c.id)))
    return found
