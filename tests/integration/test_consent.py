"""Consent taken back: what was not sent is not sent, and of what was a person decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from consumer.credit import State
from consumer.desk.answering import Answering, Undecidable
from consumer.desk.closing import Closing
from consumer.desk.looking import Desk
from consumer.desk.overview import overview
from consumer.desk.reporting import Reporting
from consumer.desk.reporting import Wanted as WantedReport
from consumer.desk.worklists import Wanted, WorkItem, groups, work_list
from consumer.ledger.claims import Settlement
from consumer.ledger.schema import audit
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, canvas, moodle
from tests.integration.test_shared_line import processes, turn_all

OpenOffice = Callable[..., Office]


def say(office: Office, consent: str = "no", **more: str) -> None:
    """Priya's row of the learners table says so from now on."""
    others = [one.row() for one in EVERYONE if one is not PRIYA]
    office.put_learners(PRIYA.row(consent=consent, **more), *others)


def listed(office: Office) -> list[WorkItem]:
    return [*work_list(_desk(office), Wanted("consent")).items]


def _desk(office: Office) -> Desk:
    return office.service.desk


def answering(office: Office, why: str = "she asked by phone") -> Answering:
    house = office.service.premises.house
    return Answering(office.ledger, house, office.clock, "mora", why)


def turn(office: Office) -> None:
    """The submit pump alone, until it has nothing to do."""
    submit, _ = office.sending
    while submit.turn(office.pool):
        pass


# ---------------------------------------------------------------- what was not sent


def test_what_is_ready_is_not_sent_from_the_change_on(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    say(reporting)
    turn(reporting)  # nobody has judged by the new table yet
    assert reporting.states() == ["ready", "submitted"]
    reporting.look()
    reporting.drive(lambda: "accepted" in reporting.states())
    assert reporting.board_ids("accepted") == [OTIS.board_id]
    assert len(pars.records) == 1
    assert listed(reporting) == []
    say(reporting, "yes")
    reporting.look()
    reporting.drive_to("accepted", "accepted")
    assert len(pars.records) == 2


@pytest.mark.parametrize("moment", [1, 2])
def test_the_table_changes_while_a_credit_is_about_to_be_claimed(
    reporting: Office, pars: SimulatedPars, moment: int
) -> None:
    """1: as the pump looks whether anything is due; 2: it has looked at the table, and claims."""
    reporting.hear(moodle(PRIYA))
    begun: list[object] = []

    def between(connection: object) -> None:
        begun.append(connection)
        if len(begun) == moment:
            say(reporting)

    event.listen(reporting.ledger.engine, "begin", between)
    try:
        turn(reporting)
    finally:
        event.remove(reporting.ledger.engine, "begin", between)
    assert len(begun) >= 2
    assert pars.records == []
    reporting.look()
    reporting.pass_time(3600)
    assert (reporting.states(), pars.records, pars.totals["posts"]) == (["withdrawn"], [], 0)


def test_no_process_sends_it(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA), canvas(PRIYA), moodle(OTIS))
    with processes(reporting) as pumps:
        say(reporting)
        for _ in range(5):
            turn_all(pumps)
            reporting.clock.advance(61)
    assert reporting.board_ids("submitted") == [OTIS.board_id]
    assert len(pars.records) == 1


