"""The decision table through the books: what PARS may hold, whatever comes, and in what order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Row, select

from consumer.bus.port import Outgoing
from consumer.credit import Heard, State
from consumer.desk.answering import MEANINGS, Answering
from consumer.fate import Found, Verdict
from consumer.ledger.claims import Claim, Settlement
from consumer.ledger.links import completions_of
from consumer.ledger.schema import completions, letters
from consumer.outcome import found, gone
from tests.fakes import FakeClock
from tests.integration.office import Office
from tests.integration.people import (
    CANVAS,
    HOUR,
    MOODLE,
    NOON,
    OPENEDX,
    OTIS,
    PRIYA,
    RENAL,
    Physician,
    canvas,
    course,
    moodle,
    openedx,
    revoked,
)
from tests.state.walk import BRIEFLY

LEARNERS = (PRIYA, OTIS)
LMS: dict[str, Callable[..., Outgoing]] = {"moodle": moodle, "canvas": canvas, "openedx": openedx}
HERE = {State.SUBMITTED, State.ACCEPTED, State.REJECTED, State.WITHDRAWING}

who_ = st.sampled_from(LEARNERS)
at_ = st.sampled_from([-24, -1, 0, 24]).map(lambda hours: NOON + hours * HOUR)


class Books(RuleBasedStateMachine):
    """Two physicians, one activity in three LMSs; one of these takes completions back.

    `at_pars` is what PARS has stored and not deleted, each CreditID with its credit's row.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = FakeClock()
        self.office = Office(Path(self.folder.name), self.clock)
        self.office.put_activities(
            course(MOODLE, "101"), course(CANVAS, "731"), course(OPENEDX, RENAL)
        )
        self.office.look()
        self.heard: list[tuple[Physician, Outgoing]] = []
        self.completed: set[tuple[str, int, datetime]] = set()
        self.taken_back: dict[int, datetime] = {}
        self.answered: set[int] = set()
        self.at_pars: dict[str, int] = {}
        self.used: set[str] = set()

    def teardown(self) -> None:
        self.office.close()
        self.folder.cleanup()

    # ------------------------------------------------------------ the LMSs

    @rule(lms=st.sampled_from(sorted(LMS)), who=who_, at=at_)
    def completes(self, lms: str, who: Physician, at: datetime) -> None:
        self.completed.add((lms, who.number, at))
        self.hear(who, LMS[lms](who, at=at))

    @rule(who=who_, at=at_)
    def completes_in_open_edx(self, who: Physician, at: datetime) -> None:
        self.completes("openedx", who, at)

    @rule(who=who_, at=at_)
    def is_taken_back_by_open_edx(self, who: Physician, at: datetime) -> None:
        self.taken_back[who.number] = max(at, self.taken_back.get(who.number, at))
        self.hear(who, revoked(who, at))
        if not any(number == who.number for _, number, _ in self.completed):
            self.is_a_tombstone(who)

    def hear(self, who: Physician, event: Outgoing) -> None:
        """Every event comes twice: the second time it says nothing new."""
        self.heard.append((who, event))
        self.office.hear(event)
        before = self.office.credits
        self.office.hear(event)
        assert self.office.credits == before

    def is_a_tombstone(self, who: Physician) -> None:
        """Nothing was completed yet: what was taken back is remembered, and is no credit."""
        (row,) = [one for one in self.office.completions if self.learner_of(one) == who.number]
        assert row.state == Heard.RETRACTED
        assert not self.credits_of(who)

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def an_old_event_is_emitted_again(self, data: st.DataObject) -> None:
        """Where nothing was ever taken back, it changes no credit."""
        who, event = data.draw(st.sampled_from(self.heard))
        before = self.credits_of(who)
        self.office.hear(event)
        assert who.number in self.taken_back or self.credits_of(who) == before

    # ------------------------------------------------------------ PARS

    @rule(state=st.sampled_from([State.SUBMITTED, State.ACCEPTED]))
    def pars_takes_what_is_ready(self, state: State) -> None:
        ready = [row.id for row in self.office.credits if row.state == State.READY]
        self.office.take_for_sent(state)
        for row in self.office.credits:
            if row.id in ready and row.state == state:
                assert row.credit_id not in self.used, "PARS takes no CreditID twice"
                self.used.add(row.credit_id)
                self.at_pars[row.credit_id] = row.id
                self.has_a_completion_behind_it(row)

    def has_a_completion_behind_it(self, row: Row[Any]) -> None:
        (who,) = [one for one in LEARNERS if row.id in {r.id for r in self.credits_of(one)}]
        back = self.taken_back.get(who.number)
        assert who.number in self.answered or any(
            lms != "openedx" or back is None or at > back
            for lms, number, at in self.completed
            if number == who.number
        )

    @rule()
    def the_board_rejects(self) -> None:
        now = self.clock.now()
        self.settle(
            State.SUBMITTED, lambda claim: found(claim, Found(Verdict.REJECTED), (), now, now)
        )

    @rule()
    def pars_deletes_what_is_to_go(self) -> None:
        for claim in self.settle(State.WITHDRAWING, lambda one: gone(one, (), self.clock.now())):
            del self.at_pars[claim.credit_id]

    def settle(self, state: State, outcome: Callable[[Claim], Settlement]) -> list[Claim]:
        now, claims = self.clock.now(), self.office.claims
        with self.office.ledger.begin() as db:
            claimed = claims.claim(db, "main", [state], 99, now)
            claims.settle(db, [outcome(claim) for claim in claimed], now)
        return claimed

    # ------------------------------------------------------------ people

    @precondition(lambda self: self.office.open_letters())
    @rule(data=st.data(), agree=st.booleans())
    def a_person_answers(self, data: st.DataObject, agree: bool) -> None:
        letter = data.draw(st.sampled_from(self.office.open_letters()))
        self.answer(letter, agree=agree)

    @rule(who=who_)
    def is_taken_back_after_sending(self, who: Physician) -> None:
        """A person agrees, PARS deletes it; what Moodle says then is for a person."""
        anew = who.number not in {number for _, number, _ in self.completed} | self.answered
        self.completes("openedx", who, NOON)
        self.pars_takes_what_is_ready(State.SUBMITTED)
        self.is_taken_back_by_open_edx(who, NOON + 24 * HOUR)
        for letter in self.office.open_letters(reason="retracted_after_sending"):
            self.answer(letter, agree=True)
        self.pars_deletes_what_is_to_go()
        self.completes("moodle", who, NOON)
        (row,) = self.credits_of(who)
        asked = self.office.open_letters(reason="reported_again")
        assert not anew or asked or row.state in {State.READY, *HERE}, "nobody is told of it"
        self.pars_takes_what_is_ready(State.SUBMITTED)

    def answer(self, letter: dict[str, Any], *, agree: bool) -> None:
        letter_id, house = letter["letter_id"], self.office.service.premises.house
        self.answered |= self.learners_of(letter_id)
        desk = Answering(self.office.ledger, house, self.clock, "mora", "as the LMS says")
        if letter["reason"] not in MEANINGS:
            self.office.replay(letter_id)
        elif agree:
            desk.agree(letter_id)
        else:
            desk.decline(letter_id)

    # ------------------------------------------------------------ the model

    def learner_of(self, completion: Row[Any]) -> int:
        return int(self.office.ledger.seal.open_said(completion.said).learner)

    def learners_of(self, letter_id: str) -> set[int]:
        """Whom a letter is about."""
        with self.office.ledger.read() as db:
            letter = db.execute(select(letters).where(letters.c.id == letter_id)).one()
            behind = [*completions_of(db, letter.credit_row or 0), letter.completion_id]
            rows = db.execute(select(completions).where(completions.c.id.in_(behind))).all()
        return {self.learner_of(row) for row in rows}

    def credits_of(self, who: Physician) -> list[Row[Any]]:
        opened = self.office.ledger.seal.open_record
        return [r for r in self.office.credits if opened(r.record).board_id == who.board_id]

    # ------------------------------------------------------------ what always holds

    @invariant()
    def pars_has_one_at_most_and_the_ledger_knows_which(self) -> None:
        for row in self.office.credits:
            there = [name for name, number in self.at_pars.items() if number == row.id]
            assert there == ([row.credit_id] if row.state in HERE else [])

    @invariant()
    def a_physician_has_one_credit(self) -> None:
        for who in LEARNERS:
            assert len(self.credits_of(who)) <= 1

    @invariant()
    def what_nobody_took_back_is_credited_or_on_its_way(self) -> None:
        """Moodle and Canvas take nothing back; Open edX did not, if its completions came after."""
        for who in LEARNERS:
            back = self.taken_back.get(who.number)
            times = {
                lms: [
                    at for one, number, at in self.completed if (one, number) == (lms, who.number)
                ]
                for lms in LMS
            }
            stands = bool(times["moodle"] or times["canvas"]) or (
                bool(times["openedx"]) and (back is None or min(times["openedx"]) > back)
            )
            if stands and who.number not in self.answered:
                (row,) = self.credits_of(who)
                assert row.state in {State.READY, *HERE}


TestBooks = Books.TestCase
TestBooks.settings = BRIEFLY
