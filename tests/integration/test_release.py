"""What is held goes when a coordinator releases it, and what is rehearsed never does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from consumer.credit import State
from consumer.desk import worklists
from consumer.desk.answering import Answering
from consumer.desk.correcting import Correcting, Wanted
from consumer.desk.creditfilter import CreditFilter
from consumer.desk.credits import list_credits, show_credit
from consumer.desk.deadlines import watch
from consumer.desk.looking import Desk
from consumer.desk.releasing import Candidate, Releases, rehearsal
from consumer.desk.reporting import Reporting
from consumer.desk.reporting import Wanted as WantedReport
from consumer.desk.switching import Switching, Turning, list_switches
from consumer.desk.withdrawing import withdraw
from consumer.desk.wouldbe import WouldBe
from consumer.ledger.schema import audit
from consumer.pars.xml import Documents
from consumer.release import Mode, Subject
from tests.integration.office import Office, SimulatedPars, documents
from tests.integration.people import COURSES, DAY, LENA, NOON, OTIS, PRIYA, canvas, moodle
from tests.integration.test_shared_line import processes, turn_all

HF, SEPSIS = "HF-UPDATE", "SEPSIS"
WAITING, REHEARSAL = "Waiting for release", "Rehearsal"


def turn(office: Office, mode: Mode, *names: str, kind: Subject = Subject.ACTIVITY) -> Turning:
    return Switching(office.ledger, office.clock, "mora", "a first look").turn(
        kind, names or (HF,), mode
    )


def releases(office: Office, schemas: Documents | None = None) -> Releases:
    would_be = WouldBe(
        office.settings.profiles,
        office.settings.schemas_dir,
        office.clock,
        schemas or documents(),
    )
    return Releases(
        office.ledger, would_be, office.clock, watch(office.clock.now(), 14), "mora", "looked at"
    )


def release(office: Office, **wanted: Any) -> int:
    desk = releases(office)
    return sum(desk.release(desk.select(CreditFilter(**wanted))))


def preview(
    office: Office, mode: Mode = Mode.HOLD, schemas: Documents | None = None
) -> list[Candidate]:
    desk = releases(office, schemas)
    return [*desk.preview(desk.select(CreditFilter(), mode))]


def standings(office: Office) -> list[str]:
    return sorted(str(row["standing"]) for row in list_credits(office.ledger, CreditFilter()))


def posted(pars: SimulatedPars) -> list[str]:
    return sorted(one["board_id"] for one in pars.live)


# ---------------------------------------------------------------- nothing leaves


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.SHADOW])
@pytest.mark.parametrize(
    ("kind", "name"), [(Subject.ACTIVITY, HF), (Subject.SOURCE, "moodle")], ids=str
)
def test_what_is_withheld_is_not_sent_and_everything_else_is(
    reporting: Office, pars: SimulatedPars, mode: Mode, kind: Subject, name: str
) -> None:
    turn(reporting, mode, name, kind=kind)
    other = moodle(OTIS, "102") if kind is Subject.ACTIVITY else canvas(OTIS)
    reporting.hear(moodle(PRIYA), other)
    reporting.pass_time(86_400)
    assert posted(pars) == [OTIS.board_id]
    reporting.start()  # a new process knows too
    reporting.pass_time(86_400)
    assert posted(pars) == [OTIS.board_id]
    assert {WAITING if mode is Mode.HOLD else REHEARSAL} < set(standings(reporting))


def test_what_was_sent_before_is_followed_and_withdrawn_while_its_activity_is_held(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    reporting.drive_to("submitted", "submitted")
    turn(reporting, Mode.HOLD)
    reporting.drive_to("accepted", "accepted")
    name = next(str(row.credit_id) for row in reporting.credits)
    assert [*withdraw(reporting.ledger, [name], "mora", "asked for it", reporting.clock)]
    reporting.drive(lambda: "withdrawn" in reporting.states())
    assert posted(pars) == [OTIS.board_id]


def test_what_is_being_sent_is_finished(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    with reporting.ledger.begin() as db:  # a hand that never comes back
        reporting.claims.claim(db, "main", [State.READY], 1, reporting.clock.now())
    turned = turn(reporting, Mode.HOLD)
    assert (turned.under_way, turned.waiting, turned.ready) == (1, 1, 0)
    reporting.pass_time(86_400)
    assert len(posted(pars)) == 1
    assert pars.totals["doubled"] == 0


def test_no_process_sends_what_another_one_held(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(*(moodle(one) for one in (PRIYA, OTIS, LENA)))
    with processes(reporting) as pumps:
        turn(reporting, Mode.HOLD)
        turn_all(pumps)
        assert posted(pars) == []
        assert release(reporting) == 3
        turn_all(pumps)
    assert posted(pars) == sorted(one.board_id for one in (PRIYA, OTIS, LENA))
    assert (pars.totals["posts"], pars.totals["doubled"]) == (3, 0)


def test_a_replay_sends_nothing_that_is_held(reporting: Office, pars: SimulatedPars) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Name does not match roster"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    turn(reporting, Mode.HOLD)
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    reporting.drive(lambda: reporting.credit.revision == 2)
    reporting.pass_time(86_400)
    assert (posted(pars), standings(reporting)) == ([], [WAITING])
    release(reporting)
    reporting.drive_to("accepted")
    assert posted(pars) == [PRIYA.board_id]


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.SHADOW])
def test_a_correction_sends_nothing_that_is_withheld(
    reporting: Office, pars: SimulatedPars, mode: Mode
) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    reporting.drive_to("submitted", "submitted")
    turn(reporting, mode)
    reporting.hear(moodle(LENA))
    _halve_the_points(reporting)
    desk = Correcting(
        reporting.ledger, reporting.service.premises.house, reporting.clock, False, "mora", "half"
    )
    assert [one.credits for one in desk.correct(desk.select(Wanted(activity=HF)))] == [1, 1, 1]
    reporting.pass_time(86_400)
    assert posted(pars) == []
    assert reporting.states() == ["ready"] * 3
    turn(reporting, Mode.AUTOMATIC)
    reporting.drive_to("accepted", "accepted", "accepted")
    assert Counter(posted(pars)) == Counter(one.board_id for one in (PRIYA, OTIS, LENA))


def test_agreeing_sends_nothing_that_is_held(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("submitted")
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA, at=NOON - DAY))  # the LMS says another day
    house = reporting.service.premises.house
    desk = Answering(reporting.ledger, house, reporting.clock, "mora", "checked")
    desk.agree(str(reporting.letter["letter_id"]))
    reporting.pass_time(86_400)
    assert (posted(pars), standings(reporting)) == ([], [WAITING])
    release(reporting)
    reporting.drive_to("accepted")
    assert [one["completed_on"] for one in pars.live] == [str((NOON - DAY).date())]


def test_a_report_by_file_leaves_out_what_is_withheld(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS, "102"))
    turn(reporting, Mode.HOLD)
    desk = Reporting(reporting.ledger, reporting.settings, reporting.clock)
    assert [row["activity"] for row in desk.plan(WantedReport())] == [SEPSIS]


# ---------------------------------------------------------------- released


def test_one_is_released_and_sent_once_the_others_wait_on(
    reporting: Office, pars: SimulatedPars
) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(*(moodle(one) for one in (PRIYA, OTIS, LENA)))
    assert release(reporting, learner=OTIS.board_id) == 1
    reporting.pass_time(86_400)
    assert posted(pars) == [OTIS.board_id]
    assert standings(reporting) == ["Accepted by the board", WAITING, WAITING]
    assert (pars.totals["posts"], pars.totals["doubled"]) == (1, 0)


def test_many_are_released_some_at_a_time(reporting: Office, pars: SimulatedPars) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(*(moodle(one) for one in (PRIYA, OTIS, LENA)))
    assert [release(reporting, activity=HF, limit=2) for _ in range(3)] == [2, 1, 0]
    reporting.drive_to("accepted", "accepted", "accepted")
    assert len(posted(pars)) == 3


def test_the_whole_activity_goes_by_itself_again(reporting: Office, pars: SimulatedPars) -> None:
    turn(reporting, Mode.SHADOW)
    reporting.hear(moodle(PRIYA))
    reporting.pass_time(600)
    turn(reporting, Mode.AUTOMATIC)
    reporting.hear(moodle(OTIS))
    reporting.drive_to("accepted", "accepted")
    assert posted(pars) == sorted([PRIYA.board_id, OTIS.board_id])


def test_held_again_what_was_released_and_not_sent_waits_anew(
    reporting: Office, pars: SimulatedPars
) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA))
    release(reporting)
    turn(reporting, Mode.HOLD)
    reporting.pass_time(600)
    assert (posted(pars), standings(reporting)) == ([], [WAITING])


def test_what_changed_since_its_release_waits_anew(reporting: Office, pars: SimulatedPars) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    release(reporting)
    reporting.put_learners(PRIYA.row(given_name="Pria"), OTIS.row())
    reporting.look()
    reporting.pass_time(86_400)
    assert posted(pars) == [OTIS.board_id]


def test_a_rehearsal_cannot_be_released_credit_by_credit(
    reporting: Office, pars: SimulatedPars
) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA))
    desk = releases(reporting)
    chosen = desk.select(CreditFilter())
    turn(reporting, Mode.SHADOW, "moodle", kind=Subject.SOURCE)
    assert [*desk.release(chosen)] == [0]
    reporting.pass_time(600)
    assert (posted(pars), standings(reporting)) == ([], [REHEARSAL])


def test_a_held_source_is_let_go_and_its_activity_still_waits(
    reporting: Office, pars: SimulatedPars
) -> None:
    turn(reporting, Mode.HOLD)
    turn(reporting, Mode.HOLD, "moodle", kind=Subject.SOURCE)
    reporting.hear(moodle(PRIYA), moodle(OTIS, "102"))
    turn(reporting, Mode.AUTOMATIC, "moodle", kind=Subject.SOURCE)
    reporting.pass_time(600)
    assert posted(pars) == [OTIS.board_id]


# ---------------------------------------------------------------- what people see


def test_a_preview_shows_what_would_be_sent_and_what_would_stop(
    reporting: Office, tmp_path: Path
) -> None:
    """PARS's own schema may be narrower than the rules: then a document stops before it leaves."""
    turn(reporting, Mode.SHADOW)
    reporting.hear(moodle(PRIYA), canvas(OTIS))
    copytree(reporting.settings.schemas_dir, tmp_path / "narrow")
    schema = tmp_path / "narrow" / "pars" / "name.xsd"
    narrow = f'<xs:maxLength value="{len(OTIS.family_name) - 1}"/></xs:restriction>'
    schema.write_text(schema.read_text().replace("</xs:restriction>", narrow))
    found = preview(reporting, Mode.SHADOW, schemas=Documents(tmp_path / "narrow"))
    told = rehearsal(found)
    assert told.would_be_sent == {(HF, "202600001", "ABIM", "Medical Knowledge"): 1}
    assert told.would_stop.total() == 1
    (stops,) = {one.stops for one in found} - {""}
    assert "FamilyName" in stops
    assert not {OTIS.family_name, PRIYA.board_id} & {*repr(found).split()}


