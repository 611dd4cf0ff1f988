"""The guide to mappings names every verb, target, test and error; its mapping is a real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consumer.mapping.condition import TESTS
from consumer.mapping.file import compile_file
from consumer.mapping.problem import Report
from consumer.mapping.said import Kind
from consumer.mapping.target import TARGETS
from consumer.mapping.verb import TABLE, VERBS, Verb
from tests.unit.mapping.guide import PARTS, made
from tests.unit.mapping.samples import HEAD, attempt, written

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/mapping-language.md").read_text(encoding="utf-8")
SOURCES = [ROOT / "consumer/event.py", *sorted((ROOT / "consumer/mapping").glob("*.py"))]
# A code is the only text in the source that stands alone and holds an underscore.
RAISED = re.compile(
    r'(?:Fault|_stop|_broken|Reason|Problem|add|bad)\([^)]*?"([a-z]+_[a-z0-9_]+)"', re.DOTALL
)


@pytest.mark.parametrize("word", [*TARGETS, *VERBS, *TESTS, *Kind])
def test_the_guide_explains_every_word(word: str) -> None:
    assert re.search(rf"`{word}\b", GUIDE)


@pytest.mark.parametrize("part", PARTS)
def test_the_guide_says_what_the_program_says_of_itself(part: str) -> None:
    assert f"<!-- made: {part} -->" in GUIDE
    assert made(GUIDE) == GUIDE, "write it anew with: make guide"


def test_a_part_that_the_program_says_otherwise_is_written_anew() -> None:
    stale = GUIDE.replace("takes the value at the path", "takes a value")
    assert stale != GUIDE
    assert made(stale) == GUIDE


@pytest.mark.parametrize("verb", TABLE, ids=lambda verb: verb.name)
def test_a_verbs_example_is_a_row_that_has_it(verb: Verb) -> None:
    assert f"{verb.name}:" in verb.example
    targets = {"number": "points", "instant": "completed", "date": "completed", "zone": "completed"}
    row, target = f"{{{verb.example}}}", targets.get(verb.name, "title")
    head = HEAD.replace("kind:", "each: body.data\nkind:")
    assert attempt(written(head, **{target: row}))[1] == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_the_guide_says_what_to_do_about_every_error(file: Path) -> None:
    for code in RAISED.findall(file.read_text()):
        assert f"`{code}`" in GUIDE


def test_the_guides_mapping_loads() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    report = Report("guide")
    schema = (ROOT / "schemas/canvas/course_completed.json").read_bytes()
    assert compile_file(text, "canvas/course_completed", lambda _named: schema, report)
    assert report.clean
