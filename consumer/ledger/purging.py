"""Purging: what is held of somebody goes, and what holds off a second credit stays (design 10).

A purged row keeps its key, state, CreditID, activity, day and points. What was sealed says nobody's
name from then on, and opens as before, so that whoever reads it needs no case of its own; the row's
`purged_at` says why nothing stands there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, or_, select, update

from consumer.bus.port import Outgoing
from consumer.credit import Heard, State
from consumer.ledger import outbox
from consumer.ledger.creditbook import never_left
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import (
    attempts,
    completion_credits,
    completions,
    credits_,
    events,
    letter_edits,
    letters,
    named_events,
    people,
    search_keys,
    steps,
)
from consumer.ledger.schema import outbox as queued
from consumer.ledger.seal import Original, pack_original
from consumer.mapping.said import Said
from consumer.pars.symptoms import SAVE, SAVE_ELSE, Move
from consumer.participant import Record
from consumer.reason import Reason, Stage, pack_reasons

PURGED = Reason(Stage.REVIEW, "purged")
"""Why nothing happens any more to what was closed by a purge."""
_PATIENCE_SECONDS = 10.0
_NOBODY = pack_original(Original(None, None))
_UNDER_WAY = {State.SUBMITTING, State.SUBMITTED, State.REPORTED, State.WITHDRAWING}
_REFUSED = {row.code for row in (*SAVE, SAVE_ELSE) if row.move is Move.REFUSE}
"""Answers to a post after which PARS surely has nothing of it."""
_OPEN = {State.READY, State.ATTENTION}


class StillUnderWay(Exception):
    """PARS has not done with a credit: what it is about is needed until then."""

    def __init__(self, rows: Sequence[Row[Any]]) -> None:
        super().__init__(f"{len(rows)} credits are still under way with PARS")
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Held:
    """What a purge of some completions is about, by number; `letters` by their IDs.

    `shared` are credits that somebody else's completion stands behind too: those stay as they are.
    `places` are the topic, partition and offset of every event of theirs.
    """

    completions: tuple[int, ...]
    steps: tuple[int, ...]
    credits: tuple[int, ...]
    shared: tuple[int, ...]
    letters: tuple[str, ...]
    places: tuple[tuple[str, int, int], ...]


def held_of(
    db: Connection,
    numbers: Collection[int],
    alone: Collection[int] = (),
    unread: Collection[str] = (),
) -> Held:
    """Everything beside these completions.

    `alone` are credits without one, by number, `unread` letters of events that nobody could read.
    """
    link, lt, s, e = completion_credits.c, letters.c, steps.c, events.c
    mine = [*db.scalars(select(link.credit_id).where(link.completion_id.in_(numbers)).distinct())]
    others = (link.completion_id.not_in(numbers), link.stands)
    shared = {*db.scalars(select(link.credit_id).where(link.credit_id.in_(mine), *others))}
    whole = sorted({*mine, *alone} - shared)
    about = or_(lt.completion_id.in_(numbers), lt.credit_row.in_(whole), lt.id.in_(unread))
    place = (e.topic, e.partition, e.offset)
    told = db.execute(select(*place).where(e.completion_id.in_(numbers)))
    kept = db.execute(select(s.topic, s.partition, s.offset).where(s.completion_id.in_(numbers)))
    came = db.execute(select(lt.topic, lt.partition, lt.offset).where(about, lt.topic != ""))
    return Held(
        completions=tuple(sorted(numbers)),
        steps=tuple(db.scalars(select(s.id).where(s.completion_id.in_(numbers)))),
        credits=tuple(whole),
        shared=tuple(sorted(shared)),
        letters=tuple(db.scalars(select(lt.id).where(about).order_by(lt.id))),
        places=tuple(sorted({(t, p, o) for t, p, o in (*told, *kept, *came)})),
    )


def under_way(db: Connection, numbers: Collection[int]) -> list[Row[Any]]:
    """Those of these credits that PARS has not done with, or may have without our knowing."""
    rows = db.execute(select(credits_).where(credits_.c.id.in_(numbers)).order_by(credits_.c.id))
    return [row for row in rows if row.purged_at is None and _is_under_way(db, row)]


def _is_under_way(db: Connection, row: Row[Any]) -> bool:
    if row.state in _UNDER_WAY or (row.state == State.WITHDRAWN and row.resend):
        return True
    if row.state not in _OPEN or never_left(row):
        return False
    # What was refused may be there all the same: of before a restore, or by another hand.
    doubted = row.restored_at is not None or row.overtaken_at is not None
    return row.state == State.READY or doubted or _last_outcome(db, row.id) not in _REFUSED


def _last_outcome(db: Connection, credit: int) -> str | None:
    """What came of the last request: only a refusal says that PARS surely has nothing."""
    mine = select(attempts.c.outcome).where(attempts.c.credit_row == credit)
    return db.scalar(mine.order_by(attempts.c.id.desc()).limit(1))


def purge(db: Connection, ledger: Ledger, held: Held, now: datetime) -> None:
    """Purge all of this, in the caller's transaction; once more it does no harm.

    What was not sent is closed; its dead letters go from their topic. Raises StillUnderWay before
    anything is changed.
    """
    if rows := under_way(db, held.credits):
        raise StillUnderWay(rows)
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete = ON")  # or the bytes stay in the file
    purger = _Purger(db, ledger, now)
    purger.completions(held.completions)
    purger.credits(held.credits)
    purger.letters(held.letters)
    purger.search(held.completions)


def take_in(ledger: Ledger) -> None:
    """Have the file beside a ledger in a file, which holds what was written last, be emptied.

    Somebody who reads for long may keep it a while: it then goes with a later write.
    """
    if ledger.engine.dialect.name == "sqlite" and (path := ledger.engine.url.database):
        with closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class _Purger:
    """Empties rows; one transaction's worth."""

    def __init__(self, db: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._seal, self._now = db, ledger.seal, now
        self._ledger = ledger

    def completions(self, numbers: Sequence[int]) -> None:
        """What was heard, and every step beside it."""
        c = completions.c
        rows = self._db.execute(select(completions).where(c.id.in_(numbers)))
        for row in rows.all():
            if row.purged_at is None:
                values = self._completion(row)
                self._db.execute(update(completions).where(c.id == row.id).values(values))
        self._db.execute(delete(steps).where(steps.c.completion_id.in_(numbers)))
        self._db.execute(delete(named_events).where(named_events.c.completion_id.in_(numbers)))

    def _completion(self, row: Row[Any]) -> dict[str, Any]:
        values: dict[str, Any] = {
            "said": self._seal.seal_json(nobodys_said(self._seal.open_said(row.said))),
            "original": self._seal.seal(_NOBODY),
            "trace": None,
            "occurrence": "",
            "unfinished": False,
            "edited": False,
            "reasons": "[]",
        }
        if row.state not in {Heard.CREDITED, Heard.RETRACTED}:
            values |= {"state": Heard.NOT_REPORTABLE.value, "reasons": pack_reasons((PURGED,))}
        return values | {"changed_at": self._now, "purged_at": self._now}

    def credits(self, numbers: Sequence[int]) -> None:
        """What was to be sent, what was sent, and what PARS said of it."""
        k = credits_.c
        for row in self._db.execute(select(credits_).where(k.id.in_(numbers))).all():
            if row.purged_at is None:
                self._db.execute(update(credits_).where(k.id == row.id).values(self._credit(row)))
        said = update(attempts).where(attempts.c.credit_row.in_(numbers))
        self._db.execute(said.values(answer=None, word=None))

    def _credit(self, row: Row[Any]) -> dict[str, Any]:
        bare = self._seal.seal_json(nobodys_record(self._seal.open_record(row.record)))
        values: dict[str, Any] = {
            "record": bare,
            "sent": None if row.sent is None else bare,
            "four_fields": None,
            "restored_at": None,
            "lease_until": None,
            "fence": row.fence + 1,
        }
        if row.state in _OPEN:
            closed = pack_reasons((PURGED,))
            values |= {"state": State.WITHDRAWN.value, "resend": False, "reasons": closed}
        return values | {"changed_at": self._now, "purged_at": self._now}

    def letters(self, ids: Sequence[str]) -> None:
        """Letters, what people corrected in them, and what stands of them on their topic."""
        lt = letters.c
        self._db.execute(delete(letter_edits).where(letter_edits.c.letter_id.in_(ids)))
        empty = {"original": self._seal.seal(_NOBODY), "closing": None, "content": None}
        closed = {"status": Status.RESOLVED.value, "purged_at": self._now}
        fresh = (lt.id.in_(ids), lt.purged_at.is_(None))
        self._db.execute(update(letters).where(*fresh).values(empty | closed))
        self._unqueue({one.encode() for one in ids})
        # Its last word on the topic: compaction then removes all that was said before.
        gone = [Outgoing(outbox.DEAD_LETTERS, one.encode(), None) for one in ids]
        outbox.put(self._db, self._seal, gone, self._now)

    def _unqueue(self, keys: Collection[bytes]) -> None:
        """Letters that were not published yet are not any more."""
        rows = self._db.execute(select(queued).where(queued.c.topic == outbox.DEAD_LETTERS)).all()
        mine = [row.id for row in rows if keys and outbox.opened(self._seal, row).key in keys]
        outbox.drop(self._db, mine)

    def search(self, numbers: Sequence[int]) -> None:
        """What these were found by; a person of whom nothing else is left is not found at all."""
        s, p = search_keys.c, people.c
        persons = {*self._db.scalars(select(s.digest).where(s.completion_id.in_(numbers)))}
        self._db.execute(delete(search_keys).where(s.completion_id.in_(numbers)))
        alone = ~exists().where(s.digest == p.person)
        self._db.execute(delete(people).where(p.person.in_(persons), alone))


def nobodys_said(said: Said) -> Said:
    """What an event said, without the learner and without what leads to the event."""
    return replace(said, learner="", title="", occurrence="", event_id="", retracts="")


def nobodys_record(record: Record) -> Record:
    """What PARS was told, without the learner."""
    bare = replace(record, given_name="", family_name="", birth_date=None, board_id="")
    return replace(bare, npi=None, licence=None, occurrence="")
