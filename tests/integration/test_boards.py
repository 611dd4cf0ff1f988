"""Several boards, sessions, claims and profiles in one office, by the books of PARS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.desk.credits import CreditFilter, list_credits, show_credit
from consumer.desk.deadlines import watch
from consumer.mapping.catalogue import Catalogue
from tests.fakes import FakeClock
from tests.integration.office import Office, SimulatedPars, simulated, staged
from tests.integration.people import (
    EVERYONE,
    LENA,
    MOODLE,
    OTIS,
    PRIYA,
    TOPIC,
    Physician,
    course,
    moodle,
    openedx,
    revoked,
)
from tests.unit.mapping.samples import mapping, written

ABP_TYPE = "Lifelong Learning and Self-Assessment"
ABIM_COURSE = course(MOODLE, "101", board="ABIM", activity="BOTH")
ABP_COURSE = course(MOODLE, "101", board="ABP", credit_types=ABP_TYPE, activity="BOTH")
AGREED = PRIYA.row(board="ABIM")
PEDIATRICIAN = PRIYA.row(board="ABP", board_id="P-77")

ROWS = {
    "occurrence": "{from: body.session, optional: true}",
    "points": "{from: body.points, number: true, optional: true}",
}
CLAIMS = Catalogue([mapping(written(**ROWS))])  # type: ignore[arg-type]


def attended(
    who: Physician, session: str, points: str = "", day: int = 18, **more: Any
) -> Outgoing:
    """A learner was at a session of a series, or claims a part of a course."""
    body = {"type": "done", "user": str(who.number), "course": "RSS", "session": session}
    body |= {"at": f"2026-11-{day}T18:00:00Z"} | ({"points": points} if points else {}) | more
    return Outgoing(TOPIC, None, orjson.dumps(body))


def registered(pars: SimulatedPars, row: dict[str, str], provider: str = "0009999") -> None:
    """Tell PARS of an activity as the office's table has it."""
    types = dict.fromkeys(row["credit_types"].split(";"), row["max_points"])
    entry = {
        "activity_id": row["pars_activity_id"],
        "provider_id": provider,
        "starts": "2025-01-01",
        "ends": "2026-12-31",
        "boards": {"ABIM": types, "ABP": {ABP_TYPE: row["max_points"]}},
    }
    httpx.put(f"{pars.url}/_activities", json=[entry], trust_env=False).raise_for_status()


@pytest.fixture
def both(reporting: Office, pars: SimulatedPars) -> Office:
    """An office with a course for two boards, which PARS and both boards know."""
    reporting.put_activities(ABIM_COURSE, ABP_COURSE)
    registered(pars, ABIM_COURSE)
    pars.put_roster(PRIYA.diplomate(board="ABP", board_id="P-77"))
    return reporting


def with_learners(office: Office, *rows: dict[str, str]) -> None:
    """The learners table from now on."""
    office.put_learners(*rows)
    office.look()


def given(pars: SimulatedPars) -> list[tuple[str, str]]:
    """Board and board ID of everything that a board has accepted."""
    return sorted((r["board"], r["board_id"]) for r in pars.records if r["state"] == "accepted")


# ---------------------------------------------------------------- two boards


def test_two_boards_and_consent_for_both_give_a_record_each(
    both: Office, pars: SimulatedPars
) -> None:
    with_learners(both, AGREED, PEDIATRICIAN)
    assert both.hear(moodle(PRIYA)) == {"ready": 1}
    both.drive_to("accepted", "accepted")
    assert given(pars) == [("ABIM", PRIYA.board_id), ("ABP", "P-77")]
    assert pars.totals["doubled"] == 0


@pytest.mark.parametrize("lacks", [{"consent": ""}, {"board_id": ""}, None])
@pytest.mark.parametrize("sent", [False, True])
def test_one_board_goes_at_once_and_the_other_when_it_may(
    both: Office, pars: SimulatedPars, lacks: dict[str, str] | None, sent: bool
) -> None:
    with_learners(both, AGREED, *([PEDIATRICIAN | lacks] if lacks else []))
    assert both.hear(moodle(PRIYA)) == {"ready": 1}
    if sent:
        both.drive_to("accepted")
    with_learners(both, AGREED, PEDIATRICIAN)
    both.drive_to("accepted", "accepted")
    assert given(pars) == [("ABIM", PRIYA.board_id), ("ABP", "P-77")]
    assert (pars.totals["posts"], both.open_letters()) == (2, [])
    # Nothing waits any more: it is not judged again.
    both.clock.advance(86_400)
    assert both.look() == {}


