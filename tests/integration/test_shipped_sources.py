"""What the shipped mappings make of an LMS's story: the examples beside them, heard one by one."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import orjson
import pytest

from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.mapping.mapping import Mapping
from consumer.mapping.said import Kind
from consumer.resources import shipped
from tests.integration.office import Office
from tests.integration.people import EVERYONE, LENA, PRIYA, RENAL, TOPIC, course


def example(mapping: str, name: str, where: str = "") -> Outgoing:
    """The event of a shipped example."""
    file = shipped("mappings") / where / f"{mapping}.tests" / f"{name}.event.json"
    event = orjson.loads(file.read_bytes())
    value = orjson.dumps(event["value"])
    headers = tuple((name, text.encode()) for name, text in event.get("headers", {}).items())
    return Outgoing(TOPIC, None, value, headers)


@pytest.fixture
def moodle_site(office: Office) -> Office:
    """Priya takes the Moodle course that the examples are about."""
    office.put_learners(PRIYA.row(learner="3307"))
    office.put_activities(course("", "84"))
    office.look()
    return office


@pytest.fixture
def lrs(office: Office) -> Office:
    """Four people, each known in another of xAPI's ways, take the course of its examples."""
    accounts = ["3307", "tabernathy@lakeside.example", "0123456789abcdef0123456789abcdef01234567"]
    people = (*EVERYONE, replace(LENA, board_id="000971"))
    accounts.append("https://openid.lakeside.example/lq")
    rows = [who.row(learner=account) for who, account in zip(people, accounts, strict=True)]
    office.put_learners(*rows)
    office.put_activities(course("", "https://cme.lakeside.example/course/84"))
    office.look()
    return office


@pytest.fixture
def passing(office: Office, tmp_path: Path) -> Office:
    """An office that reports by passing, and let the starting points take the others' place."""
    mappings = copytree(shipped("mappings"), tmp_path / "mappings")
    copytree(mappings / "starting-points" / "openedx", mappings / "openedx", dirs_exist_ok=True)
    office.events = load_catalogue(mappings, shipped("schemas"))
    office.put_learners(PRIYA.row(learner="6410"))
    office.put_activities(course("", RENAL))
    office.start()
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


def test_a_voided_statement_takes_its_completion_back(lrs: Office) -> None:
    assert lrs.hear(example("xapi/completed", "by_account")) == {"ready": 1}
    assert lrs.hear(example("xapi/voided", "names_the_statement_alone")) == {"retracted": 1}
    assert (states(lrs), lrs.states()) == (["retracted"], ["withdrawn"])


def test_a_voided_statement_of_a_group_takes_everybodys_back(lrs: Office) -> None:
    assert lrs.hear(example("xapi/group", "everybody_in_it")) == {"ready": 4}
    assert lrs.hear(example("xapi/voided", "names_the_statement_alone")) == {"retracted": 1}
    assert set(states(lrs)) == {"retracted"}


def test_a_statement_that_was_voided_before_it_came_is_not_credited(lrs: Office) -> None:
    void = example("xapi/voided", "names_the_statement_alone")
    assert lrs.hear(void) == {"not_reportable": 1}
    assert lrs.hear(example("xapi/group", "everybody_in_it")) == {"retracted": 4}
    assert lrs.credits == []
    again = example("xapi/completed", "sent_again_under_a_new_id")
    assert lrs.hear(again) == {"review": 1}


def test_uncompleted_takes_back_what_the_same_learner_completed(lrs: Office) -> None:
    lrs.hear(example("xapi/completed", "by_account"))
    assert lrs.hear(example("xapi/uncompleted", "not_completed_any_more")) == {"retracted": 1}


def test_of_a_group_one_without_an_id_does_not_keep_the_others_back(lrs: Office) -> None:
    fates = lrs.hear(example("xapi/group", "one_without_an_id"))
    assert fates == {"ready": 1, "refused": 1}


