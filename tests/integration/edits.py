"""What the ledger keeps of people's corrections of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select

from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import letter_edits


def edits_of(ledger: Ledger, letter_id: str) -> list[Mapping[str, Any]]:
    """Every version of what people corrected, oldest first, values and all."""
    query = select(letter_edits).where(letter_edits.c.letter_id == letter_id)
    with ledger.read() as db:
        rows = db.execute(query.order_by(letter_edits.c.version)).all()
    return [
        {
            "version": row.version,
            "at": row.at.isoformat(timespec="seconds"),
            "who": row.who,
            "why": ledger.seal.open(row.why.encode()).decode() if row.why else "",
            "fields": orjson.loads(ledger.seal.open(row.edit))["fields"],
        }
        for row in rows
    ]
