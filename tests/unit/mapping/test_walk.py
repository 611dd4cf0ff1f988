"""A walk through all mappings that ship, and the starting points: each is whole and by itself."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.event import Envelope
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import envelope_of
from consumer.mapping.loader import load_catalogue
from consumer.mapping.mapping import Mapping
from consumer.mapping.said import Kind
from consumer.reason import Stopped

ROOT = Path(__file__).parents[3]
MAPPINGS, SCHEMAS = ROOT / "mappings", ROOT / "schemas"
STARTING = MAPPINGS / "starting-points"
TRACING = {"event_id"}
OPTIONAL = {"title"}
AGAIN = re.compile(r"emitted_again|sent_again")


@functools.cache
def catalogue_of(folder: Path) -> Catalogue:
    return load_catalogue(folder, SCHEMAS)


def every() -> Iterator[Any]:
    for folder in (MAPPINGS, STARTING):
        for one in catalogue_of(folder).mappings:
            yield pytest.param(folder, one, id=f"{folder.name}/{one.name}")


EVERY = list(every())
SAYING = [one for one in EVERY if one.values[1].kind is not Kind.IGNORE]


def examples(folder: Path, mapping: Mapping) -> dict[str, Any]:
    """What each example of a mapping is expected to come to, by its name."""
    tests = folder / f"{mapping.name}.tests"
    return {
        file.name.removesuffix(".expect.json"): orjson.loads(file.read_bytes())
        for file in sorted(tests.glob("*.expect.json"))
    }


def facts(expected: Any) -> list[dict[str, str]]:
    """What an example says, without what is for tracing only."""
    said = [one.get("said", {}) for one in expected.get("events", [expected])]
    return [{k: v for k, v in one.items() if k not in TRACING | OPTIONAL} for one in said]


def event_of(folder: Path, mapping: Mapping, name: str) -> Envelope:
    return envelope_of((folder / f"{mapping.name}.tests" / f"{name}.event.json").read_bytes())


@pytest.mark.parametrize(("folder", "mapping"), SAYING)
def test_it_shows_a_record_an_error_and_the_same_event_again(
    folder: Path, mapping: Mapping
) -> None:
    shown = examples(folder, mapping)
    assert any(map(facts, shown.values()))
    assert any("error" in one or "events" in one for one in shown.values())
    repeats = {name: facts(one) for name, one in shown.items() if AGAIN.search(name)}
    firsts = [facts(one) for name, one in shown.items() if name not in repeats]
    assert repeats
    assert all(one in firsts for one in repeats.values())


@pytest.mark.parametrize(("folder", "mapping"), SAYING)
def test_an_event_sent_again_is_another_message(folder: Path, mapping: Mapping) -> None:
    tests = folder / f"{mapping.name}.tests"
    sent = [orjson.loads(file.read_bytes()) for file in sorted(tests.glob("*.event.json"))]
    assert all(one not in sent[:number] for number, one in enumerate(sent))


@pytest.mark.parametrize(("folder", "mapping"), EVERY)
def test_each_event_of_its_examples_is_its_alone(folder: Path, mapping: Mapping) -> None:
    catalogue = catalogue_of(folder)
    own = 0
    for name, expected in examples(folder, mapping).items():
        events = catalogue.events(event_of(folder, mapping, name))
        if expected.get("error") == "unknown_event":
            for event in events:
                with pytest.raises(Stopped, match="unknown_event"):
                    catalogue.recognise(event)
            continue
        # What else one message holds is somebody's too, but of one only.
        found = [catalogue.recognise(event).name for event in events]
        assert mapping.name in found
        own += 1
    assert own


def sources(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if file.is_dir())


@pytest.mark.parametrize("lms", sources(STARTING))
def test_a_starting_point_is_put_in_force_by_copying_it(lms: str, tmp_path: Path) -> None:
    """All of an LMS's at once; they take the place of what they differ from."""
    mappings = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, mappings)
    shutil.copytree(STARTING / lms, mappings / lms, dirs_exist_ok=True)
    in_force = {one.name: one for one in load_catalogue(mappings, SCHEMAS).mappings}
    copied = [one for one in catalogue_of(STARTING).mappings if one.source == lms]
    assert copied
    assert all(in_force[one.name].version == one.version for one in copied)


@pytest.mark.parametrize("lms", sources(STARTING))
def test_each_starting_point_can_be_put_in_force_alone(lms: str, tmp_path: Path) -> None:
    for file in sorted((STARTING / lms).glob("*.yaml")):
        mappings = tmp_path / file.stem / "mappings"
        shutil.copytree(MAPPINGS, mappings)
        (mappings / lms).mkdir(exist_ok=True)
        shutil.copy(file, mappings / lms)
        tests = file.with_suffix(".tests")
        shutil.copytree(tests, mappings / lms / tests.name, dirs_exist_ok=True)
        assert load_catalogue(mappings, SCHEMAS)
