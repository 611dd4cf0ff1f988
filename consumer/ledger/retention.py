"""What is old enough to go: records that nothing has happened to for years, and that wait for none.

A completion goes together with all that hangs on it: its credits, and every completion behind them.
If any of these is under way, waits for somebody or is younger, all of them stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from consumer.credit import Heard, State
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import CLOSED_BY_HAND, UNSETTLED
from consumer.ledger.schema import audit, completion_credits, completions, credits_, letters

_c, _k, _l, _link = completions.c, credits_.c, letters.c, completion_credits.c
_HEARD = (Heard.CREDITED, Heard.NOT_REPORTABLE, Heard.RETRACTED)


@dataclass(frozen=True, slots=True)
class Record:
    """Completions and credits that hang together, by number."""

    completions: frozenset[int]
    credits: frozenset[int]


def old_completions(db: Connection, before: datetime, after: int, most: int) -> Sequence[int]:
    """The numbers of completions that may go, but for what hangs on them, in their order."""
    query = select(_c.id).where(_c.id > after, _settled_completion(before))
    return db.scalars(query.order_by(_c.id).limit(most)).all()


def old_credits(db: Connection, before: datetime, after: int, most: int) -> Sequence[int]:
    """The numbers of credits that no completion ever led to here, and that may go."""
    alone = ~exists().where(_link.credit_id == _k.id)
    query = select(_k.id).where(_k.id > after, alone, _settled_credit(before))
    return db.scalars(query.order_by(_k.id).limit(most)).all()


def old_letters(
    db: Connection, ledger: Ledger, before: datetime, after: str, most: int
) -> Sequence[str]:
    """The IDs of letters that nothing came of, and that somebody has dealt with long ago."""
    alone = (_l.completion_id.is_(None), _l.credit_row.is_(None), _l.purged_at.is_(None))
    old = (_l.status.not_in(UNSETTLED), _l.last_failed_at < before)
    query = select(_l.id, _l.closing).where(*alone, *old).order_by(_l.id).limit(most)
    found: list[str] = []
    while len(found) < most and (rows := db.execute(query.where(_l.id > after)).all()):
        found += [row.id for row in rows if _long_closed(ledger, row, before)]
        after = rows[-1].id
    return found[:most]


def old_trail(db: Connection, before: datetime, most: int) -> Sequence[Any]:
    """The rows of the trail that say why, or hold values, and are old."""
    a = audit.c
    says = or_(a.why != "", a.change.is_not(None))
    query = select(a.id, a.subject).where(a.at < before, says)
    return db.execute(query.order_by(a.id).limit(most)).all()


def records_of(
    db: Connection, ledger: Ledger, numbers: Iterable[int], before: datetime
) -> Iterator[Record]:
    """What hangs on these completions, each once, if all of it may go."""
    seen: set[int] = set()
    for number in numbers:
        if number not in seen:
            found = _together(db, number)
            seen |= found.completions
            if _may_go(db, found, before) and _decided_long_ago(db, ledger, found, before):
                yield found


def _together(db: Connection, number: int) -> Record:
    heard, credited = {number}, set[int]()
    while True:
        further = {*db.scalars(select(_link.credit_id).where(_link.completion_id.in_(heard)))}
        behind = {*db.scalars(select(_link.completion_id).where(_link.credit_id.in_(further)))}
        if further <= credited and behind <= heard:
            return Record(frozenset(heard), frozenset(credited))
        heard, credited = heard | behind, credited | further


def _may_go(db: Connection, found: Record, before: datetime) -> bool:
    """Whether each of them is settled and old; what was purged already stands in nobody's way."""
    settled = or_(_c.purged_at.is_not(None), _settled_completion(before))
    heard = {*db.scalars(select(_c.id).where(_c.id.in_(found.completions), settled))}
    done = or_(_k.purged_at.is_not(None), _settled_credit(before))
    credited = {*db.scalars(select(_k.id).where(_k.id.in_(found.credits), done))}
    return heard == found.completions and credited == found.credits


def _decided_long_ago(db: Connection, ledger: Ledger, found: Record, before: datetime) -> bool:
    """Whether no person closed anything about it since: that is a decision too."""
    about = or_(_l.completion_id.in_(found.completions), _l.credit_row.in_(found.credits))
    rows = db.execute(select(_l.closing).where(about, _l.closing.is_not(None)))
    return all(_long_closed(ledger, row, before) for row in rows)


def _long_closed(ledger: Ledger, row: Any, before: datetime) -> bool:
    if row.closing is None:
        return True
    told: dict[str, str] = orjson.loads(ledger.seal.open(row.closing))
    return datetime.fromisoformat(told["at"]) < before


def _settled_completion(before: datetime) -> ColumnElement[bool]:
    about = exists().where(_l.completion_id == _c.id, _l.status.in_(UNSETTLED))
    young = exists().where(_l.completion_id == _c.id, _l.last_failed_at >= before)
    still = (_c.purged_at.is_(None), _c.changed_at < before, ~_c.unfinished)
    return and_(_c.state.in_(_HEARD), *still, ~about, ~young)


def _settled_credit(before: datetime) -> ColumnElement[bool]:
    """Accepted, gone for good, or left by a person as the board left it."""
    unsettled = exists().where(_l.credit_row == _k.id, _l.status.in_(UNSETTLED))
    closed = exists().where(_l.credit_row == _k.id, _l.status.in_(CLOSED_BY_HAND))
    done = or_(
        _k.state == State.ACCEPTED,
        and_(_k.state == State.WITHDRAWN, ~_k.resend),
        and_(_k.state == State.REJECTED, closed),
    )
    old = and_(_k.changed_at < before, or_(_k.decided_at.is_(None), _k.decided_at < before))
    # PARS is never asked about a withdrawn one again, so its doubt ages like any other change.
    doubted = and_(_k.state == State.WITHDRAWN, _k.restored_at < before)
    sure = or_(_k.restored_at.is_(None), doubted)
    return and_(done, old, _k.purged_at.is_(None), sure, ~unsettled)
