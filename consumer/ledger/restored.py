"""A ledger that was put back from a backup: PARS may know more of every credit than it does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, update

from consumer.ledger.ledger import get_fact, set_fact
from consumer.ledger.schema import credits_

_FACT = "restored_at"
_ZONES = timedelta(days=1)
"""A completion's day is the office's own; the moment of the restore is UTC."""


def doubt_everything(db: Connection, now: datetime) -> None:
    """From here on PARS is asked about every credit there is, and will be of completions till now.

    Those too that are made again by hearing events again: they may have been sent once.
    """
    set_fact(db, _FACT, str(round(now.timestamp() * 1000)))
    known = update(credits_).where(credits_.c.purged_at.is_(None))  # of others nothing can be asked
    db.execute(known.values(restored_at=now, lease_until=None, fence=credits_.c.fence + 1))
    unsure = credits_.c.state.in_(["ready", "submitting", "submitted", "reported", "withdrawing"])
    db.execute(update(credits_).where(unsure).values(due_at=now, absent_at=None, tries=0))


def restored_at(db: Connection) -> datetime | None:
    """When the ledger was put back from a backup last, None if it never was."""
    at = get_fact(db, _FACT)
    return None if at is None else datetime.fromtimestamp(int(at) / 1000, UTC)


def doubted_since(restored: datetime | None, completed_on: date) -> datetime | None:
    """The restore, if a completion of this day may have been sent before it."""
    earliest = datetime.combine(completed_on, time(), UTC) - _ZONES
    return restored if restored is not None and restored >= earliest else None