def test_what_waits_for_one_board_survives_a_restart_and_is_shown(both: Office) -> None:
    with_learners(both, AGREED, PEDIATRICIAN | {"consent": ""})
    both.hear(moodle(PRIYA))
    both.drive_to("accepted")
    both.start()
    assert both.look() == {"credited": 1}
    (row,) = list_credits(both.ledger, CreditFilter(state="held"))
    assert (row["standing"], row["board"]) == ("Accepted by the board", "ABIM")
    assert row["also_waits"] == "ABP: no consent to share with the board is on file"
    with_learners(both, AGREED, PEDIATRICIAN)
    assert list_credits(both.ledger, CreditFilter(state="held")) == []


def test_a_table_changes_nothing_that_was_sent_while_another_board_waits(both: Office) -> None:
    with_learners(both, AGREED, PEDIATRICIAN | {"consent": ""})
    both.hear(moodle(PRIYA))
    both.drive_to("accepted")
    both.put_activities(ABIM_COURSE | {"max_points": "2", "title": "New"}, ABP_COURSE)
    before = both.credits
    for _ in range(3):
        both.clock.advance(86_400)
        both.look()
    assert (both.credits, both.letters) == (before, [])


def test_what_the_lms_took_back_meanwhile_gets_no_second_boards_credit(both: Office) -> None:
    renal = openedx(PRIYA)
    both.put_activities(
        *(row | {"site": "", "course": "course-v1:HarborCME+RENAL201+2026T2"}
          for row in (ABIM_COURSE, ABP_COURSE))
    )  # fmt: skip
    with_learners(both, AGREED, PEDIATRICIAN | {"consent": ""})
    both.hear(renal)
    both.drive_to("accepted")
    both.hear(revoked(PRIYA, both.clock.now()))
    with_learners(both, AGREED, PEDIATRICIAN)
    assert both.states() == ["accepted"]
    assert both.letter["reason"] == "retracted_after_sending"


def test_two_lmss_reporting_for_two_boards_make_no_third_credit(
    both: Office, pars: SimulatedPars
) -> None:
    with_learners(both, AGREED, PEDIATRICIAN | {"consent": ""})
    both.hear(moodle(PRIYA), moodle(PRIYA, objectid=1))
    with_learners(both, AGREED, PEDIATRICIAN)
    both.hear(moodle(PRIYA, objectid=2))
    both.drive_to("accepted", "accepted")
    assert (pars.totals["posts"], pars.totals["doubled"]) == (2, 0)


def test_a_licence_reaches_pars_beside_the_board_id(both: Office, pars: SimulatedPars) -> None:
    with_learners(both, AGREED | {"licence_state": "Maine", "licence": "MD12345"})
    both.hear(moodle(PRIYA))
    both.drive_to("accepted")
    (report,) = [entry.report for entry in pars.simulator._operations._books]
    assert [asdict(one) for one in report.unique_ids] == [
        {"domain": "ABIM", "value": PRIYA.board_id},
        {"domain": "ME", "value": "MD12345"},
    ]


# ---------------------------------------------------------------- sessions and claims

SERIES = course("", "RSS", pars_activity_id="202600002", activity="GRAND-ROUNDS", max_points="10")


@pytest.fixture
def series(reporting: Office, pars: SimulatedPars) -> Iterator[Callable[..., Office]]:
    """Makes an office whose series, or claims, are counted in some way."""
    registered(pars, SERIES)
    reporting.events = CLAIMS

    def opened(**changed: str) -> Office:
        reporting.put_activities(SERIES | {"points_basis": "claimed"} | changed)
        reporting.start()
        return reporting

    return opened


def points(pars: SimulatedPars) -> list[str]:
    """The points of every live record."""
    return sorted(record["points"] for record in pars.live)


