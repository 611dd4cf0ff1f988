"""Claims: which credit is whose to send or ask about, and what came of it (design 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from consumer.credit import State
from consumer.ledger import outbox
from consumer.ledger.attempt import Asked, NewWord, log_attempts
from consumer.ledger.attempt import Attempt as Attempt
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.golive import ask_first
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.links import waits
from consumer.ledger.schema import credits_
from consumer.ledger.stale import Posted, ask_about
from consumer.participant import Record
from consumer.reason import Reason, pack_reasons, unpack_reasons

_ON_ITS_WAY = {State.SUBMITTED, State.REPORTED, State.ACCEPTED, State.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Claim:
    """One credit, ours alone until the lease ends; the fence tells a stale hand from the new.

    `among` is 0 for one that PARS has under our CreditID. One that a file without CreditIDs
    reported is asked about by four fields, which fit so many credits of ours. `restored`: since
    the backup that this ledger was put back from, PARS may have got it, or a later revision.
    """

    row: int
    fence: int
    lease_until: datetime
    profile: str
    state: State
    ask: bool
    credit_id: str
    revision: int
    record: Record
    sent: Record
    resend: bool
    accepted_too: bool
    reasons: tuple[Reason, ...]
    tries: int
    absent_at: datetime | None
    first_try_at: datetime | None
    last_try_at: datetime | None
    submitted_at: datetime | None
    among: int = 0
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one claim came to: the row's new values, and what people are told."""

    claim: Claim
    state: State
    values: Mapping[str, object] = field(default_factory=dict)
    refused: tuple[Reason, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    posted: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """How many claims were not stale; the words of PARS heard for the first time."""

    written: int
    words: tuple[NewWord, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims and settles in transactions that the pumps open.

    Of the profiles `asking_first` PARS is asked, before a credit is sent for the first time,
    whether it came there by another hand.
    """

    ledger: Ledger
    domains: dict[str, str]
    lease_seconds: float
    asking_first: frozenset[str] = frozenset()

    def claim(
        self, db: Connection, profile: str, states: Iterable[State], limit: int, now: datetime
    ) -> list[Claim]:
        """At most `limit` due credits of a profile, earliest deadline first, leased to us.

        Then decided ones that a restored ledger may be wrong about, the newest first.
        """
        c, wanted = credits_.c, [*states]
        due = select(credits_).where(c.profile == profile, c.due_at <= now, _free(now))
        usual = due.where(c.state.in_(wanted), _may_go()).order_by(c.report_by, c.id)
        rows = [*db.execute(usual.limit(limit))]
        if State.SUBMITTED in wanted and len(rows) < limit:
            decided = due.where(*_DOUBTED).order_by(c.restored_at, c.id.desc())
            rows += db.execute(decided.limit(limit - len(rows)))
        return [self._lease(db, row, now) for row in rows]

    def take(self, db: Connection, rows: Sequence[int], now: datetime) -> list[Claim]:
        """These credits, due or not, for a person who brings an answer; others lose their lease.

        Not for what is ready to be sent: only a sender may claim that.
        """
        query = select(credits_).where(credits_.c.id.in_(rows), credits_.c.state != State.READY)
        return [self._lease(db, row, now) for row in db.execute(query).all()]

    def _lease(self, db: Connection, row: Row[Any], now: datetime) -> Claim:
        going_live = row.state == State.READY and row.profile in self.asking_first
        restored = row.state in {State.READY, State.SUBMITTING} and row.restored_at is not None
        if going_live or restored:
            row = ask_first(db, self.ledger, row)
        claim = self._claim_of(row, now, self._among(db, row))
        values: dict[str, Any] = {"fence": claim.fence, "lease_until": claim.lease_until}
        if claim.state is State.READY:
            # Written before the request leaves: whoever finds this row later asks first.
            values |= {"state": State.SUBMITTING.value, "credit_id": claim.credit_id, "ask": True}
            values |= {} if claim.ask else {"sent": row.record}
        db.execute(update(credits_).where(credits_.c.id == row.id).values(values))
        return claim

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

    def hold(self, db: Connection, number: int, now: datetime) -> Claim | None:
        """One credit, for a question that a person has; None while somebody else holds it."""
        c = credits_.c
        row = db.execute(select(credits_).where(c.id == number, _free(now))).one_or_none()
        if row is None:
            return None
        claim = self._claim_of(row, now, self._among(db, row))
        held = {"fence": claim.fence, "lease_until": claim.lease_until}
        db.execute(update(credits_).where(c.id == number).values(held))
        return claim

    def settle(self, db: Connection, done: Sequence[Settlement], now: datetime) -> Settled:
        """Write what came of each claim; a stale one only makes its row be asked about."""
        fresh: list[NewWord] = []
        written = 0
        for settlement in done:
            claim = settlement.claim
            asked = Asked(claim.row, claim.credit_id, claim.fence, claim.profile)
            fresh += log_attempts(db, self.ledger, asked, settlement.attempts, now)
            if self._write(db, settlement, now):
                self._tell(db, settlement, now)
                written += 1
            else:
                self._ask_about(db, settlement, now)
        return Settled(written, tuple(fresh))

    def _ask_about(self, db: Connection, settlement: Settlement, now: datetime) -> None:
        claim, mine = settlement.claim, credits_.c.id == settlement.claim.row
        if any(attempt.action == "add" for attempt in settlement.attempts):
            posted = Posted(claim.row, claim.credit_id, claim.revision, claim.record)
            ask_about(db, self.ledger, posted, now)
        stale = {"ask": True, "due_at": now}
        unsure = update(credits_).where(mine, credits_.c.state == State.SUBMITTING)
        db.execute(unsure.values(stale))

    def _write(self, db: Connection, settlement: Settlement, now: datetime) -> bool:
        claim = settlement.claim
        values: dict[str, Any] = {
            **settlement.values,
            "state": settlement.state.value,
            "lease_until": None,
            "changed_at": now,
        }
        if settlement.posted:
            values |= {"sent": credits_.c.record, "four_fields": None}
        if settlement.refused:
            values["reasons"] = pack_reasons(settlement.refused)
        done = db.execute(
            update(credits_)
            .where(credits_.c.id == claim.row, credits_.c.fence == claim.fence)
            .values(values)
        )
        return done.rowcount == 1

    def _tell(self, db: Connection, settlement: Settlement, now: datetime) -> None:
        row = db.execute(select(credits_).where(credits_.c.id == settlement.claim.row)).one()
        book = CreditBook(db, self.ledger, now)
        if settlement.refused:
            book.refuse_credit(row, settlement.refused)
        elif settlement.state in _ON_ITS_WAY:
            book.settle(Status.RESOLVED, credit_row=row.id, keep_questions=True)
        claim, state = settlement.claim, settlement.state
        if claim.state is State.WITHDRAWING and state is State.READY:
            state = State.WITHDRAWN  # this revision is gone; the next one has no CreditID yet
        if state not in {claim.state, State.READY, State.SUBMITTING}:
            told = outbox.outcome(row, claim.credit_id, state.value, now)
            outbox.put(db, self.ledger.seal, told, now)

    def any_due(self, db: Connection, states: Iterable[State], now: datetime) -> bool:
        """Whether there is anything to claim, without the cost of a writing transaction."""
        c, wanted = credits_.c, [*states]
        due = select(c.id).where(c.due_at <= now, _free(now)).limit(1)
        if db.scalar(due.where(c.state.in_(wanted), _may_go())) is not None:
            return True
        return State.SUBMITTED in wanted and db.scalar(due.where(*_DOUBTED)) is not None


_DOUBTED = (
    credits_.c.restored_at.is_not(None),
    credits_.c.state.in_([State.ACCEPTED, State.REJECTED]),
)
"""Decided, as far as a backup knew: perhaps corrected or withdrawn since."""


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(credits_.c.lease_until.is_(None), credits_.c.lease_until <= now)


def _may_go() -> ColumnElement[bool]:
    return or_(credits_.c.state != State.READY, ~waits())
