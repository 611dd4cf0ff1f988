"""Stale hands: a process frozen past its lease may post what nobody waits for (design 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from consumer.credit import State
from consumer.ledger import links
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, credits_
from consumer.participant import Record


@dataclass(frozen=True, slots=True)
class Posted:
    """What a stale hand may have left at PARS."""

    row: int
    credit_id: str
    revision: int
    record: Record = field(repr=False)


def ask_about(db: Connection, ledger: Ledger, posted: Posted, now: datetime) -> None:
    """Have PARS asked whether it has this after all, and have it deleted if it should be gone.

    An older revision becomes a credit of its own that only has to go; until it has, the next
    revision is not sent.
    """
    row = db.execute(select(credits_).where(credits_.c.id == posted.row)).one()
    if row.credit_id != posted.credit_id:
        _put_stray(db, ledger, row, posted, now)
    elif row.state in {State.WITHDRAWN, State.WITHDRAWING}:
        _withdraw_again(db, row.id, now)


def _withdraw_again(db: Connection, number: int, now: datetime) -> None:
    again = {"state": State.WITHDRAWING.value, "ask": True, "absent_at": None, "due_at": now}
    moved = {"fence": credits_.c.fence + 1, "lease_until": None, "changed_at": now}
    db.execute(update(credits_).where(credits_.c.id == number).values(again | moved))


def _put_stray(
    db: Connection, ledger: Ledger, row: Row[Any], posted: Posted, now: datetime
) -> None:
    key = ledger.identity.digest("stray", posted.credit_id)
    known = db.scalar(select(credits_.c.id).where(credits_.c.key == key))
    if known is not None:
        return _withdraw_again(db, known, now)
    facts = CreditBook(db, ledger, now).facts(posted.record)
    values = facts | {
        "key": key,
        "credit_id": posted.credit_id,
        "revision": posted.revision,
        "state": State.WITHDRAWING.value,
        "sent": facts["record"],
        "ask": True,
        "board": row.board,
        "credit_type": row.credit_type,
        "activity": row.activity,
        "due_at": now,
        "created_at": now,
        "changed_at": now,
    }
    stray = db.execute(insert(credits_).values(values).returning(credits_.c.id)).scalar_one()
    _link(db, links.completions_of(db, row.id), stray)
    return None


def _link(db: Connection, completions: Sequence[int], stray: int) -> None:
    for completion in completions:
        pair = {"completion_id": completion, "credit_id": stray, "stands": False}
        db.execute(insert(completion_credits).values(pair))
