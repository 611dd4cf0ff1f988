"""Claims: which credit is whose to send or ask about (design 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Update,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from consumer.credit import State
from consumer.ledger.attempt import Attempt as Attempt
from consumer.ledger.claim import Claim as Claim
from consumer.ledger.claim import Settled
from consumer.ledger.claim import Settlement as Settlement
from consumer.ledger.creditnames import traces_behind
from consumer.ledger.golive import ask_first
from consumer.ledger.ledger import Ledger
from consumer.ledger.links import waits
from consumer.ledger.overtaking import overtaken_at
from consumer.ledger.schema import credits_
from consumer.ledger.settling import Settling
from consumer.reason import unpack_reasons

Agreed = Callable[[Connection, Sequence[Row[Any]], datetime], list[Row[Any]]]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims and settles in transactions that the pumps open.

    `agreed` gives those of some rows that their learners still agree to. Of the profiles
    `asking_first` PARS is asked, before a credit is sent for the first time, whether it came there
    by another hand. `traced`: claims are given the traces of their events.
    """

    ledger: Ledger
    domains: dict[str, str]
    lease_seconds: float
    asking_first: frozenset[str] = frozenset()
    traced: bool = False
    agreed: Agreed | None = None

    def claim(
        self, db: Connection, profile: str, states: Iterable[State], limit: int, now: datetime
    ) -> list[Claim]:
        """At most `limit` due credits of a profile, leased to us.

        To be sent, those with the earliest deadline first, and what was backfilled behind them; to
        be asked about, those due first, then decided ones that a restored ledger may be wrong
        about, the newest first.
        """
        wanted = [*states]
        rows = _first(db, profile, wanted, limit, now) if limit > 0 else []
        if self.agreed is not None:
            rows = self.agreed(db, rows, now)
        if State.SUBMITTED in wanted and len(rows) < limit:
            decided = _doubted(now, credits_).where(credits_.c.profile == profile)
            decided = decided.order_by(credits_.c.restored_at, credits_.c.id.desc())
            rows += db.execute(decided.limit(limit - len(rows)))
        return self._lease(db, rows, now)

    def take(self, db: Connection, rows: Sequence[int], now: datetime) -> list[Claim]:
        """These credits, due or not, for a person who brings an answer; others lose their lease.

        Not for what is ready to be sent: only a sender may claim that.
        """
        query = select(credits_).where(credits_.c.id.in_(rows), credits_.c.state != State.READY)
        return self._lease(db, db.execute(query).all(), now)

    def hold(self, db: Connection, number: int, now: datetime) -> Claim | None:
        """One credit, for a question that a person has; None while somebody else holds it."""
        c = credits_.c
        row = db.execute(select(credits_).where(c.id == number, _free(now))).one_or_none()
        if row is None:
            return None
        claim = self._claim_of(row, now, self._among(db, row))
        held = {"fence": claim.fence, "lease_until": claim.lease_until}
        held |= {"overtaken_at": claim.overtaken_at}
        db.execute(update(credits_).where(c.id == number).values(held))
        return claim

    def settle(self, db: Connection, done: Sequence[Settlement], now: datetime) -> Settled:
        """Write what came of each claim; a stale one only makes its row be asked about."""
        return Settling(db, self.ledger, now).write(done)

    def any_due(self, db: Connection, states: Iterable[State], now: datetime) -> bool:
        """Whether there is anything to claim, without the cost of a writing transaction."""
        wanted = [*states]
        if any(db.scalar(_any_due_in(state), {"now": now}) is not None for state in wanted):
            return True
        decided = _doubted(now, credits_.c.id).limit(1)
        return State.SUBMITTED in wanted and db.scalar(decided) is not None

    # ------------------------------------------------------------ leases

    def _lease(self, db: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[Claim]:
        rows = [self._asked_first(db, row) for row in rows]
        claims = [self._claim_of(row, now, self._among(db, row)) for row in rows]
        kinds: dict[tuple[State, bool], list[dict[str, Any]]] = {}
        for claim in claims:
            kind = claim.state, claim.state is State.READY and not claim.ask
            leased = {"number": claim.row, "until": claim.lease_until}
            leased |= {"overtaken": claim.overtaken_at}
            leased |= {"named": claim.credit_id} if claim.state in _NAMED else {}
            kinds.setdefault(kind, []).append(leased)
        for kind, rows_of_it in kinds.items():
            db.execute(_leasing(*kind), rows_of_it)
        if not self.traced:
            return claims
        traces = traces_behind(db, [claim.row for claim in claims])
        return [replace(claim, traces=traces.get(claim.row, ())) for claim in claims]

    def _asked_first(self, db: Connection, row: Row[Any]) -> Row[Any]:
        going_live = row.state == State.READY and row.profile in self.asking_first
        restored = row.state in {State.READY, State.SUBMITTING} and row.restored_at is not None
        return ask_first(db, self.ledger, row) if going_live or restored else row

    def _claim_of(self, row: Row[Any], now: datetime, among: int) -> Claim:
        seal, record = self.ledger.seal, self.ledger.seal.open_record(row.record)
        return Claim(
            row=row.id,
            fence=row.fence + 1,
            lease_until=now + timedelta(seconds=self.lease_seconds),
            profile=row.profile,
            state=State(row.state),
            ask=row.ask,
            credit_id=row.credit_id or self._credit_id(row),
            revision=row.revision,
            record=record,
            sent=seal.open_record(row.sent) if row.sent else record,
            resend=row.resend,
            accepted_too=row.accepted_too,
            reasons=unpack_reasons(row.reasons),
            tries=row.tries,
            absent_at=row.absent_at,
            first_try_at=row.first_try_at,
            last_try_at=row.last_try_at,
            submitted_at=row.submitted_at,
            among=among,
            restored=row.restored_at is not None,
            overtaken_at=overtaken_at(row, now),
            since=row.created_at,
        )

    def _among(self, db: Connection, row: Row[Any]) -> int:
        if row.four_fields is None:
            return 0
        fits = credits_.c.four_fields == row.four_fields
        there = credits_.c.state != State.WITHDRAWN
        return db.scalar(select(func.count()).where(fits, there)) or 1

    def _credit_id(self, row: Row[Any]) -> str:
        domain = self.domains[row.profile]
        return self.ledger.identity.credit_id(row.key, domain, row.revision)


_DOUBTED = (
    credits_.c.restored_at.is_not(None),
    credits_.c.state.in_([State.ACCEPTED, State.REJECTED]),
)
"""Decided, as far as a backup knew: perhaps corrected or withdrawn since."""


def _first(
    db: Connection, profile: str, wanted: Sequence[State], limit: int, now: datetime
) -> list[Row[Any]]:
    """State by state, each in the order of an index: a long backlog costs no more than a short."""
    order = _BY_DEADLINE if State.READY in wanted else _BY_DUE
    asked = {"profile": profile, "now": now, "most": limit}
    rows = [row for state in wanted for row in db.execute(_due_in(state, order), asked).all()]
    return sorted(rows, key=attrgetter(*order))[:limit]


_BY_DEADLINE, _BY_DUE = ("behind", "report_by", "id"), ("due_at", "id")


@cache
def _due_in(state: State, order: tuple[str, ...]) -> Select[Any]:
    # Built once: that takes longer than what it finds.
    due_at: ColumnElement[Any] = credits_.c.due_at
    if order == _BY_DEADLINE:
        # Nearly all that is ready is due: SQLite must not go by this, and sort the whole backlog.
        due_at = type_coerce(type_coerce(due_at, BigInteger) + 0, credits_.c.due_at.type)
    found = select(credits_).where(due_at <= _NOW, _free(_NOW), *_in(state))
    found = found.where(credits_.c.profile == bindparam("profile"))
    return found.order_by(*(credits_.c[name] for name in order)).limit(
        bindparam("most", type_=Integer)
    )


_NOW: ColumnElement[Any] = bindparam("now", type_=credits_.c.due_at.type)


@cache
def _any_due_in(state: State) -> Select[Any]:
    c = credits_.c
    return select(c.id).where(c.due_at <= _NOW, _free(_NOW), *_in(state)).limit(1)


def _doubted(now: datetime, *columns: Any) -> Select[Any]:
    c = credits_.c
    return select(*columns).where(c.due_at <= now, _free(now), *_DOUBTED)


def _in(state: State) -> tuple[ColumnElement[bool], ...]:
    here = credits_.c.state == state
    return (here, ~waits()) if state is State.READY else (here,)


def _free(now: Any) -> ColumnElement[bool]:
    return or_(credits_.c.lease_until.is_(None), credits_.c.lease_until <= now)


_NAMED = {State.READY, State.WITHDRAWING}
"""What PARS is told of, or asked about, under a CreditID that the ledger has before."""


@cache
def _leasing(state: State, fresh: bool) -> Update:
    values: dict[str, Any] = {
        "fence": credits_.c.fence + 1,
        "lease_until": bindparam("until"),
        "overtaken_at": bindparam("overtaken"),
    }
    if state in _NAMED:
        values["credit_id"] = bindparam("named")
    if state is State.READY:
        # Written before the request leaves: whoever finds this row later asks first.
        values |= {"state": State.SUBMITTING.value, "ask": True}
    if fresh:
        values["sent"] = credits_.c.record
    return update(credits_).where(credits_.c.id == bindparam("number")).values(values)
