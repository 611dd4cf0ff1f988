"""From the ledger to PARS and the board: PARS's books say what was credited, and how often."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import pytest

from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.dealings import Exchange
from consumer.desk.answering import Answering
from consumer.desk.deadletters import NotOpen
from consumer.dispatch import Dispatcher
from consumer.ledger.claims import Claim, Settlement
from consumer.ledger.schema import attempts
from consumer.pars.port import Action, Broke, Pars, Reply
from consumer.pars.simulator import Policy
from consumer.pars.simulator.operations import Seen
from consumer.participant import Record
from consumer.service import Service
from tests.fakes import FakeClock
from tests.integration.office import OUTCOMES, Office, SimulatedPars
from tests.integration.people import (
    DAY,
    HOUR,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    course,
    moodle,
    openedx,
    revoked,
)

SOON_SECONDS = 60.0
OpenPars = Callable[..., SimulatedPars]
OpenOffice = Callable[..., Office]


def until(done: Callable[[], bool]) -> None:
    """Wait for another thread, in real time, with a bound."""
    deadline = time.monotonic() + SOON_SECONDS
    while not done():
        assert time.monotonic() < deadline, "not reached"
        threading.Event().wait(0.005)


def one_each(pars: SimulatedPars, *people: Physician) -> None:
    """Everyone has one credit the board accepted, and nobody has anything else."""
    assert sorted(pars.accepted) == sorted(person.board_id for person in people)
    assert (pars.totals["live"], pars.totals["doubled"]) == (len(people), 0)


def replayed(office: Office, *, people: tuple[Physician, ...] = (PRIYA,)) -> None:
    """The office's table is put right, and the letter sent round again."""
    office.put_learners(*(person.row() for person in people))
    office.look()
    office.replay()


# ---------------------------------------------------------------- the good day


def test_a_credit_is_sent_and_followed_until_the_board_accepts_it(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    (record,) = pars.records
    assert (record["credit_id"], record["posts"]) == (reporting.credit.credit_id, 1)
    assert (record["completed_on"], record["points"]) == ("2026-11-20", "1.5")
    assert reporting.letters == []


def test_each_profile_reports_as_itself(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA), moodle(PRIYA, "104"))
    reporting.drive_to("accepted", "accepted")
    assert {r["activity"]: r["provider_id"] for r in pars.records} == {
        "202600001": "0009999",
        "202600101": "0008888",
    }


def test_what_must_be_reported_first_is_sent_first(reporting: Office) -> None:
    old, new = moodle(PRIYA, at=NOON - 20 * DAY), moodle(OTIS, at=NOON)
    reporting.hear(new, old, moodle(LENA, at=NOON - 10 * DAY))
    with reporting.ledger.begin() as db:
        now = reporting.clock.now()
        claimed = reporting.claims.claim(db, "main", [State.READY], 2, now)
    assert [claim.record.board_id for claim in claimed] == ["041327", "000963"]


