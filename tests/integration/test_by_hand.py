"""Done in PARS by hand: what a person says counts once PARS has said the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consumer.desk.done import ByHand
from consumer.ledger.schema import audit
from consumer.pars.port import Action
from consumer.parts import claims_of, policy_of
from consumer.verification import NotSo
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import MOODLE, PRIYA, course, moodle

THEIRS = "ccid:accme.example:entered-by-hand-17"


def by_hand(office: Office) -> ByHand:
    """A coordinator who has been in PARS's web pages."""
    service, settings = office.service, office.settings
    policy = policy_of(settings)
    claims = claims_of(settings, office.ledger)
    house = service.premises.house
    return ByHand(claims, house, service.parts.pars, policy, office.clock, "mora", "typed it in")


def web_pages(office: Office, action: Action, credit_id: str, **changed: Any) -> None:
    """What the coordinator does there."""
    sealed = office.credit.sent if action is Action.DELETE else office.credit.record
    record = replace(office.ledger.seal.open_record(sealed), **changed)
    office.service.parts.pars("main").save(record, credit_id, action)


def refused(office: Office, pars: SimulatedPars) -> str:
    """A credit that PARS refused; then some time passed."""
    pars.weather({"kind": "status", "status": 400})
    office.hear(moodle(PRIYA))
    office.drive_to("attention")
    office.clock.advance(3600)
    return str(office.credit.credit_id)


def test_entered_by_hand_it_is_followed_under_parss_own_id(
    reporting: Office, pars: SimulatedPars
) -> None:
    name = refused(reporting, pars)
    web_pages(reporting, Action.ADD, THEIRS)
    assert by_hand(reporting).added(name) == "Sent to PARS"
    assert (reporting.credit.credit_id, reporting.open_letters()) == (THEIRS, [])
    reporting.drive_to("accepted")
    assert (pars.totals["live"], pars.totals["doubled"]) == (1, 0)
    (row,) = reporting.rows(audit)
    assert (row.who, row.what, row.subject) == ("mora", "credit.entered_by_hand", THEIRS)


def test_entered_by_hand_and_decided_it_stands_as_the_board_said(
    reporting: Office, pars: SimulatedPars
) -> None:
    name = refused(reporting, pars)
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    web_pages(reporting, Action.ADD, THEIRS)
    reporting.clock.advance(3 * 3600)
    assert by_hand(reporting).added(name) == "Rejected by the board"
    assert reporting.letter["reason"] == "board_rejected"


def test_entered_by_hand_it_can_be_corrected_and_parss_own_id_is_deleted(
    reporting: Office, pars: SimulatedPars
) -> None:
    name = refused(reporting, pars)
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    web_pages(reporting, Action.ADD, THEIRS)
    reporting.clock.advance(3 * 3600)
    by_hand(reporting).added(name)
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    reporting.drive_to("accepted")
    assert [(r["credit_id"], r["history"]) for r in pars.records] == [
        (THEIRS, ["add", "delete"]),
        (name.replace("-r1", "-r2"), ["add"]),
    ]


def test_found_under_our_own_id_it_goes_on(reporting: Office, pars: SimulatedPars) -> None:
    name = refused(reporting, pars)
    web_pages(reporting, Action.ADD, name)
    assert by_hand(reporting).added(name) == "Sent to PARS"
    assert reporting.credit.credit_id == name


def test_not_in_pars_nothing_changes_and_it_can_still_be_sent(
    reporting: Office, pars: SimulatedPars
) -> None:
    name = refused(reporting, pars)
    with pytest.raises(NotSo, match="PARS does not have it"):
        by_hand(reporting).added(name)
    assert (reporting.states(), reporting.rows(audit)) == (["attention"], [])
    reporting.replay()
    reporting.drive_to("accepted")
    assert pars.totals["live"] == 1