def test_a_held_credit_says_so_in_lists_and_by_itself(reporting: Office) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA), moodle(OTIS, "102"))
    rows = list_credits(reporting.ledger, CreditFilter(state="waiting_for_release"))
    assert [row["activity"] for row in rows] == [HF]
    shown = show_credit(reporting.ledger, str(rows[0]["id"]))
    assert (shown["standing"], shown["state"]) == (WAITING, "ready")
    assert "credit release" in str(shown["waits_for"])
    desk = Desk(reporting.ledger, reporting.service.premises.house.tables, reporting.clock)
    assert [
        one.activity for one in worklists.work_list(desk, worklists.Wanted("release")).items
    ] == [HF]


def test_deadlines_run_on(reporting: Office) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA))
    reporting.clock.advance(25 * 86_400)
    rows = list_credits(
        reporting.ledger, CreditFilter(at_risk=True), watch(reporting.clock.now(), 14)
    )
    assert [row["standing"] for row in rows] == [WAITING]
    assert [one.at_risk != "" for one in preview(reporting)] == [True]


def test_who_held_and_released_what_is_remembered_and_why_is_sealed(reporting: Office) -> None:
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(PRIYA))
    (switch,) = list_switches(reporting.ledger)
    assert (switch["name"], switch["by"], switch["why"]) == (HF, "mora", "a first look")
    release(reporting)
    turn(reporting, Mode.AUTOMATIC)
    rows = reporting.rows(audit)
    assert [(row.who, row.what) for row in rows] == [
        ("mora", "activity.held"),
        ("mora", "credit.released"),
        ("mora", "activity.released"),
    ]
    assert "looked at" not in repr(rows)
    assert list_switches(reporting.ledger) == []


def _halve_the_points(office: Office) -> None:
    half = {"max_points": "0.75"}
    office.put_activities(*(row | half for row in COURSES))
    office.look()
