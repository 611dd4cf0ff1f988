"""What PARS may know more of than the ledger: after a restore, and of old completions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from sqlalchemy import Connection, update

from consumer.ledger.ledger import get_fact, set_fact
from consumer.ledger.schema import credits_

_FACT = "restored_at"
_UNTIL = "asked_first_until"
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


class Doubts:
    """Since when PARS may have a new credit that this ledger has not sent; looked up once."""

    def __init__(self, db: Connection, now: datetime) -> None:
        self._db, self._now = db, now

    def since(self, completed_on: date) -> datetime | None:
        """For a completion of this day, None if it cannot have."""
        until = self._asked_first_until
        by_hand = self._now if until is not None and completed_on <= until else None
        return doubted_since(self._restored_at, completed_on) or by_hand

    @cached_property
    def _restored_at(self) -> datetime | None:
        return restored_at(self._db)

    @cached_property
    def _asked_first_until(self) -> date | None:
        return asked_first_until(self._db)


def doubted_since(restored: datetime | None, completed_on: date) -> datetime | None:
    """The restore, if a completion of this day may have been sent before it."""
    earliest = datetime.combine(completed_on, time(), UTC) - _ZONES
    return restored if restored is not None and restored >= earliest else None


def ask_first_until(db: Connection, day: date) -> None:
    """Of completions until this day somebody may have put credits into PARS by another hand.

    PARS is asked about each that is made from here on, today or once what it waits for comes.
    """
    known = asked_first_until(db)
    if known is None or known < day:
        set_fact(db, _UNTIL, day.isoformat())


def asked_first_until(db: Connection) -> date | None:
    """Until which day that is so, None if it never was said."""
    day = get_fact(db, _UNTIL)
    return None if day is None else date.fromisoformat(day)
