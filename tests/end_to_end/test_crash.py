"""Killed at the worst moments, started again: PARS's books show every credit exactly once."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from consumer.bus.embedded import EmbeddedListener
from consumer.bus.port import BusUnavailable
from consumer.demo.scenario import Scenario
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.crashing import Moment
from tests.end_to_end.office import STOP_SECONDS, Office, merged
from tests.end_to_end.patience import until

PATIENCE_SECONDS = 45.0
KILLED = -signal.SIGKILL


@pytest.fixture
def office(open_office: OpenOffice, pars: Pars, story: Scenario, bus: dict[str, Any]) -> Office:
    """One worker: then one credit of those that were claimed was in its hand."""
    opened = open_office(pars.url, **bus, sending={"workers": 1})
    story.write_tables(opened.tables)
    return opened


def finish(office: Office, story: Scenario) -> None:
    """The ordinary command, until everything is at rest."""
    with office.service() as service:
        until(lambda: office.at_rest(len(story.events)) or service.ended, PATIENCE_SECONDS, "rest")
        service.stop()


def assert_exactly_once(office: Office, pars: Pars, story: Scenario) -> None:
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    # What may have arrived is asked about: nothing was even posted twice.
    assert [one["posts"] for one in pars.records] == [1] * len(story.credits)
    assert office.ledger("SELECT DISTINCT state FROM credits") == [("accepted",)]
    assert office.count("credits") == len(story.credits)
    assert office.count("events") == len(story.events)
    assert office.count("letters") == 0


def crash(office: Office, moment: Moment) -> None:
    with office.crashing(moment) as service:
        assert service.code(PATIENCE_SECONDS) == KILLED, service.said


def test_killed_between_ledger_and_commit(office: Office, pars: Pars, story: Scenario) -> None:
    office.publish(story.events)
    crash(office, Moment.BEFORE_COMMIT)
    assert office.count("events") > 0
    assert office.committed() == 0
    finish(office, story)
    assert_exactly_once(office, pars, story)


def test_killed_between_submitting_and_post(office: Office, pars: Pars, story: Scenario) -> None:
    office.publish(story.events)
    crash(office, Moment.BEFORE_POST)
    assert office.count("credits WHERE state = 'submitting'") >= 1
    assert pars.posts == 0
    finish(office, story)
    assert_exactly_once(office, pars, story)


def test_killed_between_post_and_answer(office: Office, pars: Pars, story: Scenario) -> None:
    office.publish(story.events)
    crash(office, Moment.AFTER_POST)
    (stored,) = [one["credit_id"] for one in pars.records]
    claimed = office.ledger("SELECT credit_id FROM credits WHERE state = 'submitting'")
    assert (stored,) in claimed
    finish(office, story)
    assert_exactly_once(office, pars, story)


def test_one_sigterm_finishes_what_is_in_hand(office: Office, pars: Pars, story: Scenario) -> None:
    office.publish(story.events)
    pars.weather({"kind": "hang", "seconds": 0.3, "times": 30})
    with office.service() as service:
        until(lambda: pars.posts >= 3, PATIENCE_SECONDS, "three posts")
        service.send(signal.SIGTERM)
        assert service.code(STOP_SECONDS) == 0, service.said
    assert pars.posts < len(story.credits)
    assert office.count("credits WHERE lease_until IS NOT NULL") == 0
    assert office.count("credits WHERE state = 'submitting'") == 0
    pars.weather()
    finish(office, story)
    assert_exactly_once(office, pars, story)


def left_the_bus(office: Office) -> bool:
    """Whether the service hears no more: the group is free for another listener."""
    intake = office.settings.intake
    with suppress(BusUnavailable):
        EmbeddedListener(office.settings.bus_path, intake.topics, intake.group).close()
        return True
    return False


@pytest.mark.parametrize("bus", ["embedded"], indirect=True)
def test_two_sigterms_leave_at_once(office: Office, pars: Pars, story: Scenario) -> None:
    slow = {"request_timeout_seconds": 1.75, "lease_seconds": 7}
    office.write_settings(merged(office.values, {"sending": slow}))
    office.publish(story.events)
    # The first signal alone would wait for an answer that takes so long.
    pars.weather({"kind": "hang", "seconds": 1.6, "times": 30})
    with office.service() as service:
        until(lambda: office.count("credits WHERE state = 'submitting'"), 15, "a post")
        service.send(signal.SIGTERM)
        until(lambda: left_the_bus(office), 1.2, "the first signal to be noticed")
        assert not service.ended
        service.send(signal.SIGTERM)
        assert service.code(0.8) == 128 + signal.SIGTERM, service.said
    pars.weather()
    finish(office, story)
    assert_exactly_once(office, pars, story)
