"""Amending the audit trail: the one way in which a row that was written is changed (amendments.py).

For what has to go although the trail stays: a purged person's names, cells sealed with a key that
goes out of use. Who did what and when never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from consumer.ledger.amendments import Amendment, cells_signed, put
from consumer.ledger.chain import COLUMNS
from consumer.ledger.chaincheck import Place, check
from consumer.ledger.columns import milliseconds
from consumer.ledger.ledger import Ledger
from consumer.ledger.lock import LedgerRefused
from consumer.ledger.schema import audit


@dataclass(frozen=True, slots=True)
class Cells:
    """What a row of the audit shall hold: `why` and `change` sealed, or empty."""

    subject: str
    why: str = field(repr=False)
    change: bytes | None = field(repr=False)


def amend(
    db: Connection, ledger: Ledger, at: datetime, what: str, rows: Mapping[int, Cells]
) -> int:
    """Have these rows, by number, hold this from now on; gives how many there were.

    `what` says by which doing, in a word of trailwords.py; the caller remembers that in a row of
    its own. All or nothing, in the caller's transaction. Raises LedgerRefused where the trail is
    not whole, since an amendment would hide that, or has no such row.
    """
    checked = check(db, ledger.identity, rows.keys())
    if checked.flaws:
        says = checked.flaws[0].says
        raise LedgerRefused(f"the audit trail is not whole ({says}): moc-consumer audit verify")
    if missing := rows.keys() - checked.places.keys():
        raise LedgerRefused(f"the audit trail has no row {min(missing)}")
    new = [
        _amendment(ledger, at, what, number, rows[number], checked.places[number])
        for number in sorted(rows)
    ]
    for one in put(db, ledger.identity, checked.amended, new):
        cells = rows[one.row]
        held = {"subject": cells.subject, "why": cells.why, "change": cells.change}
        db.execute(update(audit).where(audit.c.id == one.row).values(held))
    return len(new)


def _amendment(
    ledger: Ledger, at: datetime, what: str, number: int, cells: Cells, place: Place
) -> Amendment:
    held: dict[str, Any] = dict(zip(COLUMNS, place.cells, strict=True))
    held |= {"subject": cells.subject, "why": cells.why, "change": cells.change}
    signed = cells_signed(
        ledger.identity, place.previous, place.link, [held[name] for name in COLUMNS]
    )
    return Amendment(0, milliseconds(at), what, number, place.link, signed, "")
