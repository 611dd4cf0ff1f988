"""What people closed for good, in their own words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import letters

WORDS = {Status.DISCARDED: "Discarded", Status.NOT_OURS: "Not ours", Status.KEPT: "Kept"}


@dataclass(frozen=True, slots=True)
class Closing:
    """Who closed a letter, when (an instant as text) and why."""

    who: str
    at: str
    why: str


def closing_of(ledger: Ledger, row: Row[Any]) -> Closing | None:
    """How the letter was closed; None for one that was not."""
    if row.closing is None:
        return None
    return Closing(**orjson.loads(ledger.seal.open(row.closing)))


def closed_as(ledger: Ledger, row: Row[Any]) -> str:
    """`Discarded: why`; blank for a letter that was not closed by hand."""
    closing = closing_of(ledger, row)
    return "" if closing is None else f"{WORDS[Status(row.status)]}: {closing.why}"


def closed_credits(db: Connection, ledger: Ledger, rows: Collection[int]) -> dict[int, str]:
    """Of these credits those with a closed letter, and how the latest was closed."""
    if not rows:
        return {}
    wanted = letters.c.credit_row.in_(rows) & letters.c.closing.is_not(None)
    found = db.execute(select(letters).where(wanted).order_by(letters.c.last_failed_at)).all()
    return {row.credit_row: closed_as(ledger, row) for row in found}


def closed_completions(
    db: Connection, ledger: Ledger, numbers: Collection[int | None]
) -> dict[int, str]:
    """Of these completions those with a closed letter, and how it was closed."""
    wanted = letters.c.completion_id.in_([one for one in numbers if one is not None])
    rows = db.execute(select(letters).where(wanted, letters.c.closing.is_not(None)))
    return {row.completion_id: closed_as(ledger, row) for row in rows}