def test_a_board_that_consent_covers_no_more_counts_like_none(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    say(reporting, "yes", consent_boards="ABP")
    turn(reporting)
    assert pars.records == []
    say(reporting, "yes", consent_boards="ABP ABIM")
    reporting.clock.advance(61)
    reporting.drive_to("accepted")


def test_what_may_have_arrived_is_asked_about_and_not_sent_again(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    office = open_office(url=pars.url)
    office.hear(moodle(PRIYA))
    pars.weather(*({"kind": "status", "status": 500, "times": 1, "on": "any"} for _ in range(2)))
    turn(office)
    assert office.states() == ["submitting"]
    say(office)
    office.look()
    pars.clear()
    office.drive_to("withdrawn")
    assert pars.totals["live"] == 0
    office.look()
    assert listed(office) == []


def test_a_broken_table_changes_nothing(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA))
    (reporting.tables / "learners.csv").write_text("learner,consent\n1\n")
    reporting.drive_to("accepted")


def test_no_file_for_pars_names_who_agrees_no_more(office: Office, tmp_path: Path) -> None:
    office.start(by_file=True)
    office.hear(moodle(PRIYA), moodle(OTIS))
    say(office)  # the service is stopped: nobody has judged by it
    desk = Reporting(office.ledger, office.settings, office.clock)
    desk.export(WantedReport(), tmp_path, "mora", lambda *_: None).__next__()
    assert office.board_ids("reported") == [OTIS.board_id]


# ---------------------------------------------------------------- what was sent


@pytest.mark.parametrize("state", [State.SUBMITTED, State.ACCEPTED, State.REPORTED])
def test_of_what_was_reported_a_person_is_asked(office: Office, state: State) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.take_for_sent(state)
    before = office.states()
    say(office)
    office.look()
    office.look()
    (item,) = listed(office)
    assert (item.reason, item.activity) == ("consent_withdrawn", "HF-UPDATE")
    assert "decline, with a reason" in item.next.what
    assert item.next.who == "coordinator"
    (group,) = groups(_desk(office), "consent")
    assert group.count == 1
    counts = overview(_desk(office)).lists
    assert (counts["consent"], counts["attention"]) == (1, 0)
    assert [*work_list(_desk(office), Wanted("attention")).items] == []
    # Nothing that PARS has goes by itself.
    assert office.states() == before


def test_agreed_it_is_withdrawn_at_pars(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    say(reporting)
    reporting.look()
    answering(reporting).agree(listed(reporting)[0].letter_id)
    assert listed(reporting) == []
    reporting.drive_to("withdrawn")
    assert pars.totals["live"] == 0
    reporting.look()
    assert (listed(reporting), reporting.open_letters()) == ([], [])


def test_what_stands_in_a_report_by_file_is_settled_there_first(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.REPORTED)
    say(office)
    office.look()
    with pytest.raises(Undecidable, match="undo the report"):
        answering(office).agree(listed(office)[0].letter_id)
    assert len(listed(office)) == 1


def test_kept_with_a_reason_it_is_asked_no_more_until_that_is_taken_back(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    say(office)
    office.look()
    letter = listed(office)[0].letter_id
    answering(office, "the board needs it").decline(letter)
    office.clock.advance(2 * 86_400)
    office.look()
    assert (listed(office), office.states()) == ([], ["accepted"])
    (row,) = office.letters
    assert (row.status, b"needs" in row.closing) == ("kept", False)
    Closing(office.ledger, office.clock, "mora", "a mistake").undo(letter)
    assert [item.letter_id for item in listed(office)] == [letter]
    assert [row.what for row in office.rows(audit)] == ["letter.declined", "letter.reopened"]


@pytest.mark.parametrize("kept", [True, False])
def test_with_consent_back_nobody_is_asked_and_without_it_again_anew(
    office: Office, kept: bool
) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    say(office)
    office.look()
    if kept:
        answering(office).decline(listed(office)[0].letter_id)
    say(office, "yes")
    office.look()
    assert (listed(office), office.open_letters()) == ([], [])
    say(office)
    office.look()
    assert len(listed(office)) == 1


def test_of_two_credits_the_sent_one_is_asked_about_and_the_other_stops(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA, "103"))
    with reporting.ledger.begin() as db:
        now = reporting.clock.now()
        (claim,) = reporting.claims.claim(db, "main", [State.READY], 1, now)
        due = {"submitted_at": now, "due_at": now}
        reporting.claims.settle(db, [Settlement(claim, State.ACCEPTED, due, posted=True)], now)
    say(reporting)
    reporting.look()
    assert sorted(reporting.states()) == ["accepted", "withdrawn"]
    # One question, whose answer keeps or withdraws it.
    assert [row["reason"] for row in reporting.open_letters()] == ["consent_withdrawn"]
    answering(reporting).decline(listed(reporting)[0].letter_id)
    reporting.clock.advance(2 * 86_400)
    reporting.look()
    assert (reporting.open_letters(), pars.totals["posts"]) == ([], 0)


def test_who_left_the_table_has_taken_nothing_back(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.put_learners(OTIS.row(consent="no"), LENA.row())
    office.look()
    assert listed(office) == []


def test_another_account_that_agrees_is_enough(office: Office) -> None:
    twin = replace(PRIYA, number=77)
    office.put_learners(PRIYA.row(), twin.row())
    office.look()
    office.hear(moodle(PRIYA), canvas(twin))
    office.take_for_sent(State.ACCEPTED)
    office.put_learners(PRIYA.row(consent="no"), twin.row())
    office.look()
    assert listed(office) == []
    office.put_learners(PRIYA.row(consent="no"), twin.row(consent="no"))
    office.look()
    assert len(listed(office)) == 1
