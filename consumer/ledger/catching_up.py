"""Fills in what a migration cannot: columns whose values only the keys of the house can make."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from consumer.board import Deadlines
from consumer.credit import Identity
from consumer.ledger.schema import completions, credits_, letters
from consumer.ledger.seal import Seal, unpack_original


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


def fill_in_contents(db: Connection, seal: Seal, identity: Identity) -> None:
    """Give letters from before migration 0018 that nobody could read what they are known by."""
    c = letters.c
    unread = (c.completion_id.is_(None), c.credit_row.is_(None), c.content.is_(None))
    for row in db.execute(select(c.id, c.original).where(*unread)).all():
        if value := unpack_original(seal.open(row.original)).value:
            content = identity.letter_content(value)
            db.execute(update(letters).where(c.id == row.id).values(content=content))
