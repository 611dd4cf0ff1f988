"""A ledger that was put back from a backup: PARS may know more of every credit than it does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import BigInteger, Connection, ScalarSelect, cast, select, update

from consumer.ledger.ledger import set_fact
from consumer.ledger.schema import credits_, facts

_FACT = "restored_at"
_ZONES = timedelta(days=1)
"""A completion's day is the office's own; the moment of the restore is UTC."""


def doubt_everything(db: Connection, now: datetime) -> None:
    """From here on PARS is asked about every credit there is, and will be of completions till now.

    Those too that are made again by hearing events again: they may have been sent once.
    """
    set_fact(db, _FACT, str(round(now.timestamp() * 1000)))
    db.execute(
        update(credits_).values(restored_at=now, lease_until=None, fence=credits_.c.fence + 1)
    )
    unsure = credits_.c.state.in_(["ready", "submitting", "submitted", "reported", "withdrawing"])
    db.execute(update(credits_).where(unsure).values(due_at=now, absent_at=None, tries=0))


def restored_since(completed_on: date) -> ScalarSelect[int]:
    """When the ledger was put back, if a completion of this day may have been sent before."""
    earliest = datetime.combine(completed_on, time(), UTC) - _ZONES
    at = cast(facts.c.value, BigInteger)
    later = at >= round(earliest.timestamp() * 1000)
    return select(at).where(facts.c.name == _FACT, later).scalar_subquery()
