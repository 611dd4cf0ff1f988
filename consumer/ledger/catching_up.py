"""Fills in what a migration cannot: columns whose values only the keys of the house can make."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from consumer.board import Deadlines
from consumer.credit import Identity
from consumer.ledger.schema import completions, credits_
from consumer.ledger.seal import Seal


def fill_in(db: Connection, seal: Seal, identity: Identity) -> None:
    """Give every row from before migration 0004 its series and the common deadlines."""
    for row in db.execute(select(credits_.c.id, credits_.c.record)).all():
        record = seal.open_record(row.record)
        values = {
            "series": identity.series_key(record),
            "closes_on": Deadlines().closes_on(record.completed_on),
        }
        db.execute(update(credits_).where(credits_.c.id == row.id).values(values))
    for row in db.execute(select(completions.c.id, completions.c.said)).all():
        day = Deadlines().report_by(seal.open_said(row.said).instant.date())
        db.execute(update(completions).where(completions.c.id == row.id).values(report_by=day))
