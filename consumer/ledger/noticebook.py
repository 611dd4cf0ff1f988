"""Notices in the ledger: each occasion once, claimed under a lease, marked when it is told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from consumer.ledger.database import upsert
from consumer.ledger.ledger import Ledger
from consumer.ledger.noticetables import notice_matters, notices

DIGEST = "digest"
"""The kind of a notice that tells of several kinds of matters."""


class Standing(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"
    SENT = "sent"
    NOTHING = "nothing"  # there was nothing to tell on that day
    MENDED = "mended"  # before it could be told
    SUPERSEDED = "superseded"  # a later digest says all that still stands
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Occasion:
    """To whom, by which way, of what and on which occasion: a notice of it is made once."""

    role: str
    way: str
    kind: str
    occasion: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is ours to send for a while. `tries` says which try this is."""

    number: int
    what: Occasion
    message_id: str
    subject: str
    content: str = field(repr=False)
    tries: int
    created_at: datetime


class NoticeBook:
    """One transaction's view of the notices."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def known(self, what: Occasion) -> bool:
        """Whether this occasion was thought of already, by whichever process."""
        return self._db.scalar(select(notices.c.id).where(*_same(what))) is not None

    def put(
        self, what: Occasion, subject: str, content: str, standing: Standing, due_at: datetime
    ) -> bool:
        """Write it down; False when another process did. A digest takes the place of older ones."""
        statement = upsert(self._db, notices).values(
            role=what.role,
            way=what.way,
            kind=what.kind,
            occasion=what.occasion,
            message_id=message_id(self._ledger, what),
            subject=subject,
            content=content,
            state=standing.value,
            tries=0,
            cause="",
            created_at=self._now,
            due_at=due_at,
        )
        once = ["role", "way", "kind", "occasion"]
        new = statement.on_conflict_do_nothing(index_elements=once).returning(notices.c.id)
        number = self._db.scalar(new)
        if number is not None and what.kind == DIGEST:
            self._supersede(what, number)
        return number is not None

    def _supersede(self, what: Occasion, number: int) -> None:
        c = notices.c
        older = (c.role == what.role, c.way == what.way, c.kind == DIGEST, c.id != number)
        waiting = update(notices).where(*older, c.state == Standing.WAITING)
        self._db.execute(waiting.values(state=Standing.SUPERSEDED.value))

    def claim(self, ways: Collection[tuple[str, str]], lease_seconds: float) -> Claimed | None:
        """The oldest notice that is due, ours for so long; None when there is none."""
        c = notices.c
        mine = or_(*((c.role == role) & (c.way == way) for role, way in ways))
        free = or_(c.lease_until.is_(None), c.lease_until < self._now)
        due = (c.state == Standing.WAITING, c.due_at <= self._now, free, mine)
        row = self._db.execute(select(notices).where(*due).order_by(c.due_at, c.id)).first()
        if row is None:
            return None
        until = self._now + timedelta(seconds=lease_seconds)
        ours = update(notices).where(c.id == row.id)
        self._db.execute(ours.values(lease_until=until, tries=row.tries + 1))
        what = Occasion(row.role, row.way, row.kind, row.occasion)
        told = (row.message_id, row.subject, row.content, row.tries + 1, row.created_at)
        return Claimed(row.id, what, *told)

    def sent(self, claimed: Claimed, matters: Sequence[tuple[str, str]]) -> None:
        """It was told; with a digest, the next one takes these matters for known.

        That another process took it over meanwhile does not matter: it was told.
        """
        self._settle(claimed, Standing.SENT, sent_at=self._now, cause="")
        if claimed.what.kind == DIGEST:
            self._remember(claimed.what, matters)

    def settle(self, claimed: Claimed, standing: Standing) -> None:
        """It is not to be told any more."""
        self._settle(claimed, standing)

    def failed(self, claimed: Claimed, cause: str, again_at: datetime) -> None:
        """It could not be told, and is tried again then."""
        c = notices.c
        ours = (c.id == claimed.number, c.tries == claimed.tries, c.state == Standing.WAITING)
        values = {"cause": cause, "due_at": again_at, "lease_until": None}
        self._db.execute(update(notices).where(*ours).values(values))

    def _settle(self, claimed: Claimed, standing: Standing, **values: Any) -> None:
        done = update(notices).where(notices.c.id == claimed.number)
        self._db.execute(done.values(state=standing.value, lease_until=None, **values))

    def _remember(self, what: Occasion, matters: Sequence[tuple[str, str]]) -> None:
        c = notice_matters.c
        whose = {"role": what.role, "way": what.way}
        self._db.execute(delete(notice_matters).filter_by(**whose))
        rows = [
            whose | {c.kind.name: kind, c.subject.name: subject, c.told_at.name: self._now}
            for kind, subject in matters
        ]
        if rows:
            self._db.execute(insert(notice_matters), rows)


def told_before(db: Connection, role: str, way: str) -> set[tuple[str, str]]:
    """Kind and subject of what the last digest told of."""
    c = notice_matters.c
    query = select(c.kind, c.subject).where(c.role == role, c.way == way)
    return {(row.kind, row.subject) for row in db.execute(query)}


def in_trouble(db: Connection) -> tuple[int, str]:
    """How many notices wait because telling them failed, and the latest cause."""
    c = notices.c
    stuck: tuple[ColumnElement[bool], ...] = (c.state == Standing.WAITING, c.cause != "")
    count = db.scalar(select(func.count()).select_from(notices).where(*stuck)) or 0
    newest = select(c.cause).where(*stuck).order_by(c.due_at.desc()).limit(1)
    return count, (db.scalar(newest) or "") if count else ""


def message_id(ledger: Ledger, what: Occasion) -> str:
    """The same for the same occasion, in every process and after any restart; says nothing."""
    parts = (what.role, what.way, what.kind, what.occasion)
    return ledger.identity.digest("notice", *parts)[:32]


def _same(what: Occasion) -> tuple[ColumnElement[bool], ...]:
    c = notices.c
    same = (c.role == what.role, c.way == what.way, c.kind == what.kind)
    return (*same, c.occasion == what.occasion)
