"""When each LMS was heard last, and each course."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions


def last_heard(ledger: Ledger) -> dict[str, datetime]:
    """By source, the moment of the latest completion that was heard."""
    c = completions.c
    with ledger.read() as db:
        rows = db.execute(select(c.source, func.max(c.heard_at).label("at")).group_by(c.source))
        return {row.source: row.at for row in rows}