def test_not_passing_yet_is_noise_and_passing_counts_once(passing: Office) -> None:
    where = "starting-points"
    assert passing.hear(example("openedx/not_passing", "not_passing_yet", where)) == {
        "not_reportable": 1
    }
    assert states(passing) == []
    fates = passing.hear(
        example("openedx/passing_status", "passing", where),
        example("openedx/passing_status", "emitted_again", where),
        example("openedx/passing_status", "calculated_again_later", where),
    )
    assert (fates, passing.states()) == ({"ready": 1, "duplicate": 2}, ["ready"])


def test_a_pass_that_is_lost_again_is_taken_back(passing: Office) -> None:
    where = "starting-points"
    passing.hear(example("openedx/passing_status", "passing", where))
    lost = example("openedx/not_passing", "emitted_again", where)
    assert passing.hear(lost) == {"retracted": 1}
    assert passing.states() == ["withdrawn"]


# ---------------------------------------------------------------- all of them

FOLDERS = (shipped("mappings"), shipped("mappings") / "starting-points")
AGAIN = re.compile(r"emitted_again|sent_again")


@functools.cache
def shelf(folder: Path) -> Catalogue:
    """The mappings of a folder, loaded once."""
    return load_catalogue(folder, shipped("schemas"))


def said_by(folder: Path, mapping: Mapping) -> list[tuple[str, dict[str, str]]]:
    """The mapping's examples of one event that says something, and what."""
    tests = folder / f"{mapping.name}.tests"
    return [
        (file.name.removesuffix(".expect.json"), said)
        for file in sorted(tests.glob("*.expect.json"))
        if (said := orjson.loads(file.read_bytes()).get("said"))
    ]


def facts(said: dict[str, str]) -> dict[str, str]:
    """What is not for tracing alone."""
    return {name: value for name, value in said.items() if name not in ("event_id", "title")}


def ready_for(office: Office, folder: Path, said: dict[str, str]) -> None:
    """Priya is who the event is about, and its course is for credit."""
    office.put_learners(PRIYA.row(learner=said["learner"], site=said["site"]))
    office.put_activities(course(said["site"], said["course"]))
    office.events = shelf(folder)
    office.start()


def of_kind(kind: Kind) -> list[Any]:
    """Every mapping of a kind, with its folder."""
    return [
        pytest.param(folder, one, id=f"{folder.name}/{one.name}")
        for folder in FOLDERS
        for one in shelf(folder).mappings
        if one.kind is kind
    ]


@pytest.mark.parametrize(("folder", "mapping"), of_kind(Kind.COMPLETION))
def test_whatever_is_sent_again_is_credited_once(
    office: Office, folder: Path, mapping: Mapping
) -> None:
    shown = said_by(folder, mapping)
    again, repeated = next(one for one in shown if AGAIN.search(one[0]))
    first = next(name for name, said in shown if name != again and facts(said) == facts(repeated))
    ready_for(office, folder, repeated)
    where = "" if folder == FOLDERS[0] else folder.name
    sent = [example(mapping.name, name, where) for name in (first, again)]
    assert office.hear(*sent) == {"ready": 1, "duplicate": 1}
    assert office.states() == ["ready"]


@pytest.mark.parametrize(("folder", "mapping"), of_kind(Kind.RETRACTION))
def test_whatever_takes_a_completion_back_finds_it(
    office: Office, folder: Path, mapping: Mapping
) -> None:
    name, taken = said_by(folder, mapping)[0]
    where = "" if folder == FOLDERS[0] else folder.name
    completed, said = next(
        ((one.name, event), what)
        for one in shelf(folder).mappings
        if one.kind is Kind.COMPLETION and one.source == mapping.source
        for event, what in said_by(folder, one)
        if _same(taken, what)
    )
    ready_for(office, folder, said)
    assert office.hear(example(*completed, where)) == {"ready": 1}
    assert office.hear(example(mapping.name, name, where)) == {"retracted": 1}
    assert office.states() == ["withdrawn"]


def _same(taken: dict[str, str], said: dict[str, str]) -> bool:
    if "retracts" in taken:
        return taken["retracts"] == said.get("event_id")
    later = taken["completed"] >= said.get("occurred_at", said["completed"])
    return later and all(taken[one] == said[one] for one in ("site", "learner", "course"))
