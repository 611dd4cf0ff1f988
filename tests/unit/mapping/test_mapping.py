"""A mapping at work: what it reads of an event, and what it can tell of one it does not report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from consumer.mapping.catalogue import Catalogue
from consumer.mapping.mapping import Mapping
from consumer.mapping.mask import masked
from consumer.mapping.said import Kind, Said
from tests.unit.mapping.samples import HEAD, envelope, mapping, written

AT = datetime(2026, 11, 20, 23, 38, tzinfo=UTC)
TIMES = {
    "completed": "{from: body.on, date: YYYY-MM-DD}",
    "occurred_at": "{from: body.at, instant: iso8601}",
}
EVENT = mapping(
    written(title="{from: body.v, optional: true}", points="{from: body.p, number: true}")
)
TAKEN_BACK = mapping(
    written(
        HEAD.replace("completion", "retraction"), completed=None, occurred_at=TIMES["occurred_at"]
    )
)
SAID: dict[str, Any] = {
    "kind": Kind.COMPLETION,
    "source": "lms",
    "mapping": "lms/done",
    "version": 1,
    "site": "lms.example",
    "learner": "905",
    "course": "37",
    "completed": AT,
}


@pytest.mark.parametrize("broken", [None, [1], "1,5"])
def test_a_glimpse_passes_over_rows_that_cannot_be_read(broken: Any) -> None:
    found = EVENT.glimpse(envelope(v="Heart", p=broken))
    assert found == Said(**SAID, title="Heart")
    found = EVENT.glimpse(envelope(v=None, p="0.5"))
    assert found == EVENT.read(envelope(v=None, p="0.5"))


@pytest.mark.parametrize("lacking", ["user", "course", "at"])
def test_a_glimpse_of_less_than_learner_course_and_time_is_none(lacking: str) -> None:
    assert EVENT.glimpse(envelope(p="1", **{lacking: None})) is None


def test_a_glimpse_takes_either_time() -> None:
    found = TAKEN_BACK.glimpse(envelope())
    assert found == Said(**SAID | {"kind": Kind.RETRACTION}, occurred_at=AT)
    both = mapping(written(**TIMES))
    known = both.glimpse(envelope(on="2026-11-19"))
    assert known == Said(**SAID | {"completed": date(2026, 11, 19)}, occurred_at=AT)
    dated = both.glimpse(envelope(on="2026-11-19", at=None))
    assert dated == Said(**SAID | {"completed": date(2026, 11, 19)})
    made = both.glimpse(envelope(on=None))
    assert made == Said(**SAID, occurred_at=AT)


def test_a_retraction_that_names_an_event_has_neither_learner_nor_course() -> None:
    rows = {"learner": None, "course": None, "completed": None, "site": None}
    void = mapping(
        written(
            HEAD.replace("completion", "retraction"),
            **rows,
            occurred_at=TIMES["occurred_at"],
            retracts="{from: body.of}",
        )
    )
    blank = {"kind": Kind.RETRACTION, "site": "", "learner": "", "course": ""}
    assert void.read(envelope(of="e1")) == Said(**SAID | blank, occurred_at=AT, retracts="e1")


def test_a_mask_leaves_the_form_alone() -> None:
    assert masked("Zoë O'Hara-905 \u0663@x.y") == "xxx x'xxxx-### #@x.x"
    assert masked("") == ""


def test_a_mapping_that_says_something_else_under_its_version_is_unraised() -> None:
    names = ("same", "changed", "raised", "new", "unread")
    before = [mapped(name) for name in names if name != "new"]
    after = [mapped(name, 2 if name == "raised" else 1) for name in names]
    old = Catalogue(before, "", {"lms/same": "a", "lms/changed": "b", "lms/raised": "c"})
    new = Catalogue(
        after, "", {"lms/same": "a", "lms/changed": "B", "lms/raised": "C", "lms/new": "d"}
    )
    assert [one.name for one in new.unraised(old)] == ["lms/changed"]
    assert new.unraised(new) == []
    assert [one.name for one in old.unraised(new)] == ["lms/changed"]


def mapped(name: str, version: int = 1) -> Mapping:
    return replace(EVENT, name=f"lms/{name}", version=version)
