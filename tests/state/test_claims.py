"""Leases and claims on a real ledger: whose a credit is, and what a hand that comes late may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from sqlalchemy import Row, select

from consumer.credit import State
from consumer.decisions import Arrival
from consumer.ledger.claims import Attempt, Claim, Settlement
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.links import completions_of
from consumer.ledger.schema import completions, credits_
from consumer.outcome import FRESH, gone
from consumer.pumps.sending import FOLLOWING, SUBMITTING
from consumer.reason import Reason, Stage
from tests.fakes import FakeClock
from tests.integration.office import Office
from tests.integration.people import LENA, OTIS, PRIYA, moodle
from tests.state.walk import BRIEFLY

CREDITS = 4
LEAVING = {State.WITHDRAWING, State.WITHDRAWN}
ADDED = (Attempt("add", 200, "done"),)
ASKED = (Attempt("ask", 404, "absent"),)
# What a late hand may touch: nothing but what makes PARS be asked.
UNSURE = {"ask", "due_at"}
GOES_AGAIN = {"state", "ask", "absent_at", "due_at", "fence", "lease_until", "changed_at"}

Outcome = Callable[[Claim, datetime], Settlement]


def sent(claim: Claim, now: datetime) -> Settlement:
    """PARS took it."""
    values = FRESH | {"submitted_at": now, "due_at": now}
    return Settlement(claim, State.SUBMITTED, values, (), ADDED, posted=True)


def unsure(claim: Claim, now: datetime) -> Settlement:
    """The connection was cut after the post."""
    return Settlement(claim, State.SUBMITTING, {"ask": True, "due_at": now}, (), ADDED)


def refused(claim: Claim, _now: datetime) -> Settlement:
    """PARS said no."""
    return Settlement(claim, State.ATTENTION, {}, (Reason(Stage.PARS, "refused"),), ADDED)


def given_back(claim: Claim, now: datetime) -> Settlement:
    """Nothing was done with it."""
    state = State.SUBMITTING if claim.state is State.READY and claim.ask else claim.state
    return Settlement(claim, state, {"ask": claim.ask, "due_at": now})


def deleted(claim: Claim, now: datetime) -> Settlement:
    """PARS let go of it."""
    return gone(claim, ASKED, now)


def accepted(claim: Claim, now: datetime) -> Settlement:
    """The board accepted it."""
    return Settlement(claim, State.ACCEPTED, {"decided_at": now}, (), ASKED)


OUTCOMES: dict[State, list[Outcome]] = {
    State.READY: [sent, unsure, refused, given_back],
    State.SUBMITTING: [sent, unsure, refused, given_back],
    State.WITHDRAWING: [deleted, given_back],
    State.SUBMITTED: [accepted, given_back],
}


class Hands(RuleBasedStateMachine):
    """Many hands on four credits; `fence` and `lease` are who holds what, as far as we know."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = FakeClock()
        self.office = Office(Path(self.folder.name), self.clock)
        self.office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA), moodle(PRIYA, "102"))
        self.fences = {row.id: row.fence for row in self.office.credits}
        self.leases: dict[int, datetime] = {}
        self.names: dict[tuple[int, int], str] = {}
        assert len(self.fences) == CREDITS

    def teardown(self) -> None:
        self.office.close()
        self.folder.cleanup()

    # ------------------------------------------------------------ hands

    @rule(
        target=claims,
        states=st.sampled_from([SUBMITTING, FOLLOWING]),
        limit=st.integers(1, CREDITS),
    )
    def claim(self, states: tuple[State, ...], limit: int) -> Any:
        now, before = self.clock.now(), self.rows()
        with self.office.ledger.begin() as db:
            due = self.office.claims.any_due(db, states, now)
            claimed = self.office.claims.claim(db, "main", states, limit, now)
        assert bool(claimed) == due
        assert len(claimed) <= limit
        for claim in claimed:
            assert before[claim.row].state in states
            assert before[claim.row].due_at <= now
            assert not self.is_leased(claim.row), "two live leases on one credit"
            self.is_ours(claim)
        return multiple(*claimed)

    @rule(number=st.integers(1, CREDITS))
    def hold(self, number: int) -> None:
        """A person asks PARS about one credit, unless somebody else has it in hand."""
        before = self.rows()[number]
        with self.office.ledger.begin() as db:
            claim = self.office.claims.hold(db, number, self.clock.now())
        assert (claim is None) == self.is_leased(number)
        if claim is not None:
            assert self.rows()[number].state == before.state
            self.lent(claim)

    @rule(numbers=st.sets(st.integers(1, CREDITS), min_size=1))
    def take(self, numbers: set[int]) -> None:
        """A person brings PARS's answer: whoever had these in hand has them no more."""
        before = self.rows()
        with self.office.ledger.begin() as db:
            taken = self.office.claims.take(db, sorted(numbers), self.clock.now())
        assert {one.row for one in taken} == {n for n in numbers if before[n].state != State.READY}
        for claim in taken:
            self.lent(claim)

    @rule(seconds=st.sampled_from([1, 59, 60, 61, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(claim=consumes(claims), data=st.data())
    def settle(self, claim: Claim, data: st.DataObject) -> None:
        """However late: the hand may have been frozen, and another may have the credit now."""
        now, before = self.clock.now(), self.rows()
        outcome = data.draw(st.sampled_from(OUTCOMES[claim.state]))
        settlement = outcome(claim, now)
        with self.office.ledger.begin() as db:
            written = self.office.claims.settle(db, [settlement], now).written
        after = self.rows()
        assert written == (claim.fence == self.fences[claim.row])
        self.others_are_as_they_were(before, after, claim.row)
        if written:
            assert after[claim.row].state == settlement.state
            assert after[claim.row].lease_until is None
            self.leases.pop(claim.row, None)
        else:
            posted = outcome in {sent, unsure, refused}
            self.only_asks(claim, before[claim.row], after, posted=posted)

    # ------------------------------------------------------------ people

    @rule(number=st.integers(1, CREDITS), points=st.sampled_from(["0.25", "0.5", "1"]))
    def correct(self, number: int, points: str) -> None:
        """Other points: what is at PARS is withdrawn, then sent under the next revision."""
        with self.office.ledger.begin() as db:
            book = CreditBook(db, self.office.ledger, self.clock.now())
            row = self.rows()[number]
            record = self.office.ledger.seal.open_record(row.record)
            (completion,) = completions_of(db, number)
            heard = db.execute(select(completions).where(completions.c.id == completion)).one()
            mended = replace(record, points=Decimal(points))
            book.put(completion, [mended], Arrival.CORRECTION, book.origin_of(heard))
        self.fence_moved(number)

    @rule(number=st.integers(1, CREDITS))
    def withdraw(self, number: int) -> None:
        """A coordinator takes the credit back."""
        row = self.rows()[number]
        if row.state == State.WITHDRAWN:
            return
        with self.office.ledger.begin() as db:
            CreditBook(db, self.office.ledger, self.clock.now()).withdraw(row)
        self.fence_moved(number)

    # ------------------------------------------------------------ the model

    def rows(self) -> dict[int, Row[Any]]:
        return {row.id: row for row in self.office.rows(credits_)}

    def is_leased(self, number: int) -> bool:
        return number in self.leases and self.leases[number] > self.clock.now()

    def is_ours(self, claim: Claim) -> None:
        row = self.rows()[claim.row]
        assert (row.fence, row.lease_until) == (claim.fence, claim.lease_until)
        assert claim.credit_id == row.credit_id
        if claim.state is State.READY:
            # Written down before any request may leave.
            assert (row.state, row.ask) == (State.SUBMITTING, True)
        self.lent(claim)

    def lent(self, claim: Claim) -> None:
        assert claim.fence > self.fences.get(claim.row, 0)
        self.fences[claim.row] = claim.fence
        self.leases[claim.row] = claim.lease_until

    def fence_moved(self, number: int) -> None:
        """Whatever changed the row told the hand that had it in hand."""
        row = self.rows()[number]
        if row.fence != self.fences[number]:
            self.leases.pop(number, None)
        self.fences[number] = row.fence

    def others_are_as_they_were(
        self, before: dict[int, Row[Any]], after: dict[int, Row[Any]], number: int
    ) -> None:
        for other in range(1, CREDITS + 1):
            assert other == number or after[other] == before[other]

    def only_asks(
        self, claim: Claim, before: Row[Any], after: dict[int, Row[Any]], *, posted: bool
    ) -> None:
        row = after[claim.row]
        changed = {name for name in row._fields if getattr(row, name) != getattr(before, name)}
        if posted and claim.credit_id != before.credit_id:
            self.is_hunted(claim.credit_id, after)
        if posted and before.state in LEAVING and claim.credit_id == before.credit_id:
            assert (row.state, row.ask, row.absent_at) == (State.WITHDRAWING, True, None)
            assert row.due_at == self.clock.now()
        if changed - UNSURE:
            assert changed <= GOES_AGAIN
            assert (row.state, row.ask) == (State.WITHDRAWING, True)
        elif changed:
            assert (row.state, row.ask) == (State.SUBMITTING, True)
        self.fence_moved(claim.row)

    def is_hunted(self, credit_id: str, after: dict[int, Row[Any]]) -> None:
        """What a late hand posted under a revision that is history has to go from PARS."""
        (stray,) = [row for row in after.values() if row.credit_id == credit_id]
        assert (stray.state, stray.ask) == (State.WITHDRAWING, True)
        self.fences[stray.id] = stray.fence
        self.leases.pop(stray.id, None)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def fences_only_grow_and_are_known(self) -> None:
        assert {row.id: row.fence for row in self.rows().values()} == self.fences

    @invariant()
    def a_credit_id_never_changes_within_a_revision(self) -> None:
        # A stray, which lies behind our own rows, has the name of an older revision.
        for row in self.office.credits[:CREDITS]:
            if row.credit_id is not None:
                assert self.names.setdefault((row.id, row.revision), row.credit_id) == row.credit_id
        assert len(set(self.names.values())) == len(self.names)


TestHands = Hands.TestCase
TestHands.settings = BRIEFLY
