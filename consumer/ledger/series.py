"""A learner's sessions, or claims of parts, in one activity: what they may come to together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.credit import Identity, State
from consumer.ledger.schema import credits_
from consumer.participant import Record
from consumer.reason import Reason
from consumer.rules import broken


def series_fault(db: Connection, identity: Identity, record: Record) -> Reason | None:
    """Why this record may not become a credit beside the learner's others; None when it may.

    Asked in the transaction that writes it: two claims that come at once see each other.
    """
    key, series = identity.credit_key(record), identity.series_key(record)
    c = credits_.c
    columns = [c.key, c.state, c.credit_id, c.points]
    # A rejected credit counts: it may be corrected, and then comes on top.
    counting = select(*columns).where(c.series == series, c.state != State.WITHDRAWN)
    rows = db.execute(counting).all()
    if any(row.key == key and _claimed(row) >= record.points for row in rows):
        return None
    others = [row for row in rows if row.key != key]
    if any(_sent(row) for row in others if (row.key == series) or not record.occurrence):
        return broken("occurrence_changed", "repeats", "credited in another way before")
    # What was to be one credit, and is not sent, makes way for its parts.
    parts = [Decimal(row.points) for row in others if row.key != series]
    if record.at_most is not None and sum(parts) + record.points > record.at_most:
        return broken("claims_above_maximum", "points", "together with the learner's other claims")
    return None


def fits_alone(record: Record) -> bool:
    """Whether `series_fault` finds none where the learner has nothing else of the activity."""
    return record.at_most is None or record.points <= record.at_most


def _sent(row: Row[Any]) -> bool:
    return row.state != State.READY or row.credit_id is not None


def _claimed(row: Row[Any]) -> Decimal:
    """What PARS may have of this credit already; asking for no more of it needs no room."""
    return Decimal(row.points) if _sent(row) else Decimal(0)
