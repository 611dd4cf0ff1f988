"""Files that would fool, stall or choke a reader: each is refused, on its line, before it can."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from consumer.mapping.loader import load_catalogue
from consumer.mapping.problem import Problem
from consumer.mapping.shape import SchemaInvalid, Shape
from consumer.mapping.tree import MOST_CHARACTERS
from consumer.reason import Stopped
from tests.unit.mapping.samples import HEAD, attempt, written
from tests.unit.mapping.test_loader import Folder

SOUND = written()
BOMB = "a: &a [x, x]\n" + "".join(
    f"{after}: &{after} [*{before}, *{before}]\n"
    for before, after in zip("abcdefghijklmnopqrstuvwxy", "bcdefghijklmnopqrstuvwxyz", strict=True)
)


def problems(text: str) -> list[Problem]:
    found, told = attempt(text)
    assert found is None
    assert {one.file for one in told} == {"mappings/lms/done.yaml"}
    return told


@pytest.mark.parametrize(
    ("text", "line", "code", "says"),
    [
        (SOUND.replace("  learner", "\tlearner"), 9, "syntax", "'\\t' that cannot start any token"),
        (SOUND.replace("  - {path", "\t- {path"), 5, "syntax", "'\\t' that cannot start any token"),
        (SOUND + "kind: ignore\n", 12, "duplicate_key", "stands on line 6 already"),
        (SOUND + "  learner: {from: body.id}\n", 12, "duplicate_key", "stands on line 9 already"),
        (BOMB, 2, "syntax", "aliases are not allowed"),
        (SOUND + "<<: *x\n", 12, "syntax", "aliases are not allowed"),
        (written(title="{form: body.v}"), 12, "unknown_verb", "form; did you mean from?"),
        (written(title=f"{{from: {'body' + '.a' * 5000}}}"), 12, "path_syntax", "1000 characters"),
        (written(title=f"{{from: {'body' + '[0]' * 300}}}"), 12, "syntax", "got '['"),
        ("{" * 600, 1, "syntax", ""),
        ("a: " * 600, 1, "syntax", "mapping values are not allowed"),
        ("".join(f"{' ' * n}- \n" for n in range(90)) + "x: [", 91, "syntax", ""),
        ("#" * (MOST_CHARACTERS + 1), 1, "too_large", "65536 characters"),
    ],
    ids=range(13),
)
def test_what_is_wrong_stands_on_its_line(text: str, line: int, code: str, says: str) -> None:
    first = problems(text)[0]
    assert (first.line, first.code) == (line, code)
    assert says in first.message


def test_a_path_into_nowhere_is_told_with_what_was_meant() -> None:
    schema = orjson.dumps({"properties": {"type": {}, "user": {}, "course": {}, "at": {}}})
    found, told = attempt(written(learner="{from: body.usr}"), schema)
    assert found is None
    assert [(one.line, one.code) for one in told] == [(9, "path_not_in_schema")]
    assert told[0].message == "body.usr: the schema knows no usr here; did you mean user?"


def test_of_a_huge_file_only_the_beginning_is_read(folder: Folder) -> None:
    folder.write("mappings/lms/done.yaml", SOUND + f"# {'x' * 5_000_000}\n")
    (told,) = folder.problems()
    assert (told.file, told.line, told.code) == ("mappings/lms/done.yaml", 1, "too_large")


def test_a_huge_schema_is_refused(folder: Folder) -> None:
    folder.write("schemas/lms/done.json", {"properties": {}, "$comment": "x" * 5_000_000})
    (told,) = folder.problems()
    assert (told.line, told.code, told.message) == (3, "schema_invalid", "larger than 1 MiB")


# A pattern that a backtracking engine tries 2**40 ways on the text below.
ENDLESS = {"properties": {"user": {"pattern": "^(a+)+$"}, "type": {}, "course": {}, "at": {}}}


def test_a_pattern_takes_time_by_the_length_of_the_text_alone() -> None:
    shape = Shape(orjson.dumps(ENDLESS))
    shape.check({"user": "a" * 1_000_000})
    with pytest.raises(Stopped):
        shape.check({"user": "a" * 1_000_000 + "b"})


@pytest.mark.parametrize(
    "pattern", ["^(?=a)b", "(a)\\1", "(?<!a)b", "(a", "(a{1000}){1000}"], ids=range(5)
)
@pytest.mark.parametrize("under", ["pattern", "patternProperties"])
def test_a_pattern_that_only_backtracking_could_match_does_not_load(
    pattern: str, under: str
) -> None:
    member = {"pattern": pattern} if under == "pattern" else {"patternProperties": {pattern: True}}
    with pytest.raises(SchemaInvalid, match="a pattern in it is none, or looks around"):
        Shape(orjson.dumps({"properties": {"user": member}}))


def test_a_pattern_that_does_not_load_is_told_at_the_mappings_line_of_its_schema(
    folder: Folder,
) -> None:
    folder.write("schemas/lms/done.json", {"properties": {"user": {"pattern": "(?=x)"}}})
    (told,) = folder.problems()
    assert (told.line, told.code) == (3, "schema_invalid")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_folder_is_sound_before_it_is_spoilt(folder: Folder) -> None:
    assert load_catalogue(folder.mappings, folder.schemas).mappings
    assert attempt(written(HEAD))[1] == []