def test_another_credit_of_the_same_learner_and_day_is_not_taken_for_it(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.weather({"kind": "status", "status": 400})
    reporting.hear(moodle(PRIYA, "103"))  # two types of credit; one is refused
    reporting.drive(lambda: sorted(reporting.states()) == ["accepted", "attention"])
    reporting.clock.advance(3600)
    (missing,) = [row.credit_id for row in reporting.credits if row.state == "attention"]
    with pytest.raises(NotSo, match="PARS does not have it"):
        by_hand(reporting).added(missing)
    assert sorted(reporting.states()) == ["accepted", "attention"]


def test_of_several_a_person_says_which(reporting: Office, pars: SimulatedPars) -> None:
    name = refused(reporting, pars)
    web_pages(reporting, Action.ADD, THEIRS)
    web_pages(reporting, Action.ADD, f"{THEIRS}-b")
    with pytest.raises(NotSo, match=f"{THEIRS}, {THEIRS}-b"):
        by_hand(reporting).added(name)
    by_hand(reporting).added(name, f"{THEIRS}-b")
    assert reporting.credit.credit_id == f"{THEIRS}-b"


def test_deleted_by_hand_and_confirmed_it_is_withdrawn(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    name = reporting.credit.credit_id
    web_pages(reporting, Action.DELETE, name)
    assert by_hand(reporting).deleted(name) == "Withdrawn"
    assert [(r.what, r.subject) for r in reporting.rows(audit)] == [
        ("credit.deleted_by_hand", name)
    ]


def test_not_deleted_nothing_changes_and_what_pars_has_is_said(
    reporting: Office,
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    reporting.clock.advance(3600)
    with pytest.raises(NotSo, match="PARS still has it: accepted"):
        by_hand(reporting).deleted(reporting.credit.credit_id)
    assert (reporting.states(), reporting.rows(audit)) == (["accepted"], [])


def test_deleted_by_hand_a_correction_goes_on_with_the_next_revision(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    pars.put_roster(PRIYA.diplomate())
    name = reporting.credit.credit_id
    pars.weather({"kind": "status", "status": 400})
    reporting.replay()
    reporting.drive(lambda: bool(reporting.open_letters()))  # PARS will not delete it
    web_pages(reporting, Action.DELETE, name)
    reporting.clock.advance(3600)
    assert by_hand(reporting).deleted(name) == "Ready"
    reporting.drive_to("accepted")
    assert [r["history"] for r in pars.records] == [["add", "delete"], ["add"]]


def test_corrected_by_hand_what_was_to_be_sent_is_not_sent_as_well(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    pars.put_roster(PRIYA.diplomate())
    name = reporting.credit.credit_id
    pars.weather({"kind": "status", "status": 400})
    reporting.replay()
    reporting.drive(lambda: bool(reporting.open_letters()))  # PARS will not delete it
    web_pages(reporting, Action.ADD, THEIRS)
    with pytest.raises(NotSo, match="delete that first"):
        by_hand(reporting).added(name)
    web_pages(reporting, Action.DELETE, name)
    assert by_hand(reporting).added(name) == "Sent to PARS"
    assert not reporting.credit.resend
    reporting.pass_time(3 * 86_400)
    assert (reporting.states(), pars.totals["live"]) == (["accepted"], 1)


def test_just_sent_an_absence_proves_nothing(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    while reporting.states() != ["submitted"]:
        reporting.sending[0].turn(reporting.pool)
    with pytest.raises(NotSo, match="try again in 300 seconds"):
        by_hand(reporting).deleted(reporting.credit.credit_id)
    assert (reporting.states(), pars.totals["live"]) == (["submitted"], 1)


@pytest.mark.parametrize("deleted", [True, False])
def test_pars_away_is_said_and_nothing_changes(
    reporting: Office, pars: SimulatedPars, *, deleted: bool
) -> None:
    name = refused(reporting, pars)
    pars.weather(down_seconds=600)
    desk = by_hand(reporting)
    with pytest.raises(NotSo, match="PARS cannot be asked now"):
        (desk.deleted if deleted else desk.added)(name)
    assert (reporting.states(), reporting.credit.lease_until) == (["attention"], None)


def test_what_a_sender_holds_this_moment_is_left_alone(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA))
    with reporting.ledger.begin() as db:
        now = reporting.clock.now()
        reporting.claims.claim(db, "main", ["ready"], 1, now)  # type: ignore[list-item]
    with pytest.raises(NotSo, match="being sent this moment"):
        by_hand(reporting).added(reporting.credit.credit_id)


def test_entered_with_the_right_day_it_is_found_by_the_table_as_it_is_now(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.put_activities(course(MOODLE, "101", zone="Asia/Tokyo"))
    reporting.look()
    name = refused(reporting, pars)
    day = reporting.credit.completed_on - timedelta(days=1)
    web_pages(reporting, Action.ADD, THEIRS, completed_on=day)
    with pytest.raises(NotSo, match="PARS does not have it"):
        by_hand(reporting).added(name)
    reporting.put_activities(course(MOODLE, "101"))
    reporting.look()
    by_hand(reporting).added(name)
    assert (reporting.credit.credit_id, reporting.credit.completed_on) == (THEIRS, day)
    reporting.drive_to("accepted")
    assert pars.totals["live"] == 1
