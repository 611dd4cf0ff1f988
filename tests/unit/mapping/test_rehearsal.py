"""A rehearsal: how an example goes, with what differs from what is expected."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.mapping.example import Example
from consumer.mapping.mapping import Mapping
from consumer.mapping.rehearsal import Rehearsal, rehearse
from tests.unit.mapping.samples import BODY, mapping, written
from tests.unit.mapping.test_each import BROKEN, DONE, DONE_ONES, DONE_SAID, MISSING, data
from tests.unit.mapping.test_loader import SAID

SMALL = mapping(written())
NOT_JSON = "not readable as JSON, or a name stands twice"
WRONG = {"error": "value_missing", "field": "learner"}


def rehearsed(event: Any, expected: Any, by: Mapping = SMALL) -> Rehearsal:
    """An example called `one`; bytes stand in its files as they are, None is no file."""
    files = [orjson.dumps({"value": event}) if isinstance(event, dict) else event]
    files += [orjson.dumps(expected) if isinstance(expected, dict) else expected]
    return rehearse(by, Example("one", *files))


def went(*, passed: bool = False, **told: Any) -> Rehearsal:
    return Rehearsal("lms/done", "one", passed, **told)


def test_an_example_passes() -> None:
    assert rehearsed(BODY, {"said": SAID}) == went(passed=True, got={"said": SAID})
    broken = BODY | {"user": None}
    assert rehearsed(broken, WRONG) == went(passed=True, got=WRONG)
    assert rehearsed(broken, {"error": "value_missing"}) == went(passed=True, got=WRONG)


@pytest.mark.parametrize(
    ("event", "expected", "told"),
    [
        (None, {"said": SAID}, {"problem": "one.event.json is not there"}),
        (b"{", {"said": SAID}, {"problem": NOT_JSON}),
        (None, None, {"problem": "one.event.json is not there"}),
        (BODY, None, {"problem": "one.expect.json is not there", "got": {"said": SAID}}),
        (BODY, b"{", {"problem": NOT_JSON, "got": {"said": SAID}}),
    ],
)
def test_what_cannot_be_rehearsed_says_why(event: Any, expected: Any, told: Any) -> None:
    assert rehearsed(event, expected) == went(**told)


@pytest.mark.parametrize(
    ("event", "expected", "differing"),
    [
        (
            BODY,
            {"said": {**SAID, "learner": "906", "title": "Heart"}},
            (("said.learner", "906", "905"), ("said.title", "Heart", "")),
        ),
        (BODY | {"user": None}, {"error": "wrong_type"}, (
            ("error", "wrong_type", "value_missing"), ("field", "", "learner"),
        )),
        (BODY | {"user": None}, {"ignored": True}, (
            ("ignored", "true", ""), ("error", "", "value_missing"), ("field", "", "learner"),
        )),
    ],
)  # fmt: skip
def test_what_differs_is_told_field_by_field(event: Any, expected: Any, differing: Any) -> None:
    found = rehearsed(event, expected)
    assert found == went(differing=differing, got=found.got)


def test_each_event_of_a_message_is_told_by_its_number() -> None:
    both = {"events": [{"said": DONE_SAID}, MISSING]}
    assert rehearsed(data(DONE, BROKEN), both, DONE_ONES) == went(passed=True, got=both)
    one = {"events": [{"said": DONE_SAID | {"course": "38"}}]}
    assert rehearsed(data(DONE, BROKEN), one, DONE_ONES) == went(
        differing=(
            ("event 0: said.course", "38", "37"),
            ("event 1: error", "", "value_missing"),
            ("event 1: field", "", "learner"),
        ),
        got=both,
    )
    alone = rehearsed(data(DONE), {"said": DONE_SAID}, DONE_ONES)
    assert alone == went(passed=True, got={"said": DONE_SAID})
    none = rehearsed(data({"type": "x"}), {"error": "wrong_type"}, DONE_ONES)
    assert none.differing == (("error", "wrong_type", "unknown_event"),)
    assert none.got == {"error": "unknown_event", "field": ""}


def test_scripts_are_told_the_same() -> None:
    assert rehearsed(BODY | {"user": None}, {"error": "wrong_type"}).as_row() == {
        "mapping": "lms/done",
        "example": "one",
        "passed": False,
        "differing": [
            {"field": "error", "expected": "wrong_type", "got": "value_missing"},
            {"field": "field", "expected": "", "got": "learner"},
        ],
        "problem": "",
    }
    assert rehearsed(BODY, None).as_row()["problem"] == "one.expect.json is not there"
