"""What was backfilled is sent behind what is heard today, until its deadline is near."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, or_, update

from consumer.credit import State
from consumer.ledger.schema import credits_
from consumer.pars.document import CENTRAL


def put_behind(db: Connection, after: int, now: datetime, days: int) -> None:
    """Put the credits numbered `after` that and beyond behind, but those due within so many days.

    A deadline that has passed is not near: nothing is won by haste.
    """
    made = credits_.c.id > after
    db.execute(update(credits_).where(made, ~_near(now, days)).values(behind=True))


def bring_forward(db: Connection, now: datetime, days: int) -> None:
    """Have what is not sent yet, and due within so many days by now, stand behind no longer."""
    waiting = (credits_.c.state == State.READY, credits_.c.behind)
    db.execute(update(credits_).where(*waiting, _near(now, days)).values(behind=False))


def _near(now: datetime, days: int) -> ColumnElement[bool]:
    today = now.astimezone(CENTRAL).date()

    def within(day: ColumnElement[date]) -> ColumnElement[bool]:
        return func.coalesce(day, date.min).between(today, today + timedelta(days))

    return or_(within(credits_.c.report_by), within(credits_.c.closes_on))
