"""Held, rehearsed, released, corrected, replayed in any order: what stands still is never sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Row, select

from consumer.credit import State
from consumer.decisions import Arrival
from consumer.desk.switching import Switching
from consumer.ledger.claims import Claim, Settlement
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.links import completions_of
from consumer.ledger.schema import completions, credits_
from consumer.ledger.switches import withheld_as
from consumer.outcome import gone
from consumer.pumps.sending import FOLLOWING, SUBMITTING
from consumer.reason import Reason, Stage
from consumer.release import Mode, Subject
from tests.fakes import FakeClock
from tests.integration.office import Office
from tests.integration.people import LENA, OTIS, PRIYA, canvas, moodle
from tests.integration.test_release import releases
from tests.state.walk import BRIEFLY

CREDITS = 4
ACTIVITY = {1: "HF-UPDATE", 2: "HF-UPDATE", 3: "SEPSIS", 4: "HF-UPDATE"}
SOURCES = {1: {"moodle"}, 2: {"moodle"}, 3: {"moodle"}, 4: {"moodle", "canvas"}}
NAMES = st.sampled_from(
    [(Subject.ACTIVITY, "HF-UPDATE"), (Subject.ACTIVITY, "SEPSIS"), (Subject.SOURCE, "moodle"),
     (Subject.SOURCE, "canvas")]
)  # fmt: skip
NUMBERS = st.integers(1, CREDITS)


class Coordinators(RuleBasedStateMachine):
    """`modes` and `released` are what people said last, as the model knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = FakeClock()
        self.office = Office(Path(self.folder.name), self.clock)
        self.office.hear(moodle(PRIYA), moodle(OTIS), moodle(PRIYA, "102"), moodle(LENA))
        self.office.hear(canvas(LENA))  # two LMSs behind one credit
        self.modes: dict[tuple[Subject, str], Mode] = {}
        self.released: set[int] = set()
        assert len(self.office.credits) == CREDITS

    def teardown(self) -> None:
        self.office.close()
        self.folder.cleanup()

    # ------------------------------------------------------------ coordinators

    @rule(named=NAMES, mode=st.sampled_from(Mode))
    def turn(self, named: tuple[Subject, str], mode: Mode) -> None:
        kind, name = named
        Switching(self.office.ledger, self.clock, "mora", "").turn(kind, (name,), mode)
        self.modes[named] = mode
        if mode is not Mode.AUTOMATIC:
            self.released -= {n for n in ACTIVITY if name in {ACTIVITY[n]} | SOURCES[n]}

    @rule(numbers=st.sets(NUMBERS, min_size=1))
    def release(self, numbers: set[int]) -> None:
        ready = {n for n, row in self.rows().items() if row.state == State.READY}
        may = {n for n in numbers & ready if self.standing(n) is Mode.HOLD}
        assert sum(releases(self.office).release(sorted(numbers))) == len(may)
        self.released |= may

    @rule(number=NUMBERS, points=st.sampled_from(["0.25", "0.5"]),
          arrival=st.sampled_from([Arrival.CORRECTION, Arrival.REPLAY]))  # fmt: skip
    def judged_again(self, number: int, points: str, arrival: Arrival) -> None:
        """A person corrects or replays it, perhaps to the very same."""
        before = self.rows()[number]
        old = self.office.ledger.seal.open_record(before.record)
        with self.office.ledger.begin() as db:
            book = CreditBook(db, self.office.ledger, self.clock.now())
            completion = completions_of(db, number)[0]
            heard = db.execute(select(completions).where(completions.c.id == completion)).one()
            mended = replace(old, points=Decimal(points))
            book.put(completion, [mended], arrival, book.origin_of(heard))
        if self.office.ledger.seal.open_record(self.rows()[number].record) != old:
            self.released.discard(number)  # what was released is not what there is now

    @rule(number=NUMBERS)
    def withdraw(self, number: int) -> None:
        row = self.rows()[number]
        if row.state != State.WITHDRAWN:
            with self.office.ledger.begin() as db:
                CreditBook(db, self.office.ledger, self.clock.now()).withdraw(row)

    # ------------------------------------------------------------ processes

    @rule(outcome=st.sampled_from(["sent", "refused", "given_back"]), limit=NUMBERS)
    def send(self, outcome: str, limit: int) -> None:
        """A process claims what it may, and carries it to the end."""
        before = self.rows()
        stands = {n: self.standing(n) for n in before}
        with self.office.ledger.begin() as db:
            now = self.clock.now()
            due = self.office.claims.any_due(db, SUBMITTING, now)
            claims = self.office.claims.claim(db, "main", SUBMITTING, limit, now)
            self.office.claims.settle(db, [_ended(one, outcome, now) for one in claims], now)
        assert bool(claims) == due
        for claim in claims:
            if claim.state is State.READY:
                assert stands[claim.row] is Mode.AUTOMATIC, "sent what stands still"
        self.clock.advance(1)

    @rule()
    def follow(self) -> None:
        """The board rejects what was sent, so that it can be sent again."""
        with self.office.ledger.begin() as db:
            now = self.clock.now()
            claims = self.office.claims.claim(db, "main", FOLLOWING, CREDITS, now)
            reason = (Reason(Stage.BOARD, "board_rejected"),)
            done = [Settlement(one, State.REJECTED, {"decided_at": now}, reason) for one in claims]
            self.office.claims.settle(db, done, now)
        self.clock.advance(1)

    # ------------------------------------------------------------ the model

    def rows(self) -> dict[int, Row[Any]]:
        return {row.id: row for row in self.office.rows(credits_)}

    def standing(self, number: int) -> Mode:
        names = [(Subject.ACTIVITY, ACTIVITY[number])]
        names += [(Subject.SOURCE, one) for one in SOURCES[number]]
        said = {self.modes.get(name, Mode.AUTOMATIC) for name in names}
        if Mode.SHADOW in said:
            return Mode.SHADOW
        return Mode.HOLD if Mode.HOLD in said and number not in self.released else Mode.AUTOMATIC

    @invariant()
    def everybody_sees_what_stands_still(self) -> None:
        with self.office.ledger.read() as db:
            shown = dict(db.execute(select(credits_.c.id, withheld_as())).all())  # type: ignore[arg-type]
        for number, row in self.rows().items():
            mode = self.standing(number) if row.state == State.READY else Mode.AUTOMATIC
            assert shown[number] == ("" if mode is Mode.AUTOMATIC else mode.value)


def _ended(claim: Claim, outcome: str, now: datetime) -> Settlement:
    if outcome == "given_back":
        state = State.SUBMITTING if claim.state is State.READY and claim.ask else claim.state
        return Settlement(claim, state, {"ask": claim.ask, "due_at": now})
    if claim.state is State.WITHDRAWING:
        return gone(claim, (), now)
    if outcome == "refused":
        return Settlement(claim, State.ATTENTION, {}, (Reason(Stage.PARS, "refused"),))
    values = {"submitted_at": now, "due_at": now}
    return Settlement(claim, State.SUBMITTED, values, posted=True)


TestCoordinators = Coordinators.TestCase
TestCoordinators.settings = settings(BRIEFLY, max_examples=15)
