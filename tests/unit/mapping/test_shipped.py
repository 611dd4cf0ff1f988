"""The shipped mappings: they load, their examples hold them, and they know the known traps."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.event import Envelope
from consumer.fate import Ignored, NotReportable
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import envelope_of
from consumer.mapping.loader import load_catalogue
from consumer.mapping.problem import MappingProblems
from consumer.mapping.said import Said
from consumer.reason import Stopped

ROOT = Path(__file__).parents[3]
MAPPINGS, SCHEMAS = ROOT / "mappings", ROOT / "schemas"
STARTING = MAPPINGS / "starting-points"
SHIPPED = sorted(f for f in MAPPINGS.glob("*/*.yaml") if f.parent != STARTING)
COMPLETIONS = ("moodle/course_completed", "canvas/course_completed", "openedx/certificate_created")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(MAPPINGS, SCHEMAS)


def event(name: str) -> Any:
    return orjson.loads((MAPPINGS / f"{name}.event.json").read_bytes())


def hear(catalogue: Catalogue, wrapped: Any) -> Said | NotReportable | Ignored:
    envelope = envelope_of(orjson.dumps(wrapped))
    return catalogue.recognise(envelope).read(envelope)


def said(catalogue: Catalogue, wrapped: Any) -> Said:
    found = hear(catalogue, wrapped)
    assert isinstance(found, Said)
    return found


def test_the_shipped_catalogue_loads(catalogue: Catalogue) -> None:
    names = {mapping.name for mapping in catalogue.mappings}
    assert names == {f.relative_to(MAPPINGS).with_suffix("").as_posix() for f in SHIPPED}
    assert names >= set(COMPLETIONS)


@pytest.mark.parametrize("name", COMPLETIONS)
def test_each_completion_has_an_example_of_every_kind(name: str) -> None:
    kinds = {
        next(iter(event_of(file))) for file in (MAPPINGS / f"{name}.tests").glob("*.expect.json")
    }
    assert kinds >= {"said", "not_reportable", "error"}


def event_of(file: Path) -> Any:
    return orjson.loads(file.read_bytes())


@pytest.mark.parametrize(
    "file", [*SHIPPED, *STARTING.glob("*/*.yaml")], ids=lambda file: str(file.relative_to(MAPPINGS))
)
def test_breaking_any_example_makes_the_load_fail(file: Path, tmp_path: Path) -> None:
    """Each mapping as a folder of its own: the examples of others have nothing to do with it."""
    own, tests = tmp_path / file.parent.name, file.with_suffix(".tests")
    shutil.copytree(tests, own / tests.name)
    shutil.copy(file, own)
    assert load_catalogue(tmp_path, SCHEMAS)
    for expected in sorted((own / tests.name).glob("*.expect.json")):
        right = expected.read_bytes()
        expected.write_bytes(orjson.dumps({"error": "no_such_code"}))
        with pytest.raises(MappingProblems, match="example_failed"):
            load_catalogue(tmp_path, SCHEMAS)
        expected.write_bytes(right)


def test_moodles_learner_is_never_who_caused_the_event(catalogue: Catalogue) -> None:
    cron = event("moodle/course_completed.tests/ids_as_text")
    cron["value"]["userid"] = "2"
    assert said(catalogue, cron).learner == cron["value"]["relateduserid"] != "2"
    cron["value"]["relateduserid"] = None
    with pytest.raises(Stopped, match="learner: value_missing"):
        hear(catalogue, cron)


@pytest.mark.parametrize(
    ("field", "value"), [("anonymous", "0"), ("other", []), ("extra", {"a": 1})]
)
def test_moodles_fields_come_in_several_types(catalogue: Catalogue, field: str, value: Any) -> None:
    odd = event("moodle/course_completed.tests/ids_as_text")
    usual = said(catalogue, odd)
    odd["value"] |= {field: value, "timecreated": str(odd["value"]["timecreated"])}
    assert said(catalogue, odd) == usual


def test_moodles_secret_is_nowhere_in_what_is_said(catalogue: Catalogue) -> None:
    wrapped = event("moodle/course_completed.tests/ids_as_text")
    assert wrapped["value"]["token"] not in repr(said(catalogue, wrapped))


def test_canvas_progress_without_anything_is_an_error(catalogue: Catalogue) -> None:
    empty = event("canvas/course_completed.tests/completed")
    for nothing in ("{}", "null"):
        empty["value"]["body"]["progress"] = orjson.loads(nothing)
        with pytest.raises(Stopped, match="completed: value_missing"):
            hear(catalogue, empty)


def test_canvas_learner_is_never_whose_request_it_was(catalogue: Catalogue) -> None:
    wrapped = event("canvas/course_completed.tests/completed")
    wrapped["value"]["metadata"]["user_id"] = "40010000000000999"
    assert said(catalogue, wrapped).learner == "2218"


@pytest.mark.parametrize("status", ["notpassing", "generating", "unavailable", "audit_passing"])
def test_an_open_edx_certificate_not_issued_is_not_reportable(
    catalogue: Catalogue, status: str
) -> None:
    wrapped = event("openedx/certificate_created.tests/issued")
    wrapped["value"]["certificate"]["current_status"] = status
    found = hear(catalogue, wrapped)
    assert isinstance(found, NotReportable)
    assert found.reason.code == "certificate_not_issued"


def test_open_edx_says_the_same_twice_but_for_the_emission(catalogue: Catalogue) -> None:
    wrapped = event("openedx/certificate_created.tests/issued")
    first = said(catalogue, wrapped)
    wrapped["headers"]["ce_id"] = "another"
    second = said(catalogue, wrapped)
    assert (first.site, first.learner, first.course) == (second.site, second.learner, second.course)
    assert first.event_id != second.event_id


@pytest.mark.parametrize("name", COMPLETIONS)
def test_new_names_in_an_event_are_tolerated(catalogue: Catalogue, name: str) -> None:
    file = next(
        f for f in (MAPPINGS / f"{name}.tests").glob("*.expect.json") if "said" in event_of(f)
    )
    wrapped = event(f"{name}.tests/{file.name.removesuffix('.expect.json')}")
    usual = said(catalogue, wrapped)
    wrapped["value"]["added_in_the_next_release"] = {"x": [1]}
    assert said(catalogue, wrapped) == usual


def test_an_unlisted_event_of_a_known_lms_is_refused(catalogue: Catalogue) -> None:
    for body in (
        {"eventname": r"\core\event\course_completed_again"},
        {"metadata": {"event_name": "course_completed_v2"}},
        {},
    ):
        with pytest.raises(Stopped, match="unknown_event"):
            catalogue.recognise(Envelope(body, {"ce_type": "org.example"}, None))
