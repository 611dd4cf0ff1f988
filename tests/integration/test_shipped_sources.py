"""What the shipped mappings make of an LMS's story: the examples beside them, heard one by one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.resources import shipped
from tests.integration.office import Office
from tests.integration.people import PRIYA, TOPIC, course


def example(mapping: str, name: str, **changed: Any) -> Outgoing:
    """The event of a shipped example; members of its body changed."""
    file = shipped("mappings") / f"{mapping}.tests" / f"{name}.event.json"
    event = orjson.loads(file.read_bytes())
    value = orjson.dumps(event["value"] | changed)
    headers = tuple((name, text.encode()) for name, text in event.get("headers", {}).items())
    return Outgoing(TOPIC, None, value, headers)


@pytest.fixture
def moodle_site(office: Office) -> Office:
    """Priya takes the Moodle course that the examples are about."""
    office.put_learners(PRIYA.row(learner="3307"))
    office.put_activities(course("", "84"))
    office.look()
    return office


def states(office: Office) -> list[str]:
    """Where the completions stand."""
    return [row.state for row in office.completions]


def test_by_webhook_and_from_the_database_it_is_one_credit(moodle_site: Office) -> None:
    by_webhook = example("moodle/course_completed", "ids_as_text")
    assert moodle_site.hear(by_webhook) == {"ready": 1}
    again = [
        example("moodle/course_completed", "emitted_again"),
        example("moodle/course_completed", "tool_trigger_sent_again"),
        example("moodle/row_completed", "read_at_the_first_look"),
    ]
    assert moodle_site.hear(*again) == {"duplicate": 3}
    assert moodle_site.states() == ["ready"]


@pytest.mark.parametrize(
    "taken_back",
    [("moodle/completion_reset", "reset"), ("moodle/row_cleared", "cleared"),
     ("moodle/row_deleted", "deleted")],
)  # fmt: skip
def test_what_moodle_clears_is_taken_back(moodle_site: Office, taken_back: tuple[str, str]) -> None:
    moodle_site.hear(example("moodle/row_completed", "completed"))
    assert moodle_site.hear(example(*taken_back)) == {"retracted": 1}
    assert (states(moodle_site), moodle_site.states()) == (["retracted"], ["withdrawn"])


@pytest.mark.parametrize("name", ["row_cleared", "row_deleted"])
def test_a_row_that_never_was_completed_leaves_no_trace_and_stops_nothing(
    moodle_site: Office, name: str
) -> None:
    row = "never_completed" if name == "row_cleared" else "deleted"
    assert moodle_site.hear(example(f"moodle/{name}", row)) == {"not_reportable": 1}
    assert states(moodle_site) == []
    assert moodle_site.hear(example("moodle/row_completed", "completed")) == {"ready": 1}


def test_what_moodle_clears_after_sending_is_for_a_person(moodle_site: Office) -> None:
    moodle_site.hear(example("moodle/row_completed", "completed"))
    moodle_site.take_for_sent(State.SUBMITTED)
    assert moodle_site.hear(example("moodle/row_cleared", "cleared")) == {"review": 1}
    assert moodle_site.letter["reason"] == "retracted_after_sending"
