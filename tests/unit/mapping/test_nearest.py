"""Of an event that no mapping knows: which one it nearly is, and never what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.mapping.nearest import nearest
from tests.unit.mapping.samples import envelope
from tests.unit.samples import catalogue

MAPPINGS = catalogue().mappings


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            {"eventname": "\\core\\event\\course_complete", "relateduserid": "7"},
            "nearly moodle/course_completed:"
            " body.eventname is expected to be \\core\\event\\course_completed",
        ),
        (
            {"metadata": {"event_name": "Course_completed"}},
            "nearly canvas/course_completed:"
            " body.metadata.event_name is expected to be course_completed",
        ),
        ({"eventname": "anna@example.org"}, ""),
        ({"hello": "world"}, ""),
        ({"eventname": {"a": 1}}, ""),
    ],
)
def test_it_is_said_which_mapping_an_event_nearly_fits(body: dict[str, object], says: str) -> None:
    assert nearest(MAPPINGS, envelope(**body)) == says


@given(st.text(min_size=4))
def test_nothing_of_the_event_is_told(said: str) -> None:
    told = nearest(MAPPINGS, envelope(eventname=f"\\core\\event\\course_completed {said}"))
    others = nearest(MAPPINGS, envelope(eventname="\\core\\event\\course_completed?"))
    assert told in ("", others)
