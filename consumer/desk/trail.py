"""What people did, remembered: who, when, to what and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import audit


def remember(
    db: Connection, ledger: Ledger, at: datetime, who: str, what: str, subject: str, why: str = ""
) -> None:
    """Write one line of the audit; `why` is sealed, since people name people there."""
    sealed = ledger.seal.seal_text(why.encode()) if why else ""
    db.execute(insert(audit).values(at=at, who=who, what=what, subject=subject, why=sealed))