def test_every_step_is_told_on_the_outcomes_topic(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    reporting.publish()
    told = [message.value or b"" for message in reporting.published(OUTCOMES)]
    assert [b'"state":"submitted"' in told[0], b'"state":"accepted"' in told[1]] == [True, True]
    assert len(told) == 2


def test_a_correction_is_told_as_one_revision_withdrawn_and_the_next_accepted(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    reporting.drive_to("accepted")
    reporting.publish()
    told = [orjson.loads(message.value or b"") for message in reporting.published(OUTCOMES)]
    assert [(one["credit_id"][-2:], one["state"]) for one in told] == [
        ("r1", "submitted"),
        ("r1", "rejected"),
        ("r1", "withdrawn"),
        ("r2", "submitted"),
        ("r2", "accepted"),
    ]


# ---------------------------------------------------------------- PARS or the board says no


def test_rejected_by_the_board_is_a_letter_of_its_stage(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Name does not match roster"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    assert (reporting.letter["stage"], reporting.letter["reason"]) == ("board", "board_identity")
    assert [r["state"] for r in pars.records] == ["rejected"]


def test_refused_for_identity_then_corrected_is_accepted_once(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.put_learners(PRIYA.row(birth_date="1950-01-01"))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    assert (reporting.letter["stage"], reporting.letter["reason"]) == ("pars", "identity_mismatch")
    first = reporting.credit.credit_id
    replayed(reporting)
    assert reporting.open_letters() == []
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    assert (pars.live[0]["credit_id"], reporting.credit.credit_id) == (first, first)
    assert [row.status for row in reporting.letters] == ["resolved"]


def test_corrected_in_vain_it_is_the_same_letter_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.put_learners(PRIYA.row(birth_date="1950-01-01"))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    reporting.put_learners(PRIYA.row(birth_date="1951-01-01"))
    reporting.look()
    reporting.replay()
    reporting.drive(lambda: bool(reporting.open_letters()))
    (letter,) = reporting.letters
    assert (letter.failures, letter.replays, letter.status) == (2, 1, "open")
    assert pars.records == []


def test_a_wrong_board_id_corrected_is_a_new_credit_and_the_old_one_was_never_there(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.put_learners(PRIYA.row(board_id="041372"))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    replayed(reporting)
    reporting.drive_to("withdrawn", "accepted")
    one_each(pars, PRIYA)
    assert [r["board_id"] for r in pars.records] == ["041327"]
    assert reporting.open_letters() == []


def test_rejected_then_corrected_is_deleted_first_and_added_anew(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Name does not match roster"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    first = reporting.credit.credit_id
    pars.put_roster(PRIYA.diplomate())
    replayed(reporting)
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    old, new = pars.records
    assert (old["credit_id"], old["history"]) == (first, ["add", "delete"])
    assert (new["credit_id"], new["history"]) == (first.replace("-r1", "-r2"), ["add"])
    assert max(old["sequence"]) < min(new["sequence"])


def test_rejected_for_its_date_then_corrected_deletes_what_was_sent(
    reporting: Office, pars: SimulatedPars
) -> None:
    # PARS deletes only what repeats the record it has: the old date, not the corrected one.
    reporting.put_activities(course(MOODLE, "101", zone="Asia/Tokyo"))
    reporting.look()
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    reporting.put_activities(course(MOODLE, "101"))
    pars.put_roster(PRIYA.diplomate())
    replayed(reporting)
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    assert [r["completed_on"] for r in pars.records] == ["2026-11-21", "2026-11-20"]


def test_of_two_credits_only_the_one_that_was_refused_goes_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.weather({"kind": "status", "status": 400})
    reporting.hear(moodle(PRIYA, "103"))
    reporting.drive(lambda: sorted(reporting.states()) == ["accepted", "attention"])
    reporting.replay()
    reporting.drive_to("accepted", "accepted")
    assert sorted(r["credit_type"] for r in pars.live) == ["Medical Knowledge", "Patient Safety"]
    assert (pars.totals["stored"], pars.totals["doubled"]) == (2, 0)


def test_taken_back_after_sending_a_person_has_it_deleted(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    reporting.pass_time(3 * 86_400)
    assert pars.totals["live"] == 1
    reporting.replay()
    reporting.drive_to("withdrawn")
    assert [r["history"] for r in pars.records] == [["add", "delete"]]
    assert [row.status for row in reporting.letters] == ["resolved"]


def test_what_another_account_stands_behind_is_not_withdrawn(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.put_activities(course("", "101"), course("", "course-v1:HarborCME+RENAL201+2026T2"))
    reporting.look()
    reporting.hear(openedx(PRIYA), moodle(PRIYA))
    assert reporting.states() == ["ready"] or len(reporting.credits) == 1
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    reporting.replay()
    reporting.pass_time(86_400)
    assert reporting.states() == ["accepted"]
    one_each(pars, PRIYA)
    # Once both have taken it back, it goes.
    assert sorted(row.state for row in reporting.completions) == ["credited", "retracted"]


def test_completed_anew_while_it_is_withdrawn_for_good_is_not_lost(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    reporting.replay()
    assert reporting.states() == ["withdrawing"]
    reporting.hear(openedx(PRIYA, NOON + 2 * HOUR))
    reporting.drive_to("withdrawn")
    assert reporting.letter["reason"] == "completed_after_withdrawal"
    reporting.replay()
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    assert [r["history"] for r in pars.records] == [["add", "delete"], ["add"]]


def test_sent_round_again_while_it_is_withdrawn_it_is_added_once_that_is_done(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    reporting.replay()
    reporting.hear(openedx(PRIYA, NOON + 2 * HOUR))
    reporting.replay()
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)


def test_taken_back_while_it_is_being_corrected_is_for_a_person(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("rejected")
    reporting.replay()
    assert reporting.states() == ["withdrawing"]
    assert reporting.hear(revoked(PRIYA, NOON + HOUR)) == {"review": 1}
    assert reporting.letter["reason"] == "retracted_after_sending"
    reporting.replay()
    reporting.drive_to("withdrawn")
    assert pars.totals["live"] == 0


def test_a_withdrawal_that_pars_refuses_is_a_letter_and_replay_tries_it_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    pars.weather({"kind": "status", "status": 400})
    reporting.replay()
    reporting.drive(lambda: bool(reporting.open_letters()))
    assert (reporting.letter["stage"], reporting.states()) == ("pars", ["withdrawing"])
    assert reporting.replay() == "withdrawing"
    before = reporting.clock.now()
    reporting.drive_to("withdrawn")
    assert reporting.clock.now() - before < DAY
    assert (pars.totals["live"], pars.totals["stored"]) == (0, 1)


def test_what_a_person_is_asked_stays_asked_when_the_board_accepts(
    reporting: Office,
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    reporting.hear(canvas(PRIYA, at=NOON - 3 * DAY))
    assert reporting.letter["reason"] == "changed_after_sending"
    reporting.drive_to("accepted")
    assert reporting.letter["reason"] == "changed_after_sending"


# ---------------------------------------------------------------- the bad day

FAULTS = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 409},
    {"kind": "retry_after", "seconds": 900},
    {"kind": "garbage"},
    {"kind": "cut_before"},
    {"kind": "cut_after_store"},
]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_after_every_fault_there_is_exactly_one_record(
    reporting: Office, pars: SimulatedPars, fault: dict[str, Any], times: int
) -> None:
    pars.weather(*[fault] * times)
    reporting.hear(moodle(PRIYA))
    reporting.drive(lambda: reporting.states() in (["accepted"], ["attention"]))
    for letter in reporting.open_letters():
        # Nobody was told that it is lost: PARS said "duplicate", and had nothing of ours.
        assert letter["reason"] == "duplicate_not_ours"
        pars.weather()
        reporting.replay(letter["letter_id"])
        reporting.drive(lambda: reporting.states() in (["accepted"], ["attention"]))
    while reporting.open_letters():
        reporting.replay()
        reporting.drive(lambda: reporting.states() in (["accepted"], ["attention"]))
    one_each(pars, PRIYA)
    assert pars.totals["stored"] == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_fault_while_deleting_leaves_nothing_behind(
    reporting: Office, pars: SimulatedPars, fault: dict[str, Any]
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    pars.weather(fault)
    reporting.replay()
    reporting.drive_to("withdrawn")
    assert [r["history"] for r in pars.records] == [["add", "delete"]]


def test_a_request_that_hangs_beyond_its_timeout_is_one_record(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    quick = {"request_timeout_seconds": 0.8, "connect_timeout_seconds": 2}
    office = open_office(url=pars.url, sending=quick)
    pars.weather({"kind": "hang", "seconds": 2.4}, {"kind": "hang", "seconds": 1.6})
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    until(lambda: pars.totals["posts"] >= 2)
    one_each(pars, PRIYA)
    assert pars.totals["stored"] == 1


@pytest.mark.parametrize("policy", [Policy.SUCCESS, Policy.REFUSAL])
def test_posted_again_under_the_same_credit_id_it_is_one_record(
    open_pars: OpenPars, open_office: OpenOffice, policy: Policy
) -> None:
    # What PARS has is invisible for longer than the grace: we cannot but post it again.
    pars = open_pars(visible_after_seconds=3600, duplicate=policy)
    office = open_office(url=pars.url)
    pars.weather({"kind": "cut_after_store"})
    office.hear(moodle(PRIYA))
    office.drive(lambda: office.states() in (["accepted"], ["attention"]))
    if office.open_letters():
        assert office.letter["reason"] == "duplicate_not_ours"
        office.clock.advance(3600)
        office.replay()
    office.drive_to("accepted")
    one_each(pars, PRIYA)
    assert pars.totals["posts"] == 2


def test_a_credit_that_somebody_reported_by_hand_is_for_a_person(
    open_pars: OpenPars, open_office: OpenOffice
) -> None:
    pars = open_pars(second_credit=Policy.REFUSAL)
    office = open_office(url=pars.url)
    office.hear(moodle(PRIYA))
    record = office.ledger.seal.open_record(office.credit.record)
    by_hand = office.service.parts.pars("main")
    by_hand.save(record, "ccid:by-hand.example:1", Action.ADD)
    office.drive_to("attention")
    assert office.letter["reason"] == "duplicate_not_ours"
    assert [r["credit_id"] for r in pars.live] == ["ccid:by-hand.example:1"]
    by_hand.close()


@pytest.mark.parametrize("days", [1, 6])
def test_an_outage_dead_letters_nothing_however_long(
    reporting: Office, pars: SimulatedPars, days: int
) -> None:
    pars.weather(down_seconds=days * 86_400)
    reporting.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    reporting.pass_time(days * 86_400 - 60)
    assert reporting.letters == []
    reporting.drive_to("accepted", "accepted", "accepted")
    one_each(pars, PRIYA, OTIS, LENA)
    assert reporting.letters == []


def test_an_outage_while_the_board_decides_dead_letters_nothing(
    reporting: Office, pars: SimulatedPars
) -> None:
    # An early fault of each must not count against it days later.
    pars.weather(*[{"kind": "status", "status": 500}] * 3)
    reporting.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    reporting.drive_to("submitted", "submitted", "submitted")
    pars.weather(down_seconds=4 * 86_400)
    reporting.pass_time(4 * 86_400)
    reporting.drive_to("accepted", "accepted", "accepted")
    assert reporting.letters == []
    one_each(pars, PRIYA, OTIS, LENA)


def test_an_outage_that_comes_back_dead_letters_nothing(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    one_at_a_time = {"profile": {"requests_per_second": 0.01}, "sending": {"breaker_failures": 1}}
    office = open_office(url=pars.url, **one_at_a_time)
    people = [PRIYA, OTIS, LENA]
    office.hear(*map(moodle, people))
    for _ in range(3):
        pars.weather(down_seconds=3 * 86_400)
        office.pass_time(3 * 86_400)
        sent = pars.totals["stored"]
        office.drive(lambda sent=sent: pars.totals["stored"] > sent)
    office.drive_to("accepted", "accepted", "accepted")
    assert office.letters == []
    one_each(pars, *people)


def test_a_credit_that_pars_chokes_on_ends_with_a_person_and_holds_back_nobody(
    reporting: Office, pars: SimulatedPars
) -> None:
    people = [replace(OTIS, number=n, board_id=f"2{n:05d}") for n in range(700, 712)]
    pars.put_roster(*(one.diplomate() for one in people))
    reporting.put_learners(PRIYA.row(), *(one.row() for one in people))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    with pars.choking_on(PRIYA.board_id):
        for one in people:
            reporting.hear(moodle(one))
            reporting.pass_time(3600)
    assert sorted(r["board_id"] for r in pars.live) == [one.board_id for one in people]
    assert reporting.letter["reason"] == "gave_up"
    reporting.replay()
    reporting.drive(lambda: {*reporting.states()} == {"accepted"})
    one_each(pars, PRIYA, *people)


SELDOM = {"stopped_pause_seconds": 6 * 3600}


def test_a_wrong_password_stops_its_profile_and_no_other(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    office = open_office(url=pars.url, passwords={"main": "mistyped"}, sending=SELDOM)
    office.hear(moodle(PRIYA), moodle(PRIYA, "104"))
    office.drive(lambda: office.credits[1].state == "accepted")
    office.pass_time(5 * 86_400)
    assert office.credits[0].state in {"ready", "submitting"}
    assert office.letters == []
    assert [r["provider_id"] for r in pars.records] == ["0008888"]
    office.start(passwords={"main": "correct-horse"})
    office.drive_to("accepted", "accepted")
    assert (pars.totals["stored"], pars.totals["doubled"], office.letters) == (2, 0, [])


def test_a_wrong_password_while_following_loses_no_verdict(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    office = open_office(url=pars.url, sending=SELDOM)
    office.hear(moodle(PRIYA))
    office.drive_to("submitted")
    office.start(passwords={"main": "expired"})
    office.pass_time(9 * 86_400)
    assert (office.states(), office.letters) == (["submitted"], [])
    office.start(passwords={"main": "correct-horse"})
    office.drive_to("accepted")
    one_each(pars, PRIYA)


# ---------------------------------------------------------------- crashes, and two at once


def claim_one(office: Office, *states: State) -> Claim:
    """A claim as a pump makes it, committed."""
    with office.ledger.begin() as db:
        wanted = states or (State.READY, State.SUBMITTING, State.WITHDRAWING)
        (claim,) = office.claims.claim(db, "main", wanted, 1, office.clock.now())
    return claim


def carry(office: Office, claim: Claim, pars: Pars | None = None) -> Exchange:
    """What a worker does with a claim."""
    if pars is None:
        return office.service.dispatcher_for()("main").carry(claim, None)
    dispatcher = office.service.dispatcher_for()("main")
    return Dispatcher(pars, dispatcher._policy, office.clock).carry(claim, None)


def settle(office: Office, *exchanges: Exchange) -> None:
    """What a pump does with what has come back."""
    done: list[Settlement] = [exchange.settlement for exchange in exchanges]
    with office.ledger.begin() as db:
        office.claims.settle(db, done, office.clock.now())


def test_claimed_and_never_posted_it_is_asked_about_and_sent_once(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    claim_one(reporting)
    reporting.start()
    assert reporting.states() == ["submitting"]
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    assert pars.totals["posts"] == 1
    assert [row.action for row in reporting.rows(attempts)][:3] == ["ask", "ask", "add"]


def test_posted_and_never_settled_it_is_found_and_not_sent_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    carry(reporting, claim_one(reporting))
    reporting.start()
    assert pars.totals["live"] == 1
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    assert pars.totals["posts"] == 1


def test_nobody_touches_a_claim_before_its_lease_ends(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    claim = claim_one(reporting)
    # Somebody else's is due meanwhile, so that claims are made.
    reporting.hear(moodle(OTIS))
    reporting.pass_time(290)
    assert {row.credit_row for row in reporting.rows(attempts)} == {reporting.credits[1].id}
    assert [record["board_id"] for record in pars.records] == [OTIS.board_id]
    settle(reporting, carry(reporting, replace(claim, lease_until=claim.lease_until + DAY)))
    reporting.drive_to("accepted", "accepted")
    assert pars.totals["posts"] == 2


@pytest.mark.parametrize("crash_after", ["ask", "delete"])
def test_a_crash_while_correcting_ends_as_one_record(
    reporting: Office, pars: SimulatedPars, crash_after: str
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    claim = claim_one(reporting)
    if crash_after == "delete":
        carry(reporting, claim)
        assert pars.totals["live"] == 0
    reporting.start()
    reporting.drive_to("accepted")
    one_each(pars, PRIYA)
    assert [r["history"] for r in pars.records] == [["add", "delete"], ["add"]]


def test_a_crash_after_posting_a_corrected_record_ends_as_one_record(
    reporting: Office, pars: SimulatedPars
) -> None:
    # Corrected in its date too: what PARS deletes must repeat what PARS has.
    reporting.put_learners(PRIYA.row(birth_date="1950-01-01"))
    reporting.put_activities(course(MOODLE, "101", zone="Asia/Tokyo"))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    reporting.put_activities(course(MOODLE, "101"))
    replayed(reporting)
    while pars.totals["stored"] == 0:
        reporting.clock.advance(400)
        exchange = carry(reporting, claim_one(reporting))
        if pars.totals["stored"] == 0:
            settle(reporting, exchange)
    reporting.start()
    reporting.drive(lambda: reporting.states() == ["accepted"], days=5)
    one_each(pars, PRIYA)
    assert reporting.open_letters() == []


def test_a_stale_hand_never_overwrites_the_newer_one(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    stale = claim_one(reporting)
    exchange = carry(reporting, stale)
    reporting.clock.advance(301)
    reporting.drive_to("accepted")
    before = reporting.credit
    settle(reporting, exchange)
    assert reporting.credit == before
    one_each(pars, PRIYA)
    assert reporting.rows(attempts)[-1].fence == stale.fence


def test_a_stale_refusal_dead_letters_nothing(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    pars.weather({"kind": "status", "status": 400})
    exchange = carry(reporting, claim_one(reporting))
    reporting.clock.advance(301)
    reporting.drive_to("submitted")
    settle(reporting, exchange)
    assert (reporting.states(), reporting.letters) == (["submitted"], [])


class Away:
    """A way to PARS that nobody answers on: nothing has left for sure."""

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        return Reply(broke=Broke.NOT_SENT)


@pytest.mark.parametrize(
    ("agrees", "ends", "stored"), [(True, "withdrawn", 0), (False, "accepted", 1)]
)
def test_taken_back_while_a_post_fails_to_leave_it_waits_for_the_person(
    reporting: Office, pars: SimulatedPars, *, agrees: bool, ends: str, stored: int
) -> None:
    reporting.hear(openedx(PRIYA))
    claim = claim_one(reporting)
    assert reporting.hear(revoked(PRIYA, NOON + HOUR)) == {"review": 1}
    settle(reporting, carry(reporting, claim, Away()))
    reporting.pass_time(3600)
    assert (reporting.states(), pars.totals["posts"]) == (["ready"], 0)
    house = reporting.service.premises.house
    desk = Answering(reporting.ledger, house, reporting.clock, "mora", "asked the LMS admin")
    answer = desk.agree if agrees else desk.decline
    answer(reporting.letter["letter_id"])
    reporting.drive_to(ends)
    assert pars.totals["stored"] == stored
    assert reporting.open_letters() == []


class Frozen:
    """A way to PARS in a process that is frozen for long, just after it has asked."""

    def __init__(self, pars: Pars, clock: FakeClock, meanwhile: Callable[[], None]) -> None:
        self._pars, self._clock, self._meanwhile = pars, clock, meanwhile

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        return self._pars.save(record, credit_id, action)

    def status(self, credit_id: str) -> Reply:
        reply = self._pars.status(credit_id)
        self._clock.advance(301)
        self._meanwhile()
        return reply

    def close(self) -> None:
        self._pars.close()


def test_a_process_frozen_before_its_post_does_not_post_when_it_wakes(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    claim_one(reporting)
    reporting.clock.advance(301)
    settle(reporting, carry(reporting, claim_one(reporting)))
    reporting.clock.advance(301)
    claim = claim_one(reporting)
    assert claim.absent_at is not None
    client = reporting.service.parts.pars("main")
    frozen = Frozen(client, reporting.clock, lambda: reporting.drive_to("accepted"))
    exchange = carry(reporting, claim, frozen)
    settle(reporting, exchange)
    assert (pars.totals["posts"], reporting.states()) == (1, ["accepted"])
    one_each(pars, PRIYA)


def test_two_processes_never_send_the_same_credit(reporting: Office, pars: SimulatedPars) -> None:
    people = [replace(OTIS, number=n, board_id=f"2{n:05d}") for n in range(700, 724)]
    pars.put_roster(*(one.diplomate() for one in people))
    reporting.put_learners(*(one.row() for one in people))
    reporting.look()
    reporting.hear(*map(moodle, people))
    first, pool = reporting.sending, reporting.pool
    reporting._open.pop_all()  # the first process lives on beside the second
    reporting.start()
    for _ in range(400):
        busy = [pump.turn(pool) for pump in (*first, *reporting.sending)]
        if {"accepted"} == {*reporting.states()}:
            break
        if not any(busy):
            reporting.clock.advance(600)
    one_each(pars, *people)
    assert pars.totals["posts"] == len(people)
    pool.shutdown()


def test_two_processes_ask_about_each_credit_once_whenever_it_is_due(
    reporting: Office, open_pars: OpenPars
) -> None:
    pars = open_pars(board_delay_seconds=30 * DAY.total_seconds())
    people = [replace(OTIS, number=n, board_id=f"2{n:05d}") for n in range(700, 716)]
    pars.put_roster(*(one.diplomate() for one in people))
    reporting.put_learners(*(one.row() for one in people))
    reporting.look()
    reporting.hear(*map(moodle, people))
    reporting.drive(lambda: {*reporting.states()} == {"submitted"})
    journal = journal_of(pars)
    beside = Service(reporting.service.parts, reporting.open_ledger())
    follow = [reporting.sending[1], *(one for one in beside.pumps if one.name == "follow")]
    with ThreadPoolExecutor(4) as first, ThreadPoolExecutor(4) as second:
        for times in (1, 2, 3):
            reporting.clock.advance(4 * HOUR.total_seconds())
            while any(row.due_at <= reporting.clock.now() for row in reporting.credits):
                turns = zip(follow, (first, second), strict=True)
                with ThreadPoolExecutor(2) as both:
                    done = [both.submit(pump.turn, pool) for pump, pool in turns]  # type: ignore[attr-defined]
                assert all(one.exception() is None for one in done)
                reporting.clock.advance(0.05)
            assert journal == dict.fromkeys((r.credit_id for r in reporting.credits), times)
    beside.ledger.close()


def journal_of(pars: SimulatedPars) -> Counter[str]:
    """How often PARS is asked about each credit from now on."""
    operations, heard = pars.simulator._operations, Counter[str]()
    status = operations.status

    def noted(caller: str, credit_id: str) -> list[Seen]:
        heard[credit_id] += 1
        return status(caller, credit_id)

    operations.status = noted  # type: ignore[method-assign]
    return heard


@pytest.mark.parametrize("policy", [Policy.SUCCESS, Policy.REFUSAL])
def test_a_lost_ledger_that_hears_everything_again_credits_nobody_twice(
    open_pars: OpenPars, open_office: OpenOffice, policy: Policy
) -> None:
    pars = open_pars(duplicate=policy)
    office = open_office(url=pars.url)
    office.hear(moodle(PRIYA), canvas(PRIYA), moodle(OTIS))
    office.drive_to("accepted", "accepted")
    office.lose_ledger()
    assert office.states() == []
    office.hear()
    office.drive_to("accepted", "accepted")
    one_each(pars, PRIYA, OTIS)
    assert (pars.totals["stored"], office.letters) == (2, [])


def test_told_to_stop_it_settles_what_is_under_way(reporting: Office, pars: SimulatedPars) -> None:
    pars.weather({"kind": "hang", "seconds": 0.4}, {"kind": "hang", "seconds": 0.4})
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    stop = threading.Event()
    thread = threading.Thread(target=reporting.sending[0].run, args=(stop,))
    thread.start()
    until(lambda: reporting.states() == ["submitting", "submitting"])
    stop.set()
    thread.join(SOON_SECONDS)
    assert not thread.is_alive()
    assert reporting.states() == ["submitted", "submitted"]
    assert [row.lease_until for row in reporting.credits] == [None, None]
    assert pars.totals["posts"] == 2


def test_told_to_stop_it_takes_nothing_new(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.sending[0].run(reporting.service.stop)
    assert (reporting.states(), pars.records) == (["ready"], [])


@pytest.mark.parametrize("seed", range(2))
def test_through_a_storm_everybody_is_credited_once(
    reporting: Office, pars: SimulatedPars, seed: int
) -> None:
    storm(reporting, pars, random.Random(seed))  # noqa: S311  a story, not a secret


@pytest.mark.parametrize("seed", range(2))
def test_however_often_it_is_taken_back_pars_has_what_the_lms_said_last(
    reporting: Office, pars: SimulatedPars, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  a story, not a secret
    said = Certificates(reporting, dice)
    for _ in range(14):
        dice.choice(
            [
                said.created,
                said.created,
                said.revoked,
                said.revoked,
                lambda: pars.weather(*(dice.choice(FAULTS) for _ in range(2))),
                lambda: pars.put_roster(_disliked(PRIYA, dice)),
                lambda: reporting.put_learners(_mistaken(PRIYA, dice)),
                lambda: _crash(reporting, dice),
                lambda: _replay_all(reporting),
            ]
        )()
        reporting.look()
        reporting.pass_time(dice.choice([0, 60, 4000, 30_000]))
        _nobody_is_forgotten(reporting)
    _end_of_storm(reporting, pars, PRIYA)
    assert (pars.totals["live"], pars.totals["doubled"]) == (said.live, 0)


class Certificates:
    """Open edX creates and revokes one physician's certificate, each later than the last."""

    def __init__(self, office: Office, dice: random.Random) -> None:
        self._office, self._dice = office, dice
        self._at = NOON - 9 * DAY
        self.live = 0

    def created(self) -> None:
        self._say(openedx, live=1)

    def revoked(self) -> None:
        self._say(revoked, live=0)

    def _say(self, what: Callable[[Physician, datetime], Outgoing], *, live: int) -> None:
        self._at += HOUR * self._dice.randrange(1, 12)
        self._office.hear(what(PRIYA, self._at))
        self.live = live


def storm(office: Office, pars: SimulatedPars, dice: random.Random) -> None:
    """Faults, crashes, mistaken tables, re-emissions and restarts, in any order."""
    people = [replace(OTIS, number=n, board_id=f"2{n:05d}") for n in range(700, 708)]
    pars.put_roster(*(one.diplomate() for one in people))
    office.put_learners(*(_mistaken(one, dice) for one in people))
    office.look()
    office.hear(*(dice.choice((moodle, canvas))(one) for one in people))
    for _ in range(20):
        dice.choice(
            [
                lambda: pars.weather(*(dice.choice(FAULTS) for _ in range(3))),
                lambda: pars.weather(down_seconds=dice.randrange(7200)),
                lambda: pars.put_roster(*(_disliked(one, dice) for one in people)),
                lambda: _crash(office, dice),
                lambda: office.hear(_again(dice.choice(people), dice)),
                lambda: office.put_learners(*(_mistaken(one, dice) for one in people)),
                lambda: _replay_all(office),
            ]
        )()
        office.look()
        office.pass_time(dice.randrange(3 * 3600))
        _nobody_is_forgotten(office)
    _end_of_storm(office, pars, *people)
    one_each(pars, *people)


def _end_of_storm(office: Office, pars: SimulatedPars, *people: Physician) -> None:
    """Good weather, tables put right, and people who answer whatever they are asked."""
    pars.weather()
    pars.put_roster(*(one.diplomate() for one in people))
    office.put_learners(*(one.row() for one in people))
    office.look()
    for _ in range(6):
        office.pass_time(2 * 86_400)
        _nobody_is_forgotten(office)
        _replay_all(office)
    office.pass_time(2 * 86_400)


def _nobody_is_forgotten(office: Office) -> None:
    """Whatever does not move by itself has a letter that is open."""
    asked = {row.credit_row for row in office.letters if row.status == "open"}
    stuck = {row.id for row in office.credits if row.state in {State.ATTENTION, State.REJECTED}}
    assert stuck <= asked


def _replay_all(office: Office) -> None:
    for row in office.open_letters():
        # The answer to one may have settled another.
        with suppress(NotOpen):
            office.replay(row["letter_id"])


def _again(one: Physician, dice: random.Random) -> Any:
    return dice.choice((moodle, canvas))(one, at=NOON + dice.choice([0, 0, 1, -1]) * DAY)


def _disliked(one: Physician, dice: random.Random) -> Any:
    return one.diplomate(board_rejects="Not eligible" if dice.random() < 0.3 else "")


def _mistaken(one: Physician, dice: random.Random) -> dict[str, str]:
    mistakes: list[dict[str, str]] = [
        {},
        {},
        {"birth_date": "1950-01-01"},
        {"board_id": f"3{one.number:05d}"},
        {"board_id": ""},
        {"consent": ""},
    ]
    return one.row(**dice.choice(mistakes))


def _crash(office: Office, dice: random.Random) -> None:
    now = office.clock.now()
    states = [State.READY, State.SUBMITTING, State.WITHDRAWING]
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", states, 3, now)
    for claim in claimed:
        if dice.random() < 0.5:
            carry(office, claim)
    office.start()
