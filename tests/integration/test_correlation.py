"""One record is followed through the log by its keys alone: from event to the board's verdict."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from consumer.telemetry.logevents import TABLE
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, canvas, moodle
from tests.unit.test_log import logging_to

Line = dict[str, Any]
PLACE = ("topic", "partition", "offset")


def lines(out: io.StringIO) -> list[Line]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def grep(said: list[Line], word: str) -> list[Line]:
    """As `grep CREDIT_ID` shows it."""
    return [line for line in said if word in orjson.dumps(line).decode()]


def place_of(line: Line) -> tuple[Any, ...]:
    return tuple(line[name] for name in PLACE)


def test_one_credit_id_shows_the_way_from_the_event_to_the_verdict(
    open_office: Callable[..., Office], pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(), OTIS.diplomate(board_rejects="identity"),
                    LENA.diplomate(month=1))  # fmt: skip
    with logging_to("debug", as_json=True) as out:
        office = open_office(url=pars.url)
        office.hear(moodle(LENA), moodle(PRIYA), canvas(PRIYA), moodle(OTIS))
        office.drive(lambda: {*office.states()} <= {"accepted", "rejected", "attention"})
    said = lines(out)
    ends = {row.credit_id: row.state for row in office.credits}
    assert sorted(ends.values()) == ["accepted", "attention", "rejected"]
    for credit_id, state in ends.items():
        way = grep(said, credit_id)
        heard = [line for line in way if line["event"] == "event.heard"]
        assert way[: len(heard)] == heard, "its events come first"
        assert way[-1]["event"] == f"credit.{state}"
        # And by the place of the event alone, which a coordinator's `credit show` names too.
        assert {place_of(line) for line in way[len(heard) :]} == {place_of(heard[0])}
        by_place = [line for line in said if line.get("offset") == heard[0]["offset"]]
        assert by_place == [line for line in way if line not in heard[1:]]
    twice = next(c for c, state in ends.items() if state == "accepted")
    events = [one for one in grep(said, twice) if one["event"] == "event.heard"]
    assert [one["state"] for one in events] == ["ready", "duplicate"]
    assert [one["mapping"] for one in events] == ["moodle/course_completed",
                                                  "canvas/course_completed"]  # fmt: skip


def test_the_credit_of_what_waited_names_its_event_when_it_goes(
    open_office: Callable[..., Office], pars: SimulatedPars
) -> None:
    """At the level that runs as a rule: nothing told of it when it was heard."""
    with logging_to("info", as_json=True) as out:
        office = open_office(url=pars.url)
        office.put_learners(OTIS.row())
        office.look()
        assert office.hear(moodle(OTIS), moodle(PRIYA)) == {"ready": 1, "held": 1}
        office.put_learners(*(one.row() for one in EVERYONE))
        office.look()
        office.drive_to("accepted", "accepted")
    waited = office.credits[1].credit_id
    way = grep(lines(out), waited)
    assert [line["event"] for line in way] == ["credit.submitted", "credit.accepted"]
    assert {place_of(line) for line in way} == {("lms.events", 0, 1)}


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_a_line_about_one_record_says_which(one: Any) -> None:
    keys = {*one.keys}
    if one.name.startswith("credit."):
        assert keys >= {"credit_id", *PLACE}
    if one.name in {"event.heard", "letter.written", "bus.events_gone"}:
        assert keys >= {*PLACE}
    if keys & {"offset", "partition"}:
        assert "topic" in keys
