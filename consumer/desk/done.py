"""Done in PARS by hand: a person entered or deleted a credit there, and PARS confirms it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from consumer.clock import Clock
from consumer.credit import WORDS
from consumer.dealings import Exchange, Policy
from consumer.desk.named import credits_named, name_of
from consumer.desk.trail import remember
from consumer.journey import House
from consumer.ledger.claims import Claim, Claims, Settlement
from consumer.ledger.correction import Corrector
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.schema import attempts, credits_
from consumer.pars.port import Pars
from consumer.participant import Record
from consumer.verification import NotSo, Verification


@dataclass(frozen=True, slots=True)
class ByHand:
    """One person's word on one credit; it counts once PARS has said the same."""

    claims: Claims
    house: House
    pars_for: Callable[[str], Pars]
    policy: Policy
    clock: Clock
    who: str
    why: str

    def added(self, name: str | int, pars_id: str = "") -> str:
        """Take over what PARS has, under PARS's own ID; gives how it stands there.

        Raises NoSuchCredit, and NotSo when PARS says otherwise or nothing: nothing is changed then.
        """
        return self._check(
            name, "credit.entered_by_hand", lambda v, c, known: v.added(c, known, pars_id)
        )

    def deleted(self, name: str | int) -> str:
        """Take the credit for withdrawn; gives how it stands. Raises NoSuchCredit, NotSo."""
        with self.claims.ledger.read() as db:
            self._not_too_early(db, _one(db, name), self.clock.now())
        return self._check(name, "credit.deleted_by_hand", lambda v, c, known: v.deleted(c, known))

    def _check(
        self, name: str | int, what: str, ask: Callable[[Verification, Claim, set[str]], Exchange]
    ) -> str:
        now = self.clock.now()
        with self.claims.ledger.begin() as db:
            row = _one(db, name)
            claim, known = self.claims.hold(db, row.id, now), _others(db, row)
            today = self._today(db, row)
        if claim is None:
            raise NotSo("it is being sent this moment; try again in some minutes")
        claim = replace(claim, record=today or claim.record)
        try:
            with closing(self._pars(claim.profile)) as pars:
                verification = Verification(pars, self.policy, self.clock)
                settlement = ask(verification, claim, known).settlement
        except BaseException:
            self._let_go(claim)
            raise
        return self._settle(settlement, what)

    def _pars(self, profile: str) -> Pars:
        try:
            return self.pars_for(profile)
        except KeyError:
            raise NotSo("it is reported by file: bring the file of results instead") from None

    def _settle(self, settlement: Settlement, what: str) -> str:
        ledger, now = self.claims.ledger, self.clock.now()
        with ledger.begin() as db:
            if settlement.posted:
                # What was typed there is what the tables say today.
                facts = CreditBook(db, ledger, now).facts(settlement.claim.record)
                values = {**settlement.values, **facts, "sent": facts["record"]}
                settlement = replace(settlement, values=values, posted=False)
            if not self.claims.settle(db, [settlement], now).written:
                raise NotSo("somebody changed it meanwhile; look at it again")
            wanted = select(credits_).where(credits_.c.id == settlement.claim.row)
            subject = name_of(db, db.execute(wanted).one())
            standing = (WORDS[settlement.claim.state], WORDS[settlement.state])
            before, after = ({"standing": one} for one in standing)
            remember(db, ledger, now, self.who, what, subject, self.why, before=before, after=after)
        return WORDS[settlement.state]

    def _let_go(self, claim: Claim) -> None:
        with self.claims.ledger.begin() as db:
            self.claims.settle(db, [Settlement(claim, claim.state)], self.clock.now())

    def _today(self, db: Connection, row: Row[Any]) -> Record | None:
        """What the tables make of this credit now, if that is not what it was sent as."""
        case = Corrector(db, self.claims.ledger, self.house, self.clock.now()).case(row.id)
        changes = (one for one in case.changes if one.row is not None and one.row.id == row.id)
        return next((one.wanted for one in changes), None)

    def _not_too_early(self, db: Connection, row: Row[Any], now: datetime) -> None:
        """PARS shows a record some time after it took it: an early "not found" proves nothing."""
        posts = (attempts.c.credit_row == row.id, attempts.c.action != "ask")
        last = db.scalar(select(func.max(attempts.c.at)).where(*posts))
        until = last and last + timedelta(seconds=self.policy.grace_seconds)
        if until and until > now:
            left = round((until - now).total_seconds())
            raise NotSo(f"PARS was sent something of it just now; try again in {left} seconds")


def _one(db: Connection, name: str | int) -> Row[Any]:
    rows = credits_named(db, name)
    if len(rows) > 1:
        raise NotSo(f"{name} has several credits; name one by its ID")
    return rows[0]


def _others(db: Connection, row: Row[Any]) -> set[str]:
    """CreditIDs that PARS may show for the same learner and day, of other credits of ours."""
    current = select(credits_.c.credit_id).where(
        credits_.c.activity == row.activity,
        credits_.c.id != row.id,
        credits_.c.credit_id.is_not(None),
    )
    return {*db.scalars(current)}
