"""What PARS is asked before a credit is sent, and what comes of every answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
import structlog

from consumer.credit import State
from consumer.desk.credits import CreditFilter, list_credits
from consumer.ledger.schema import attempts, inquiries
from consumer.pars.contract import Transport
from consumer.settings import SettingsProblems
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    LENA,
    OTIS,
    PRIYA,
    canvas,
    course,
    moodle,
    openedx,
)

OpenOffice = Callable[..., Office]
HOUR, DAY = 3600.0, 86_400.0
BOTH = pytest.mark.parametrize("transport", Transport)
HEART = {
    "activity_id": "202600001",
    "provider_id": "0009999",
    "title": "Heart Failure Update",
    "starts": "2025-01-01",
    "ends": "2026-12-31",
    "boards": {"ABIM": {"Medical Knowledge": "1.5"}},
}


@pytest.fixture
def told() -> Any:
    """What was logged."""
    with structlog.testing.capture_logs() as logs:
        yield logs


@pytest.fixture
def opened(open_office: OpenOffice, pars: SimulatedPars) -> Callable[..., Office]:
    """Opens an office that asks these questions over this transport."""

    def open_(transport: Transport = Transport.XML, **questions: Any) -> Office:
        match = {"paths": {"match": "learner-match"}} if transport is Transport.JSON else {}
        profile = {"transport": transport.value, **match, **questions}
        return open_office(url=pars.url, profile=profile)

    return open_


@pytest.fixture
def looking(opened: Callable[..., Office]) -> Callable[[Transport], Office]:
    return lambda transport: opened(transport, look_up_activities=True)


@pytest.fixture
def matching(opened: Callable[..., Office]) -> Callable[[Transport], Office]:
    return lambda transport: opened(transport, match_learners=True)


def why(office: Office) -> list[tuple[str, str]]:
    """Why the credits wait: codes and fields."""
    return [(r["code"], r["field"]) for row in office.credits for r in orjson.loads(row.reasons)]


def actions(office: Office) -> list[str]:
    return [row.action for row in office.rows(attempts)]


def untouched(office: Office, pars: SimulatedPars) -> None:
    """Nothing was sent, and nobody has to do anything about a credit."""
    assert set(office.states()) == {"ready"}
    assert (pars.totals["posts"], office.letters) == (0, [])


def sometime(office: Office, seconds: float = 0.0) -> None:
    """Let so much time pass, then send and follow for a quarter of a minute, and no longer."""
    office.clock.advance(seconds)
    for _ in range(30):
        for pump in office.sending:
            pump.turn(office.pool)
        office.clock.advance(0.5)
    for pump in office.sending:
        # What was claimed within that time is finished, however slow the machine is.
        while pump.turn(office.pool, claim=False):
            continue


# ------------------------------------------------------------------ off by default


def test_nothing_is_asked_unless_it_is_wanted(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    assert set(actions(reporting)) == {"add", "ask"}
    assert (pars.asked, reporting.rows(inquiries)) == (0, [])


# ------------------------------------------------------------------ the activity


@BOTH
def test_an_activity_that_pars_has_is_looked_up_once_for_all_its_credits(
    looking: Callable[[Transport], Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = looking(transport)
    office.hear(*(moodle(who) for who in (PRIYA, OTIS, LENA)))
    office.drive_to("accepted", "accepted", "accepted")
    assert pars.asked == 1
    assert actions(office).count("activity") == 1


def test_it_is_looked_up_again_when_the_answer_is_a_day_old(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    office = looking(Transport.XML)
    for who, times in ((PRIYA, 1), (OTIS, 1), (LENA, 2)):
        office.hear(moodle(who))
        office.drive(lambda: not {"ready", "submitting"} & {*office.states()})
        assert pars.asked == times
        office.clock.advance(0.6 * DAY)


@BOTH
@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"boards": {}}, "pars_board_missing", "board"),
        ({"boards": {"ABP": {"Medical Knowledge": "1.5"}}}, "pars_board_missing", "board"),
        ({"boards": {"ABIM": {"Patient Safety": "1.5"}}}, "pars_type_missing", "credit_types"),
        ({"boards": {"ABIM": {"Medical Knowledge": "1"}}}, "pars_points_exceeded", "max_points"),
        ({"provider_id": "0008888"}, "pars_activity_unknown", "pars_activity_id"),
    ],
)
def test_a_wrong_activity_holds_its_credits_until_pars_has_it(
    looking: Callable[[Transport], Office],
    pars: SimulatedPars,
    transport: Transport,
    changed: dict[str, Any],
    code: str,
    field: str,
    told: list[dict[str, Any]],
) -> None:
    pars.put_activities(HEART | changed)
    office = looking(transport)
    office.hear(*(moodle(who) for who in (PRIYA, OTIS, LENA)))
    sometime(office)
    untouched(office, pars)
    assert why(office) == [(code, field)] * 3
    assert pars.asked == 1
    sometime(office, 0.9 * HOUR)
    assert pars.asked == 1
    sometime(office, 0.2 * HOUR)
    assert pars.asked == 2
    untouched(office, pars)
    warned = [one for one in told if one["event"] == "activity.wrong"]
    assert [(one["reason"], one["activity"]) for one in warned] == [(code, "202600001")]
    pars.put_activities(HEART)
    sometime(office, 1.1 * HOUR)
    office.drive_to("accepted", "accepted", "accepted")
    assert (pars.totals["live"], pars.totals["doubled"], office.letters) == (3, 0, [])
    assert why(office) == []


def test_a_corrected_row_goes_at_once(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    office = looking(Transport.XML)
    office.put_activities(course("", "101", pars_activity_id="202699999"))
    office.look()
    office.hear(moodle(PRIYA))
    sometime(office)
    assert why(office) == [("pars_activity_unknown", "pars_activity_id")]
    office.put_activities(course("", "101"))
    office.look()
    sometime(office)
    assert office.states() == ["submitted"]
    assert pars.records[0]["activity"] == "202600001"


def test_what_it_waited_for_is_forgotten_once_it_is_answered(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    pars.put_activities(HEART | {"boards": {}})
    office = looking(Transport.XML)
    office.hear(moodle(PRIYA))
    sometime(office)
    assert why(office) != []
    pars.put_activities(HEART)
    pars.weather({"kind": "status", "status": 503})
    office.clock.advance(2 * HOUR)
    office.drive(lambda: "add" in actions(office))
    assert why(office) == []


def test_a_wrong_activity_holds_no_other(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    pars.put_activities(HEART | {"boards": {}})
    office = looking(Transport.XML)
    office.hear(moodle(PRIYA), openedx(PRIYA), canvas(OTIS))
    sometime(office)
    assert office.states() == ["ready", "submitted", "ready"]


def test_the_desk_says_that_it_waits_for_pars_and_what_to_do(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    pars.put_activities(HEART | {"boards": {}})
    office = looking(Transport.XML)
    office.hear(moodle(PRIYA))
    sometime(office)
    (row,) = list_credits(office.ledger, CreditFilter())
    assert row["standing"] == "Waiting for PARS"
    assert "register it for the board in PARS" in row["how"]


# ------------------------------------------------------------------ a question that fails


def failing(pars: SimulatedPars, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """So many look-ups, and matches, end as a 500; gives the ones that came."""
    came: list[int] = []
    for service, name in (
        (pars.simulator._service, "look_up"),
        (pars.simulator._operations, "match"),
    ):
        answer = getattr(service, name)

        def fail(*asked: Any, answer: Any = answer) -> Any:
            came.append(1)
            if len(came) <= times:
                raise RuntimeError("a fault of PARS")
            return answer(*asked)

        monkeypatch.setattr(service, name, fail)
    return came


QUESTIONS = pytest.mark.parametrize("question", ["look_up_activities", "match_learners"])


@BOTH
@QUESTIONS
def test_a_failed_question_is_asked_again_and_then_the_credit_goes(
    opened: Callable[..., Office],
    pars: SimulatedPars,
    monkeypatch: pytest.MonkeyPatch,
    transport: Transport,
    question: str,
) -> None:
    came = failing(pars, monkeypatch, 2)
    office = opened(transport, **{question: True})
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    assert (len(came), office.letters) == (3, [])


@QUESTIONS
def test_a_question_that_always_fails_holds_no_credit_longer_than_the_retry_rules(
    opened: Callable[..., Office],
    pars: SimulatedPars,
    monkeypatch: pytest.MonkeyPatch,
    question: str,
) -> None:
    came = failing(pars, monkeypatch, 1000)
    office = opened(**{question: True})
    office.hear(moodle(PRIYA))
    office.drive(lambda: bool(why(office)))
    assert why(office)[0][0] == "inquiry_unanswered"
    office.drive(lambda: office.states() == ["submitted"], days=0.1)
    assert len(came) == office.settings.sending.max_tries
    assert (pars.totals["live"], office.letters) == (1, [])


def test_an_activity_known_before_goes_on_while_the_look_up_fails(
    looking: Callable[[Transport], Office], pars: SimulatedPars, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = looking(Transport.XML)
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    office.clock.advance(2 * DAY)
    came = failing(pars, monkeypatch, 1000)
    office.hear(moodle(OTIS))
    sometime(office)
    assert (office.states(), len(came)) == (["accepted", "submitted"], 1)


@BOTH
@QUESTIONS
def test_a_question_that_pars_does_not_offer_holds_nothing_and_is_asked_once(
    opened: Callable[..., Office], transport: Transport, question: str
) -> None:
    paths = {"activity": "nothing-here", "match": "nor-here"}
    office = opened(transport, paths=paths, **{question: True})
    office.hear(moodle(PRIYA), openedx(PRIYA))
    sometime(office)
    assert office.states() == ["submitted", "submitted"]
    asked = actions(office).count("match") or actions(office).count("activity")
    assert asked == (1 if question == "match_learners" else 2)


def test_an_outage_holds_the_question_with_everything_else(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    office = looking(Transport.XML)
    pars.weather(down_seconds=5 * HOUR)
    office.hear(*(moodle(who) for who in (PRIYA, OTIS, LENA)))
    office.drive_to("accepted", "accepted", "accepted")
    assert (pars.totals["live"], pars.totals["doubled"], office.letters) == (3, 0, [])


def test_a_crash_while_asking_loses_and_doubles_nothing(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    office = looking(Transport.XML)
    office.hear(moodle(PRIYA))
    with office.ledger.begin() as db:
        office.claims.claim(db, "main", [State.READY], 1, office.clock.now())
    office.drive_to("accepted")
    assert (pars.totals["live"], pars.totals["doubled"]) == (1, 0)


# ------------------------------------------------------------------ the learner


@BOTH
def test_a_learner_is_asked_about_once_before_the_first_credit(
    matching: Callable[[Transport], Office], transport: Transport
) -> None:
    office = matching(transport)
    office.hear(moodle(PRIYA), openedx(PRIYA), moodle(PRIYA, "103"))
    office.drive(lambda: office.states() == ["accepted"] * 4)
    assert actions(office).count("match") == 1
    office.start()
    office.clock.advance(300 * DAY)
    office.put_learners(PRIYA.row(email="another@lakeside.example"))
    office.look()
    office.hear(moodle(PRIYA, "102"))
    office.drive(lambda: office.states() == ["accepted"] * 5)
    assert actions(office).count("match") == 1


@BOTH
@pytest.mark.parametrize("wrong", [{"birth_date": "1971-10-09"}, {"board_id": "041328"}])
def test_a_learner_the_board_does_not_know_waits_until_the_row_is_corrected(
    matching: Callable[[Transport], Office],
    pars: SimulatedPars,
    transport: Transport,
    wrong: dict[str, str],
) -> None:
    office = matching(transport)
    office.put_learners(PRIYA.row(**wrong), OTIS.row())
    office.look()
    office.hear(moodle(PRIYA), openedx(PRIYA), moodle(OTIS))
    sometime(office)
    sometime(office, DAY)
    assert office.states() == ["ready", "ready", "accepted"]
    assert (pars.totals["posts"], pars.totals["refused"], office.letters) == (1, 0, [])
    assert why(office)[:2] == [
        ("learner_unmatched", "board_id"),
        ("learner_unmatched", "birth_date"),
    ]
    assert actions(office).count("match") == 2
    waiting = list_credits(office.ledger, CreditFilter(state="ready"))
    assert {row["standing"] for row in waiting} == {"Waiting for learner"}
    office.put_learners(PRIYA.row(), OTIS.row())
    office.look()
    # Another board ID makes another credit: it waits until PARS is sure to have none of the first.
    office.drive(lambda: len(pars.live) == 3, days=1)
    assert [one["board_id"] for one in pars.live] == ["052441", "041327", "041327"]
    assert (pars.totals["doubled"], pars.totals["refused"], office.letters) == (0, 0, [])


def test_a_learner_the_board_came_to_know_goes_within_the_week(
    matching: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    pars.put_roster(replace(PRIYA.diplomate(), family_name="Vantongeren-Ito"))
    office = matching(Transport.XML)
    office.hear(moodle(PRIYA))
    sometime(office, 6 * DAY)
    assert actions(office).count("match") == 1
    pars.put_roster(PRIYA.diplomate())
    office.drive_to("accepted")
    assert actions(office).count("match") == 2


def test_nothing_of_a_learner_can_be_read_in_what_is_remembered(
    matching: Callable[[Transport], Office],
) -> None:
    office = matching(Transport.XML)
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    (row,) = office.rows(inquiries)
    said = repr(tuple(row))
    assert not any(word in said for word in ("Priya", "Vantongeren", "041327", "1971", "09-10"))
    assert re.fullmatch("[0-9a-f]{64}", row.subject)


def test_both_questions_are_asked_before_one_credit(
    opened: Callable[..., Office],
) -> None:
    office = opened(look_up_activities=True, match_learners=True)
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    assert actions(office)[:3] == ["activity", "match", "add"]


def test_what_another_hand_may_have_reported_is_asked_about_before_the_questions(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    pars.put_activities(HEART | {"boards": {}})
    office = open_office(url=pars.url, ask_first=True, profile={"look_up_activities": True})
    office.hear(moodle(PRIYA))
    office.drive(lambda: "activity" in actions(office))
    sometime(office, HOUR)
    untouched(office, pars)
    assert why(office) == [("pars_board_missing", "board")]
    pars.put_activities(HEART)
    office.drive_to("accepted")
    assert (pars.totals["live"], pars.totals["doubled"], office.letters) == (1, 0, [])
    assert actions(office)[0] == "ask"


def test_a_question_under_way_at_a_crash_is_asked_again(
    looking: Callable[[Transport], Office], pars: SimulatedPars
) -> None:
    pars.put_activities(HEART | {"boards": {}})
    office = looking(Transport.XML)
    office.hear(moodle(PRIYA))
    with office.ledger.begin() as db:
        office.claims.claim(db, "main", [State.READY], 1, office.clock.now())
    office.drive(lambda: "activity" in actions(office))
    sometime(office)
    untouched(office, pars)


def test_json_has_no_match_without_a_path(open_office: OpenOffice) -> None:
    with pytest.raises(SettingsProblems, match=r"paths\.match"):
        open_office(profile={"transport": "json", "match_learners": True})