def test_every_session_of_a_series_is_a_credit_and_once_only(
    series: Callable[..., Office], pars: SimulatedPars
) -> None:
    office = series(repeats="session", max_points="1", points_basis="registered")
    sessions = [attended(PRIYA, f"s{n}", day=n) for n in (16, 17, 18)]
    assert office.hear(*sessions) == {"ready": 3}
    again = [attended(PRIYA, f"s{n}", day=20, note="emitted again") for n in (16, 17, 18)]
    assert office.hear(*again) == {"duplicate": 3}
    office.drive_to("accepted", "accepted", "accepted")
    assert (points(pars), pars.totals["doubled"]) == (["1", "1", "1"], 0)


def test_claims_add_up_to_the_activitys_maximum_and_no_further(
    series: Callable[..., Office], pars: SimulatedPars
) -> None:
    office = series(repeats="claim")
    claims = [("a", "4"), ("b", "4"), ("c", "2.25"), ("d", "2")]
    fates = office.hear(*(attended(PRIYA, c, p, 15 + n) for n, (c, p) in enumerate(claims)))
    assert fates == {"ready": 3, "refused": 1}
    assert office.letter["reason"] == "claims_above_maximum"
    office.drive_to("accepted", "accepted", "accepted")
    assert points(pars) == ["2", "4", "4"]
    # The one that was too much stays so, however often it is sent round.
    assert office.replay() == "refused"
    assert len(office.credits) == 3


def test_two_people_do_not_use_up_each_others_claims(series: Callable[..., Office]) -> None:
    office = series(repeats="claim")
    events = [attended(who, "a", "10") for who in (PRIYA, OTIS, LENA)]
    assert office.hear(*events) == {"ready": 3}


def test_a_claim_that_was_withdrawn_makes_room_for_another(series: Callable[..., Office]) -> None:
    office = series(repeats="claim")
    office.hear(attended(PRIYA, "a", "8"), attended(PRIYA, "b", "4"))
    assert office.states() == ["ready"]
    with office.ledger.begin() as db:
        db.execute(text("UPDATE credits SET state = 'withdrawn'"))
    assert office.replay() == "ready"
    assert office.states() == ["withdrawn", "ready"]


def test_a_series_may_be_bounded_over_all_its_sessions(series: Callable[..., Office]) -> None:
    office = series(repeats="session", max_points="4", total_points="5")
    fates = office.hear(*(attended(PRIYA, f"s{n}", "2", n) for n in (16, 17, 18)))
    assert fates == {"ready": 2, "refused": 1}


@pytest.mark.parametrize(("first", "then"), [("", "session"), ("session", "")])
@pytest.mark.parametrize("replayed", [False, True])
def test_a_change_of_counting_gives_nobody_a_second_credit(
    series: Callable[..., Office], first: str, then: str, replayed: bool
) -> None:
    office = series(repeats=first, max_points="2", points_basis="registered")
    office.hear(attended(PRIYA, "s1"))
    office.drive_to("accepted")
    office = series(repeats=then, max_points="2", points_basis="registered")
    office.look()
    assert office.hear(attended(PRIYA, "s1", note="emitted again")) == {"duplicate": 1}
    assert office.hear(attended(PRIYA, "s2", day=19)) == {"refused": 1}
    assert office.letter["reason"] == "occurrence_changed"
    if replayed:
        assert office.replay() == "refused"
    assert office.states() == ["accepted"]


def test_a_change_of_counting_before_anything_is_sent_is_followed(
    series: Callable[..., Office],
) -> None:
    office = series(max_points="2", points_basis="registered")
    office.hear(attended(PRIYA, "s1"), attended(PRIYA, "s2", day=19))
    assert office.states() == ["ready"]
    office = series(repeats="session", max_points="2", points_basis="registered")
    office.look()
    assert office.states() == ["withdrawn", "ready", "ready"]


# ---------------------------------------------------------------- two profiles


def test_each_activitys_credits_reach_the_pars_of_its_profile(
    clock: FakeClock, pars: SimulatedPars, tmp_path: Path
) -> None:
    with staged() as elsewhere:
        joint = simulated(clock, *elsewhere)
        office = Office(tmp_path, clock, pars.url, urls={"north": joint.url})
        with closing(office):
            office.hear(*(moodle(one, number) for one in EVERYONE for number in ("101", "104")))
            office.drive_to(*["accepted"] * 6)
        assert {(r["provider_id"], r["activity"]) for r in pars.records} == {
            ("0009999", "202600001")
        }
        assert {(r["provider_id"], r["activity"]) for r in joint.records} == {
            ("0008888", "202600101")
        }
        assert (len(pars.accepted), len(joint.accepted)) == (3, 3)


