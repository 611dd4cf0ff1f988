"""A table was mended after sending: PARS's journal says what was credited, moment by moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from consumer.credit import State
from consumer.desk.answering import Answering
from consumer.desk.correcting import Correcting, Finding, Outcome, Wanted
from consumer.desk.credits import NoSuchCredit, show_credit
from consumer.desk.withdrawing import plan_withdrawals, withdraw
from consumer.ledger.claims import Claim
from consumer.ledger.schema import attempts, audit
from consumer.pars.port import Action
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    CANVAS,
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

MK, PA = "Medical Knowledge", "Practice Assessment"


def course_101(**changed: str) -> tuple[dict[str, str], dict[str, str]]:
    """The activity's rows in the office's table, for both LMSs."""
    return course(MOODLE, "101", **changed), course(CANVAS, "731", **changed)


def tables(office: Office, *people: dict[str, str], **changed: str) -> None:
    """The office's tables as they are from now on."""
    office.put_activities(*course_101(**changed))
    if people:
        office.put_learners(*people)
    office.look()


def registered(pars: SimulatedPars) -> None:
    """PARS takes either type of credit for the activity."""
    known = {
        "activity_id": "202600001",
        "provider_id": "0009999",
        "starts": "2025-01-01",
        "ends": "2026-12-31",
        "boards": {"ABIM": {MK: "3", PA: "3"}},
    }
    httpx.put(f"{pars.url}/_activities", json=[known], trust_env=False).raise_for_status()


def desk(office: Office, *, accepted_too: bool = False) -> Correcting:
    """A coordinator with today's tables."""
    house = office.service.premises.house
    return Correcting(office.ledger, house, office.clock, accepted_too, "mora", "wrong type")


def answering(office: Office) -> Answering:
    """A coordinator who answers what was asked."""
    return Answering(office.ledger, office.service.premises.house, office.clock, "mora", "checked")


def preview(office: Office, *names: str, **wanted: Any) -> list[Finding]:
    """What the coordinator is shown."""
    one = desk(office, accepted_too=wanted.pop("accepted_too", False))
    return list(one.preview(one.select(Wanted(names, **wanted))))


def correct(office: Office, *names: str, **wanted: Any) -> list[Finding]:
    """What the coordinator does."""
    one = desk(office, accepted_too=wanted.pop("accepted_too", False))
    return list(one.correct(one.select(Wanted(names, **wanted))))


def most_at_once(pars: SimulatedPars) -> int:
    """The most credits that one learner had for one activity at any moment, by PARS's journal."""
    steps = sorted(
        (number, action, (record["board_id"], record["activity"]))
        for record in pars.records
        for number, action in zip(record["sequence"], record["history"], strict=True)
    )
    live, most = Counter[tuple[str, str]](), 0
    for _, action, whose in steps:
        live[whose] += 1 if action == "add" else -1
        most = max(most, live[whose])
    return most


def credited(pars: SimulatedPars) -> list[tuple[str, str, str]]:
    """Who has what credit in the end."""
    return sorted((r["board_id"], r["credit_type"], r["points"]) for r in pars.live)


def claimed(office: Office, *states: State) -> list[Claim]:
    """What a worker has taken in hand, written down; at most three."""
    with office.ledger.begin() as db:
        return office.claims.claim(db, "main", states, 3, office.clock.now())


# ---------------------------------------------------------------- correcting


def sent_as_practice_assessment(office: Office, pars: SimulatedPars, *people: Physician) -> None:
    """A course was reported as the wrong type of credit, and then the table was mended."""
    registered(pars)
    tables(office, credit_types=PA, max_points="2.0")
    office.hear(*map(moodle, people))
    office.drive_to(*["submitted"] * len(people))
    tables(office, credit_types=MK, max_points="2.0")


def test_the_wrong_type_of_credit_is_withdrawn_before_the_right_one_is_sent(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA, OTIS)
    (found, _) = correct(reporting, activity="HF-UPDATE", credit_type=PA)
    assert found.says == "withdraw Practice Assessment 2.0, report Medical Knowledge 2.0"
    assert sorted(reporting.states()) == ["ready", "ready", "withdrawing", "withdrawing"]
    shown = show_credit(reporting.ledger, f"c{reporting.completions[0].id}")
    assert str(shown["waits_for"]).startswith("PARS to let go")
    # Whoever was to withdraw them dies: until somebody else does, nothing new is sent.
    claimed(reporting, State.WITHDRAWING)
    reporting.hear(moodle(LENA))
    reporting.pass_time(200)
    assert pars.totals["stored"] == 3
    reporting.drive_to("withdrawn", "withdrawn", "accepted", "accepted", "accepted")
    assert credited(pars) == [("000963", MK, "2"), ("041327", MK, "2"), ("052441", MK, "2")]
    assert most_at_once(pars) == 1
    assert reporting.open_letters() == []


