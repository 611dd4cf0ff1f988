"""What PARS was asked beforehand, in the ledger: each activity and each learner once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, insert, select, update

from consumer.credit import State
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import credits_, inquiries
from consumer.ledger.seal import normalise
from consumer.pars.registered import Registered, pack, unpack
from consumer.participant import Record


class Kind(StrEnum):
    """What was asked about."""

    ACTIVITY = "activity"
    LEARNER = "match"
    POSTED = "posted"  # an activity that was sent for registration, by a hash of its own number


class Answer(StrEnum):
    """What PARS said last; NONE until it has said anything."""

    NONE = "none"
    FOUND = "found"
    ABSENT = "absent"
    MATCH = "match"
    NO_MATCH = "no_match"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question as it stands; `failures` counts those in a row that brought no answer."""

    asked_at: datetime
    due_at: datetime
    answer: Answer = Answer.NONE
    found: Registered | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Inquiries:
    """Reads and writes questions, each in a transaction of its own. All raise LedgerUnavailable."""

    ledger: Ledger

    def known(self, kind: Kind, subject: str) -> Inquiry | None:
        """The question as it stands, None when it was never asked."""
        with self.ledger.read() as db:
            row = _row(db, kind, subject)
        return None if row is None else inquiry_of(row)

    def put(self, kind: Kind, subject: str, inquiry: Inquiry) -> None:
        """Remember it. What PARS says otherwise than before sets waiting credits going."""
        with self.ledger.begin() as db:
            old = _row(db, kind, subject)
            same = old is not None and (old.answer, old.found) == (
                inquiry.answer.value,
                pack(inquiry.found),
            )
            _delete(db, kind, subject)
            told = old.told if old is not None and same else "[]"
            db.execute(insert(inquiries).values(_values(kind, subject, inquiry) | {"told": told}))
            if kind is Kind.ACTIVITY and old is not None and not same:
                _release(db, subject, inquiry.asked_at)

    def begin_posting(self, subject: str, now: datetime, earlier: Inquiry | None) -> bool:
        """Remember that an activity is being sent, before it is; False when another is sending it.

        `earlier` is the sending of unknown end that PARS was asked about.
        """
        with self.ledger.begin() as db:
            old = _row(db, Kind.POSTED, subject)
            known = None if old is None else inquiry_of(old)
            if known != earlier:
                return False
            _delete(db, Kind.POSTED, subject)
            values = _values(Kind.POSTED, subject, Inquiry(now, now)) | {"told": "[]"}
            db.execute(insert(inquiries).values(values))
        return True

    def all_known(self, kind: Kind) -> dict[str, Inquiry]:
        """Every question of a kind, by its subject."""
        with self.ledger.read() as db:
            rows = db.execute(select(inquiries).where(inquiries.c.kind == kind.value)).all()
        return {row.subject: inquiry_of(row) for row in rows}

    def forget(self, kind: Kind, subject: str, now: datetime) -> None:
        """As if it had never been asked; credits that wait for an activity go and ask anew."""
        with self.ledger.begin() as db:
            _delete(db, kind, subject)
            if kind is Kind.ACTIVITY:
                _release(db, subject, now)

    def untold(self, kind: Kind, subject: str, words: Collection[str]) -> list[str]:
        """Those of `words` that nobody was told since PARS's last other answer; told from now."""
        with self.ledger.read() as db:
            if not _new(_row(db, kind, subject), words):
                return []  # as a rule, and then nobody has to wait for the write lock
        with self.ledger.begin() as db:
            row = _row(db, kind, subject)
            new = _new(row, words)
            if row is not None and new:
                where = (inquiries.c.kind == kind.value, inquiries.c.subject == subject)
                told = orjson.dumps([*orjson.loads(row.told), *new]).decode()
                db.execute(update(inquiries).where(*where).values(told=told))
        return new

    def learner(self, record: Record) -> str:
        """What stands for a learner as the board would be asked: a hash, until the row changes."""
        parts = (record.board, record.board_id, str(record.birth_date or ""))
        names = map(normalise, (record.given_name, record.family_name))
        return self.ledger.identity.digest("match", *parts, *names)

    def posted(self, provider_id: str, own_id: str) -> str:
        """What stands for an activity on its way into PARS."""
        return self.ledger.identity.digest("activity", provider_id, own_id)


def activity_subject(profile: str, pars_activity_id: str) -> str:
    """What stands for an activity in PARS."""
    return f"{profile}/{pars_activity_id}"


def inquiry_of(row: Row[Any]) -> Inquiry:
    """A row of the ledger as what it says."""
    return Inquiry(row.asked_at, row.due_at, Answer(row.answer), unpack(row.found), row.failures)


def _new(row: Row[Any] | None, words: Collection[str]) -> list[str]:
    told = [] if row is None else orjson.loads(row.told)
    return [word for word in words if word not in told]


def _row(db: Connection, kind: Kind, subject: str) -> Row[Any] | None:
    where = (inquiries.c.kind == kind.value, inquiries.c.subject == subject)
    return db.execute(select(inquiries).where(*where)).one_or_none()


def _values(kind: Kind, subject: str, inquiry: Inquiry) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "subject": subject,
        "answer": inquiry.answer.value,
        "found": pack(inquiry.found),
        "failures": inquiry.failures,
        "asked_at": inquiry.asked_at,
        "due_at": inquiry.due_at,
    }


def _delete(db: Connection, kind: Kind, subject: str) -> None:
    where = (inquiries.c.kind == kind.value, inquiries.c.subject == subject)
    db.execute(delete(inquiries).where(*where))


def _release(db: Connection, subject: str, now: datetime) -> None:
    profile, _, number = subject.rpartition("/")
    c = credits_.c
    waiting = (c.state == State.READY.value, c.profile == profile, c.pars_activity_id == number)
    db.execute(update(credits_).where(*waiting, c.reasons != "[]").values(due_at=now))
