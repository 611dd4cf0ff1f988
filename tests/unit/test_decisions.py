"""The decision table, said a second time: by what each move means for each standing of a row."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from consumer.credit import Heard, State
from consumer.decisions import DECISIONS, Alone, Arrival, Aside, Move, Nothing, Row, decide

WRITE, DUPLICATE, NOTE, ADOPT = Move.WRITE, Move.DUPLICATE, Move.NOTE, Move.ADOPT
HOLD, RETRACT, REVIEW = Move.HOLD, Move.RETRACT, Move.REVIEW
RESEND, CORRECT = Move.RESEND, Move.CORRECT


class Line(NamedTuple):
    """What every arrival does to one standing of a row, and why."""

    row: Row
    why: str
    same: Move
    later: Move
    changed: Move
    retraction: Move
    replay: Move
    correction: Move


LINES = [
    Line(
        Nothing.ABSENT,
        "nothing is known of it: it is new, and a retraction that comes first leaves a tombstone",
        same=WRITE, later=WRITE, changed=WRITE, retraction=RETRACT, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        Heard.RETRACTED,
        "only a completion made after it was taken back counts; of any other a person decides",
        same=HOLD, later=WRITE, changed=HOLD, retraction=DUPLICATE, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        Heard.HELD,
        "nothing was sent: new facts replace old ones, but the first date counts",
        same=DUPLICATE, later=NOTE, changed=WRITE, retraction=RETRACT, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        Heard.NOT_REPORTABLE,
        "nothing was sent: hearing it again judges it again, and a table may make it reportable",
        same=WRITE, later=WRITE, changed=WRITE, retraction=RETRACT, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        Heard.REFUSED,
        "a person was asked: hearing it again, of whatever date, may show that it was mended",
        same=WRITE, later=WRITE, changed=WRITE, retraction=RETRACT, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        Aside.SET_ASIDE,
        "a person closed it: the very same is no news, anything else is judged anew",
        same=DUPLICATE, later=WRITE, changed=WRITE, retraction=RETRACT, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        State.READY,
        "nothing was sent: new facts replace old ones, but the first date counts",
        same=DUPLICATE, later=NOTE, changed=WRITE, retraction=RETRACT, replay=WRITE,
        correction=WRITE,
    ),
    Line(
        State.SUBMITTING,
        "PARS may have it this moment: a person decides, and nothing is sent a second time",
        same=DUPLICATE, later=NOTE, changed=REVIEW, retraction=REVIEW, replay=DUPLICATE,
        correction=CORRECT,
    ),
    Line(
        State.SUBMITTED,
        "PARS has it and the board is deciding: a person decides about every change",
        same=DUPLICATE, later=NOTE, changed=REVIEW, retraction=REVIEW, replay=DUPLICATE,
        correction=CORRECT,
    ),
    Line(
        State.REPORTED,
        "it stands in a file that may be uploaded by now: a person decides about every change",
        same=DUPLICATE, later=NOTE, changed=REVIEW, retraction=REVIEW, replay=DUPLICATE,
        correction=REVIEW,
    ),
    Line(
        State.ACCEPTED,
        "nothing that the board accepted is withdrawn without a person",
        same=DUPLICATE, later=NOTE, changed=REVIEW, retraction=REVIEW, replay=DUPLICATE,
        correction=CORRECT,
    ),
    Line(
        State.REJECTED,
        "PARS still holds the rejected record: a correction withdraws it before the next revision",
        same=DUPLICATE, later=NOTE, changed=ADOPT, retraction=REVIEW, replay=CORRECT,
        correction=CORRECT,
    ),
    Line(
        State.ATTENTION,
        "a person has it already; sending again asks first, under the same CreditID",
        same=DUPLICATE, later=NOTE, changed=ADOPT, retraction=REVIEW, replay=RESEND,
        correction=RESEND,
    ),
    Line(
        State.WITHDRAWING,
        "it is on its way out: new facts are for the next revision, and nobody can hurry it",
        same=DUPLICATE, later=NOTE, changed=ADOPT, retraction=DUPLICATE, replay=DUPLICATE,
        correction=ADOPT,
    ),
    Line(
        State.WITHDRAWN,
        "it was taken back on purpose: only a person sends it again",
        same=DUPLICATE, later=HOLD, changed=HOLD, retraction=DUPLICATE, replay=RESEND,
        correction=HOLD,
    ),
    Line(
        Alone.WITHDRAWING,
        "it was going because nothing led to it: what does now goes under the next revision",
        same=CORRECT, later=CORRECT, changed=CORRECT, retraction=DUPLICATE, replay=CORRECT,
        correction=CORRECT,
    ),
    Line(
        Alone.WITHDRAWN,
        "it had gone because nothing led to it: what does now is sent again",
        same=RESEND, later=RESEND, changed=RESEND, retraction=DUPLICATE, replay=RESEND,
        correction=RESEND,
    ),
]  # fmt: skip
CELLS = [
    pytest.param(line.row, arrival, getattr(line, arrival.value), id=f"{line.row}-{arrival}")
    for line in LINES
    for arrival in Arrival
]
_UNSENT = (Heard.HELD, Heard.NOT_REPORTABLE, Heard.REFUSED)
PEOPLE = (Arrival.REPLAY, Arrival.CORRECTION)
SENT = (State.SUBMITTING, State.SUBMITTED, State.REPORTED, State.ACCEPTED)


@pytest.mark.parametrize(("row", "arrival", "move"), CELLS)
def test_every_row_and_arrival_has_its_one_move(row: Row, arrival: Arrival, move: Move) -> None:
    assert decide(row, arrival) is move


def test_every_row_that_can_stand_there_is_decided_and_no_other() -> None:
    # A credited completion stands where its credits do, so it has no line of its own.
    rows = {*Nothing, *State, *Heard, *Alone, *Aside} - {Heard.CREDITED}
    assert {line.row for line in LINES} == rows
    assert set(DECISIONS) == {(row.value, arrival) for row in rows for arrival in Arrival}


def test_every_move_is_needed() -> None:
    assert set(DECISIONS.values()) == set(Move)


@pytest.mark.parametrize("row", SENT)
@pytest.mark.parametrize("arrival", [one for one in Arrival if one is not Arrival.CORRECTION])
def test_no_arrival_rewrites_or_resends_what_pars_may_have(row: State, arrival: Arrival) -> None:
    assert decide(row, arrival) in {DUPLICATE, NOTE, REVIEW}


@pytest.mark.parametrize("row", State)
def test_the_same_fact_again_changes_no_credit(row: State) -> None:
    assert decide(row, Arrival.SAME) is DUPLICATE


@pytest.mark.parametrize("row", State)
def test_a_second_completion_alone_never_sends_again(row: State) -> None:
    assert decide(row, Arrival.LATER) in {NOTE, HOLD}


@pytest.mark.parametrize("row", State)
def test_only_a_person_sends_what_has_left_us_once(row: State) -> None:
    without_a_person = {decide(row, arrival) for arrival in Arrival if arrival not in PEOPLE}
    assert not without_a_person & {RESEND, CORRECT}


@pytest.mark.parametrize("row", [*_UNSENT, State.READY, Nothing.ABSENT])
def test_a_retraction_reaches_whatever_could_still_be_sent(row: Row) -> None:
    assert decide(row, Arrival.RETRACTION) is RETRACT