def test_a_preview_counts_by_change_and_changes_nothing(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA, OTIS)
    before = (reporting.credits, reporting.queued)
    found = preview(reporting, activity="HF-UPDATE")
    assert [(one.outcome, one.credits) for one in found] == [(Outcome.CORRECTED, 1)] * 2
    assert {one.says for one in found} == {
        "withdraw Practice Assessment 2.0, report Medical Knowledge 2.0"
    }
    assert (reporting.credits, reporting.queued) == before
    assert reporting.rows(audit) == []


def test_twice_does_nothing_the_second_time(reporting: Office, pars: SimulatedPars) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    correct(reporting, activity="HF-UPDATE")
    before = reporting.credits
    assert {one.outcome for one in correct(reporting, activity="HF-UPDATE")} == {Outcome.UNCHANGED}
    assert reporting.credits == before
    reporting.drive_to("withdrawn", "accepted")
    assert {one.outcome for one in correct(reporting, activity="HF-UPDATE")} == {Outcome.UNCHANGED}
    assert len(reporting.rows(audit)) == 1


def test_wrong_points_are_deleted_and_added_under_the_next_revision(
    reporting: Office, pars: SimulatedPars
) -> None:
    registered(pars)
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, max_points="1.25")
    (found,) = correct(reporting, reporting.credit.credit_id)
    assert found.says == "withdraw Medical Knowledge 1.5, report Medical Knowledge 1.25"
    reporting.drive_to("accepted")
    old, new = pars.records
    assert (old["points"], old["history"], new["points"]) == ("1.5", ["add", "delete"], "1.25")
    assert old["credit_id"].removesuffix("1") == new["credit_id"].removesuffix("2")
    assert most_at_once(pars) == 1


@pytest.mark.parametrize(
    ("learner", "activity", "told"),
    [
        ({"given_name": "Prya"}, {}, "given name"),
        ({}, {"zone": "Asia/Tokyo"}, "completed 1 day(s) earlier"),
        ({}, {"pars_activity_id": "202600003"}, "PARS activity 202600003 to 202600001"),
    ],
)
def test_what_was_wrong_is_named_without_a_person_in_it(
    reporting: Office,
    pars: SimulatedPars,
    learner: dict[str, str],
    activity: dict[str, str],
    told: str,
) -> None:
    tables(reporting, PRIYA.row(**learner), **activity)
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, PRIYA.row())
    (found,) = correct(reporting, activity="HF-UPDATE")
    label = "Medical Knowledge 1.5"
    assert found.says == f"withdraw {label}, report {label} (corrected: {told})"
    reporting.drive_to("accepted")
    assert [r["history"] for r in pars.records] == [["add", "delete"], ["add"]]
    assert most_at_once(pars) == 1
    assert (pars.live[0]["completed_on"], pars.live[0]["activity"]) == ("2026-11-20", "202600001")


def test_a_wrong_board_id_moves_the_credit_to_the_right_learner(
    reporting: Office, pars: SimulatedPars
) -> None:
    # Otis's number stood in Priya's row, and by a rare chance PARS's board took it.
    pars.put_roster(PRIYA.diplomate(), PRIYA.diplomate(board_id=OTIS.board_id))
    tables(reporting, PRIYA.row(board_id=OTIS.board_id))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, PRIYA.row())
    (found,) = correct(reporting, activity="HF-UPDATE")
    assert found.says.endswith("(corrected: board ID)")
    reporting.drive_to("withdrawn", "accepted")
    assert credited(pars) == [(PRIYA.board_id, MK, "1.5")]


def test_what_the_tables_word_otherwise_is_no_correction(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, PRIYA.row(npi="1234567893"), title="Heart Failure: an Update")
    (found,) = correct(reporting, activity="HF-UPDATE")
    assert (found.outcome, reporting.states()) == (Outcome.UNCHANGED, ["submitted"])
    assert pars.totals["posts"] == 1


