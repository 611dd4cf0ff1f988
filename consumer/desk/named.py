"""The credits that people name: by CreditID of any revision, or by a completion's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from consumer.credit import State
from consumer.desk.credits import WITHHELD, CreditPurged, NoSuchCredit, rows_named
from consumer.desk.numbers import number_in
from consumer.desk.standing import standing_of
from consumer.ledger import links
from consumer.ledger.schema import credits_


def credits_named(db: Connection, name: str | int) -> Sequence[Row[Any]]:
    """The rows that a name of `credit list`, or a credit's number, means. Raises NoSuchCredit.

    CreditPurged is one: whoever names credits wants to do something with them.
    """
    k = credits_.c
    if isinstance(name, int):
        return _kept(name, db.execute(select(credits_).where(k.id == name)).all())
    means: ColumnElement[bool]
    if name[:1] == "c" and (number := number_in(name[1:])):
        means = k.id.in_(links.credits_of(db, number))
    else:
        means = k.id.in_(rows_named(name))
    rows = db.execute(select(credits_).where(means).order_by(k.id)).all()
    if not rows:
        raise NoSuchCredit(f"there is no credit {name}")
    return _kept(name, rows)


def _kept(name: str | int, rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """The same, if something can be done with each of them. Raises CreditPurged."""
    for row in rows:
        if row.purged_at is not None:
            raise CreditPurged(name, row.purged_at)
    return rows


def name_of(db: Connection, row: Row[Any]) -> str:
    """What people call a credit: its CreditID, or its completion's number before it has one."""
    return row.credit_id or f"c{links.behind(db, row.id)}"


def standing_of_row(db: Connection, row: Row[Any]) -> str:
    """How a credit stands, in the words people read."""
    withheld = db.scalar(select(WITHHELD).where(credits_.c.id == row.id))
    return standing_of(State(row.state), None, withheld or "")
