"""What people did, remembered: who, when, what, to what, why, and what it was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from consumer.ledger.chain import append
from consumer.ledger.ledger import Ledger


def remember(
    db: Connection,
    ledger: Ledger,
    at: datetime,
    who: str,
    what: str,
    subject: str,
    why: str = "",
    *,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    """Write one row of the audit trail, in the transaction of what was done.

    `what` is a word of trailwords.py. `before` and `after` are the values of the fields that this
    changed; they and `why` are sealed, since people name people there. Raises LedgerRefused where
    somebody changed the trail's end.
    """
    values = {
        "who": who,
        "what": what,
        "subject": subject,
        "why": ledger.seal.seal_text(why) if why else "",
        "change": _sealed(ledger, before or {}, after or {}),
    }
    append(db, ledger.identity, at, values)


def _sealed(ledger: Ledger, before: Mapping[str, str], after: Mapping[str, str]) -> bytes | None:
    if not before and not after:
        return None
    return ledger.seal.seal_json({"before": dict(before), "after": dict(after)})