def test_what_the_board_accepted_is_left_alone_unless_a_person_says_so(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    reporting.drive_to("accepted")
    (found,) = correct(reporting, activity="HF-UPDATE")
    assert (found.outcome, reporting.states()) == (Outcome.ACCEPTED, ["accepted"])
    (found,) = correct(reporting, activity="HF-UPDATE", accepted_too=True)
    assert found.outcome is Outcome.CORRECTED
    reporting.drive_to("withdrawn", "accepted")
    assert (credited(pars), most_at_once(pars)) == ([("041327", MK, "2")], 1)


def test_accepted_before_the_withdrawal_reached_pars_it_waits_for_a_person(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    reporting.clock.advance(3 * 3600)  # the board decides, and nobody has asked yet
    correct(reporting, activity="HF-UPDATE")
    reporting.pass_time(3 * 86_400)
    assert reporting.states() == ["accepted", "ready"]
    assert reporting.letter["reason"] == "accepted_meanwhile"
    assert (credited(pars), most_at_once(pars)) == ([("041327", PA, "2")], 1)


def test_accepted_meanwhile_is_no_question_once_the_table_says_the_same(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    reporting.clock.advance(3 * 3600)
    correct(reporting, activity="HF-UPDATE")
    reporting.drive(lambda: bool(reporting.open_letters()))
    tables(reporting, credit_types=PA, max_points="2")
    correct(reporting, activity="HF-UPDATE")
    correct(reporting, activity="HF-UPDATE")
    reporting.pass_time(2 * 86_400)
    assert reporting.open_letters() == []
    assert credited(pars) == [("041327", PA, "2")]


@pytest.mark.parametrize("answer", ["agree", "decline", "correct"])
def test_accepted_before_the_withdrawal_a_person_agrees_or_declines(
    reporting: Office, pars: SimulatedPars, answer: str
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    reporting.clock.advance(3 * 3600)
    correct(reporting, activity="HF-UPDATE")
    reporting.drive(lambda: bool(reporting.open_letters()))
    if answer == "correct":
        correct(reporting, activity="HF-UPDATE", accepted_too=True)
    else:
        getattr(answering(reporting), answer)(str(reporting.letter["letter_id"]))
    reporting.pass_time(2 * 86_400)
    right = PA if answer == "decline" else MK
    assert (credited(pars), most_at_once(pars)) == ([("041327", right, "2")], 1)
    assert reporting.open_letters() == []
    assert sorted(reporting.states()) == ["accepted", "withdrawn"]


@pytest.mark.parametrize("agreed", [True, False], ids=["agree", "decline"])
def test_points_accepted_before_their_correction_a_person_agrees_or_declines(
    reporting: Office, pars: SimulatedPars, agreed: bool
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    reporting.clock.advance(3 * 3600)
    tables(reporting, max_points="1.25")
    correct(reporting, activity="HF-UPDATE")
    reporting.drive(lambda: bool(reporting.open_letters()))
    assert reporting.states() == ["accepted"]
    answers, letter = answering(reporting), str(reporting.letter["letter_id"])
    (answers.agree if agreed else answers.decline)(letter)
    reporting.pass_time(2 * 86_400)
    assert reporting.states() == ["accepted"]
    points = "1.25" if agreed else "1.5"
    assert (credited(pars), most_at_once(pars)) == ([("041327", MK, points)], 1)
    assert (reporting.credit.points, reporting.open_letters()) == (points, [])


def test_agreed_to_what_the_lms_changed_after_sending_pars_is_corrected(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(moodle(PRIYA, at=NOON - 2 * DAY))
    answering(reporting).agree(str(reporting.letter["letter_id"]))
    assert reporting.open_letters() == []
    reporting.drive_to("accepted")
    assert [(r["completed_on"], r["state"]) for r in pars.records] == [
        ("2026-11-20", "deleted"),
        ("2026-11-18", "accepted"),
    ]


def test_what_was_not_sent_yet_is_just_written_anew(reporting: Office, pars: SimulatedPars) -> None:
    registered(pars)
    tables(reporting, credit_types=PA)
    reporting.hear(moodle(PRIYA))
    reporting.put_activities(*course_101(credit_types=MK))
    reporting.start()  # the service's own look at the table comes later
    correct(reporting, activity="HF-UPDATE")
    assert reporting.states() == ["withdrawn", "ready"]
    reporting.drive_to("withdrawn", "accepted")
    assert [r["credit_type"] for r in pars.records] == [MK]


def test_what_pars_refused_goes_again_under_the_same_id(
    reporting: Office, pars: SimulatedPars
) -> None:
    tables(reporting, PRIYA.row(birth_date="1950-01-01"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    first = reporting.credit.credit_id
    tables(reporting, PRIYA.row())
    correct(reporting, activity="HF-UPDATE")
    assert reporting.open_letters() == []
    reporting.drive_to("accepted")
    assert [(r["credit_id"], r["history"]) for r in pars.records] == [(first, ["add"])]
    assert [row.status for row in reporting.letters] == ["resolved"]


def test_two_lmss_behind_one_credit_are_corrected_as_one(
    reporting: Office, pars: SimulatedPars
) -> None:
    registered(pars)
    tables(reporting, credit_types=PA)
    reporting.hear(moodle(PRIYA), canvas(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, credit_types=MK)
    (found,) = correct(reporting, activity="HF-UPDATE")
    assert found.credits == 1
    reporting.drive_to("withdrawn", "accepted")
    assert (credited(pars), most_at_once(pars)) == ([("041327", MK, "1.5")], 1)


def test_what_waits_for_a_table_today_is_not_withdrawn_but_said(
    reporting: Office,
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, PRIYA.row(consent=""), max_points="1.25")
    (found,) = correct(reporting, activity="HF-UPDATE")
    assert (found.outcome, reporting.states()) == (Outcome.IMPOSSIBLE, ["submitted"])
    assert "no consent to share with the board is on file" in found.says


def test_taken_back_and_not_yet_answered_it_is_not_corrected(
    reporting: Office,
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("submitted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    (found,) = correct(reporting, activity="RENAL")
    assert (found.outcome, reporting.states()) == (Outcome.IMPOSSIBLE, ["submitted"])


def test_mended_and_unmended_again_pars_ends_with_what_the_table_says(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    correct(reporting, activity="HF-UPDATE")
    tables(reporting, credit_types=PA, max_points="2.0")
    correct(reporting, activity="HF-UPDATE")
    reporting.drive_to("accepted", "withdrawn")
    assert (credited(pars), most_at_once(pars)) == ([("041327", PA, "2")], 1)
    tables(reporting, credit_types=MK, max_points="2.0")
    correct(reporting, activity="HF-UPDATE", accepted_too=True)
    reporting.drive_to("withdrawn", "accepted")
    assert (credited(pars), most_at_once(pars)) == ([("041327", MK, "2")], 1)


def test_who_corrected_what_is_remembered_and_why_is_sealed(
    reporting: Office, pars: SimulatedPars
) -> None:
    sent_as_practice_assessment(reporting, pars, PRIYA)
    correct(reporting, activity="HF-UPDATE")
    (row,) = reporting.rows(audit)
    told = (row.who, row.what, row.subject)
    assert told == ("mora", "credit.corrected", reporting.credits[0].credit_id)
    assert reporting.ledger.seal.open_text(row.why) == b"wrong type"


@pytest.mark.parametrize("seed", range(2))
def test_whatever_breaks_on_the_way_nobody_is_credited_twice_at_any_moment(
    reporting: Office, pars: SimulatedPars, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  a story, not a secret
    people = [replace(OTIS, number=n, board_id=f"2{n:05d}") for n in range(700, 708)]
    pars.put_roster(*(one.diplomate() for one in people))
    reporting.put_learners(*(one.row() for one in people))
    registered(pars)
    tables(reporting, credit_types=PA)
    reporting.hear(*(dice.choice((moodle, canvas))(one) for one in people))
    for _ in range(10):
        pars.weather(*(dice.choice(FAULTS) for _ in range(4)))
        _crash(reporting, dice)
        tables(reporting, credit_types=dice.choice((MK, PA)), max_points=dice.choice(("1.5", "2")))
        correct(reporting, activity="HF-UPDATE", accepted_too=dice.random() < 0.5)
        reporting.pass_time(dice.choice((0, 60, 400, 4000, 30_000)))
    pars.weather()
    tables(reporting, credit_types=MK, max_points="2")
    for _ in range(3):
        correct(reporting, activity="HF-UPDATE", accepted_too=True)
        reporting.pass_time(2 * 86_400)
    for row in reporting.open_letters():
        reporting.replay(row["letter_id"])
    reporting.pass_time(2 * 86_400)
    assert credited(pars) == [(one.board_id, MK, "2") for one in people]
    assert (most_at_once(pars), pars.totals["doubled"]) == (1, 0)


FAULTS: Sequence[dict[str, Any]] = [
    {"kind": "status", "status": 503},
    {"kind": "cut_before"},
    {"kind": "cut_after_store"},
    {"kind": "garbage"},
]


def _crash(office: Office, dice: random.Random) -> None:
    """Some were claimed, some of these carried to PARS, and nothing of it was written down."""
    for claim in claimed(office, State.READY, State.SUBMITTING, State.WITHDRAWING):
        if dice.random() < 0.5:
            office.service.dispatcher_for()("main").carry(claim, None)
    office.start()


# ---------------------------------------------------------------- withdrawing


def taken_back(office: Office, *names: str) -> list[Any]:
    """A coordinator withdraws these."""
    return list(withdraw(office.ledger, names, "mora", "Dr Vantongeren asked", office.clock))


@pytest.mark.parametrize("state", ["submitted", "accepted"])
def test_a_person_withdraws_what_pars_has(
    reporting: Office, pars: SimulatedPars, state: str
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to(state)
    (plan,) = plan_withdrawals(reporting.ledger, [reporting.credit.credit_id])
    assert ("THE BOARD HAS ACCEPTED IT" in str(plan["what_happens"])) is (state == "accepted")
    (row,) = taken_back(reporting, reporting.credit.credit_id)
    assert row["standing"] == "Being withdrawn"
    reporting.drive_to("withdrawn")
    assert [r["history"] for r in pars.records] == [["add", "delete"]]


def test_accepted_between_plan_and_withdrawal_it_is_withdrawn_as_the_person_said(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    taken_back(reporting, reporting.credit.credit_id)
    reporting.clock.advance(3 * 3600)
    reporting.drive_to("withdrawn")
    assert pars.live == []


def test_what_was_not_sent_is_just_withdrawn_and_not_sent_when_heard_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    (row,) = taken_back(reporting, f"c{reporting.completions[0].id}")
    assert row["standing"] == "Withdrawn"
    reporting.hear(moodle(PRIYA, at=NOON))
    reporting.pass_time(86_400)
    assert (reporting.states(), pars.records) == (["withdrawn"], [])


def test_what_pars_refused_is_withdrawn_and_its_letter_is_off_the_list(
    reporting: Office, pars: SimulatedPars
) -> None:
    tables(reporting, PRIYA.row(birth_date="1950-01-01"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    taken_back(reporting, reporting.credit.credit_id)
    assert reporting.open_letters() == []
    reporting.drive_to("withdrawn")
    assert pars.records == []


def test_withdrawn_what_a_person_was_asked_about_is_no_question_any_more(
    reporting: Office,
) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(revoked(PRIYA, NOON + HOUR))
    taken_back(reporting, reporting.credit.credit_id)
    assert reporting.open_letters() == []


def test_already_withdrawn_is_told_and_changes_nothing(
    reporting: Office,
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    name = reporting.credit.credit_id
    taken_back(reporting, name, name)
    before = reporting.credits
    (row,) = taken_back(reporting, name)
    assert str(row["what_happens"]).startswith("nothing changes")
    assert reporting.credits == before
    assert [(r.who, r.what, r.subject) for r in reporting.rows(audit)] == [
        ("mora", "credit.withdrawn", name)
    ]


def test_a_correction_under_way_is_withdrawn_for_good(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    tables(reporting, max_points="1.25")
    correct(reporting, activity="HF-UPDATE")
    taken_back(reporting, reporting.credit.credit_id)
    reporting.drive_to("withdrawn")
    reporting.pass_time(86_400)
    assert (pars.live, reporting.states()) == ([], ["withdrawn"])


def test_withdrawn_while_its_post_is_under_way_it_is_gone_in_the_end(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    (claim,) = claimed(reporting, State.READY)
    taken_back(reporting, claim.credit_id)
    reporting.pass_time(200)  # nobody asks while the post may still be on its way
    assert (reporting.states(), reporting.rows(attempts)) == (["withdrawing"], [])
    reporting.service.parts.pars("main").save(claim.record, claim.credit_id, Action.ADD)
    reporting.drive_to("withdrawn")
    assert [r["history"] for r in pars.records] == [["add", "delete"]]


def test_a_name_that_nobody_knows_withdraws_nothing(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA))
    with pytest.raises(NoSuchCredit, match="ccid:nobody:x-r1"):
        taken_back(reporting, f"c{reporting.completions[0].id}", "ccid:nobody:x-r1")
    assert reporting.states() == ["ready"]