# ---------------------------------------------------------------- deadlines


def at_risk(office: Office, days: int = 7) -> dict[str, str]:
    """What is at risk, by LMS user ID of its learner, or course."""
    seen = watch(office.clock.now(), days)
    rows = list_credits(office.ledger, CreditFilter(at_risk=True), seen)
    return {str(row["activity"]): str(row["at_risk"]) for row in rows}


def test_what_is_near_its_deadline_is_listed_earliest_first_until_pars_has_it(
    reporting: Office,
) -> None:
    now = reporting.clock.now()  # 22 November
    for number, days in [("103", 35), ("101", 29), ("102", 10)]:
        reporting.hear(moodle(PRIYA, number, now - timedelta(days)))
    assert list(at_risk(reporting).items()) == [
        ("SAFETY", "overdue by 5 days"),
        ("HF-UPDATE", "1 day left"),
    ]
    assert "SEPSIS" in at_risk(reporting, days=40)
    reporting.drive_to(*["submitted"] * 4)
    assert at_risk(reporting, days=40) == {}


def test_a_completion_that_waits_is_at_risk_too(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id=""))
    office.look()
    office.hear(moodle(PRIYA, at=office.clock.now() - timedelta(30)))
    assert at_risk(office) == {"101": "due today"}


def test_a_board_that_still_waits_is_at_risk_though_the_other_has_it(both: Office) -> None:
    with_learners(both, AGREED, PEDIATRICIAN | {"consent": ""})
    both.hear(moodle(PRIYA, at=both.clock.now() - timedelta(28)))
    both.drive_to("submitted")
    assert at_risk(both) == {"BOTH": "2 days left"}
    with_learners(both, AGREED, PEDIATRICIAN)
    both.drive_to("accepted", "accepted")
    assert at_risk(both) == {}


def test_the_earliest_deadline_is_sent_first_whatever_came_first(both: Office) -> None:
    with_learners(both, AGREED, PEDIATRICIAN)
    both.hear(moodle(PRIYA))
    with both.ledger.begin() as db:
        (first,) = both.claims.claim(db, "main", [State.READY], 1, both.clock.now())
    assert first.record.board == "ABP"  # by 1 December, ABIM by the 20th


def test_an_offices_own_deadline_holds_for_what_is_not_sent(office: Office) -> None:
    office.hear(moodle(PRIYA))
    assert office.credit.report_by == date(2026, 12, 20)
    file = office.folder / "boards.toml"
    file.write_text('[ABIM.deadlines]\ndays = 10\ncloses = "02-28"\n')
    office.start(boards_file=file)
    office.look()
    assert office.credit.report_by == date(2026, 11, 30)
    # 28 February 2027 is a Sunday.
    shown = show_credit(office.ledger, f"c{office.completions[0].id}")
    assert (shown["report_by"], shown["closes_on"]) == ("2026-11-30", "2027-03-01")


# ---------------------------------------------------------------- ledgers from before


def test_a_ledger_from_before_counts_its_claims_and_knows_its_deadlines(
    series: Callable[..., Office],
) -> None:
    office = series(repeats="claim")
    office.hear(attended(PRIYA, "a", "8"))
    waiting = OTIS.row(board_id="")
    office.put_learners(PRIYA.row(), waiting)
    office.look()
    office.hear(attended(OTIS, "a", "1"))
    with office.ledger.begin() as db:
        db.execute(text("UPDATE credits SET series = NULL, closes_on = NULL"))
        db.execute(text("UPDATE completions SET report_by = NULL"))
        db.execute(text("DELETE FROM facts WHERE name = 'series_filled_in'"))
    office.open_ledger().close()
    assert office.hear(attended(PRIYA, "b", "4")) == {"refused": 1}
    assert [row.report_by for row in office.completions] == [date(2026, 12, 18)] * 3
    assert office.credit.closes_on == date(2027, 3, 31)
