"""The audit's chain: every row is signed together with the row before it.

A signature takes the provider's secret: who can write the database, and has not the keys, can
neither change a row nor leave one out without breaking the chain. Where the chain ends stands in a
fact, signed too, since the last rows could be cut off otherwise. Numbers follow one another without
a gap, and one writer works at a time on either database, so that the chain never forks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnClause, Connection, column, insert, select
from sqlalchemy.exc import IntegrityError

from consumer.credit import Identity
from consumer.ledger.columns import milliseconds
from consumer.ledger.facts import get_fact, set_fact
from consumer.ledger.lock import LedgerRefused
from consumer.ledger.schema import audit

HEAD, START = "audit_head", "audit_start"
COLUMNS = ("id", "at", "who", "what", "subject", "why", "change")
"""What of a row is signed: all of it but the signature."""
_VERIFY = "nothing more is written to it until a person has looked: moc-consumer audit verify"
_AT_ONCE = 500
_ENDS = "moc_audit_ends"
FIRST, LAST = -(2**62), 2**62
"""Numbers that no row has."""
_NUMBER, _DIGEST = r"([0-9]{1,18})", "([0-9a-f]{64})"
_HEAD = re.compile(f"{_NUMBER}:{_DIGEST}:{_DIGEST}")
_START = re.compile(f"{_NUMBER}:{_NUMBER}:{_DIGEST}")


@dataclass(frozen=True, slots=True)
class Head:
    """How far the trail has come: the number of its last row, and that row's signature."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Start:
    """What there was before the chain began: the last number, how many rows, their signature."""

    number: int
    count: int
    digest: str


# ---------------------------------------------------------------- writing


def begin(db: Connection, identity: Identity) -> None:
    """Begin the chain over the rows that an earlier version wrote; nothing where it has begun.

    A migration has no keys: this is done when the ledger is opened for the first time after it.
    """
    if get_fact(db, HEAD) is not None or get_fact(db, START) is not None:
        return
    if db.scalar(select(audit.c.id).where(audit.c.digest != "").limit(1)) is not None:
        return  # it had begun, and somebody took its ends away: never hidden by a new beginning
    start = beginning(identity, rows_as_kept(db, FIRST))
    set_fact(db, START, f"{start.number}:{start.count}:{start.digest}")
    _set_head(db, identity, Head(start.number, start.digest))


@contextmanager
def ending_once(db: Connection, identity: Identity) -> Iterator[None]:
    """Have the rows of this transaction write the trail's end once, before it is committed.

    PostgreSQL keeps each version of a row until then, and goes through all of them: ten thousand
    rows that each wrote it took 23 seconds, and take three.
    """
    info = db.info
    ends: list[Head] = info.setdefault(_ENDS, [])
    try:
        yield
        if ends:
            _set_head(db, identity, ends[-1])
    finally:
        info.pop(_ENDS, None)


def append(db: Connection, identity: Identity, at: datetime, values: Mapping[str, Any]) -> Head:
    """Write the next row; gives where the trail ends now.

    Raises LedgerRefused where somebody changed the trail's end, which writing on would hide.
    """
    ends: list[Head] | None = db.info.get(_ENDS)
    last = head_of(db, identity)
    if last is None:
        raise LedgerRefused(f"the end of the audit trail was changed: {_VERIFY}")
    number = last.number + 1
    told = {"id": number, "at": milliseconds(at), **values}
    new = Head(number, sign(identity, last.digest, [told[name] for name in COLUMNS]))
    try:
        db.execute(insert(audit).values(id=number, at=at, digest=new.digest, **values))
    except IntegrityError:
        raise LedgerRefused(f"the audit trail has a row of somebody else's: {_VERIFY}") from None
    if ends is None:
        _set_head(db, identity, new)
    else:
        ends[:] = [new]
    return new


def _set_head(db: Connection, identity: Identity, head: Head) -> None:
    set_fact(db, HEAD, f"{head.number}:{head.digest}:{_sealed(identity, head)}")


# ---------------------------------------------------------------- reading


def head_of(db: Connection, identity: Identity) -> Head | None:
    """Where the trail ends by what was kept; None when that is missing, or was changed.

    In a transaction that has yet to write it: where that left it.
    """
    if ends := db.info.get(_ENDS):
        last: Head = ends[-1]
        return last
    found = _HEAD.fullmatch(str(get_fact(db, HEAD)))
    head = Head(int(found[1]), found[2]) if found else None
    return head if head and found and found[3] == _sealed(identity, head) else None


def start_of(db: Connection) -> Start | None:
    """What was kept of the beginning; None when that is missing, or is nothing of the kind."""
    found = _START.fullmatch(str(get_fact(db, START)))
    return Start(int(found[1]), int(found[2]), found[3]) if found else None


def beginning(identity: Identity, rows: Iterable[Sequence[object]]) -> Start:
    """These rows, by number, taken together as what there was before the chain."""
    number, count, digest = 0, 0, ""
    for row in rows:
        number, count, digest = int(str(row[0])), count + 1, sign(identity, digest, row)
    return all_before(identity, number, count, digest)


def all_before(identity: Identity, number: int, count: int, digest: str) -> Start:
    """What stands for so many rows from before the chain, up to the one of this number."""
    return Start(number, count, identity.digest("audit-start", str(number), str(count), digest))


def sign(identity: Identity, previous: str, cells: Iterable[object]) -> str:
    """The signature of a row, whose cells stand as in COLUMNS, after the row signed `previous`."""
    return identity.digest("audit", previous, *(f"{type(one).__name__} {one}" for one in cells))


def rows_as_kept(db: Connection, after: int, until: int = LAST) -> Iterator[tuple[Any, ...]]:
    """Rows by number, COLUMNS and signature just as the database has them, a few at a time.

    What somebody wrote there by hand may be of no type that a column should have.
    """
    names: list[ColumnClause[Any]] = [column(name) for name in (*COLUMNS, "digest")]
    query = select(*names).select_from(audit).where(audit.c.id > after, audit.c.id <= until)
    found = db.execute(query.order_by(audit.c.id).execution_options(yield_per=_AT_ONCE))
    return (tuple(row) for row in found)


def _sealed(identity: Identity, head: Head) -> str:
    return identity.digest("audit-head", str(head.number), head.digest)
