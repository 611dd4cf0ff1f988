"""The first weeks: what another hand may have put into PARS already is asked about, not doubled."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from consumer.credit import State
from consumer.ledger.ledger import Ledger
from consumer.ledger.reportbook import four_fields
from consumer.ledger.schema import completion_credits, credits_


def ask_first(db: Connection, ledger: Ledger, row: Row[Any]) -> Row[Any]:
    """The ready credit as one to ask about by the four fields, if it was never sent or asked about.

    Those of the same completion with it: PARS's answer names no credit types, so it is read by how
    many of them it shows. After a restore that it was not sent is no proof: this one is asked
    about in any case.
    """
    restored = row.restored_at is not None
    unsent = row.sent is None and row.four_fields is None
    if not (unsent or restored):
        return row
    for one in [*(_together(db, row) if unsent else [row])]:
        hashed = four_fields(ledger.identity, ledger.seal.open_record(one.record))
        # Under its CreditID it may be with PARS as it was sent before; a new one has no such past.
        sent = one.sent if one.credit_id and one.sent else one.record
        values = {"four_fields": one.four_fields or hashed, "sent": sent, "ask": True}
        db.execute(update(credits_).where(credits_.c.id == one.id).values(values))
    return db.execute(select(credits_).where(credits_.c.id == row.id)).one()


def _together(db: Connection, row: Row[Any]) -> list[Row[Any]]:
    link, c = completion_credits.c, credits_.c
    completions = select(link.completion_id).where(link.credit_id == row.id)
    siblings = select(link.credit_id).where(link.completion_id.in_(completions))
    unsent = (c.state == State.READY, c.sent.is_(None), c.four_fields.is_(None))
    ours = c.pars_activity_id == row.pars_activity_id
    return [*db.execute(select(credits_).where(c.id.in_(siblings), ours, *unsent))]
