"""Loading a folder of mappings: the examples must pass, and everything wrong comes at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.mapping.loader import (
    load_catalogue,
    load_event,
    load_mapping,
    mappings_version,
)
from consumer.mapping.problem import MappingProblems, Problem
from consumer.reason import Stopped
from tests.unit.mapping.samples import BODY, HEAD, written

SCHEMA = {"properties": dict.fromkeys((*BODY, "error", "sent"), True)}
EXCUSE = "not_reportable:\n  - {path: body.error, present: true, reason: broken}\n"
SAID = {
    "site": "lms.example",
    "learner": "905",
    "course": "37",
    "completed": "2026-11-20T23:38:00Z",
}


class Folder:
    """A folder of one sound mapping, to be broken."""

    def __init__(self, root: Path) -> None:
        self.mappings, self.schemas = root / "mappings", root / "schemas"
        self.write("schemas/lms/done.json", SCHEMA)
        self.write("mappings/lms/done.yaml", written(HEAD + EXCUSE))
        self.example("said", BODY, {"said": SAID})
        self.example("excused", {**BODY, "error": "x"}, {"not_reportable": "broken"})
        self.example("bad", {**BODY, "user": None}, {"error": "value_missing", "field": "learner"})

    def write(self, name: str, content: Any) -> Path:
        file = self.mappings.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else orjson.dumps(content))
        return file

    def example(self, name: str, body: Any, expected: Any, mapping: str = "lms/done") -> None:
        self.write(f"mappings/{mapping}.tests/{name}.event.json", {"value": body})
        self.write(f"mappings/{mapping}.tests/{name}.expect.json", expected)

    def remove(self, name: str) -> None:
        self.mappings.joinpath(f"lms/done.tests/{name}.json").unlink()

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(MappingProblems) as raised:
            load_catalogue(self.mappings, self.schemas)
        problems = raised.value.problems
        assert {type(one.field) for one in problems} == {str}
        assert str(raised.value).splitlines() == [str(one) for one in problems]
        return problems

    def problem(self) -> Problem:
        (only,) = self.problems()
        return only


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_sound_folder_loads(folder: Folder) -> None:
    (only,) = load_catalogue(folder.mappings, folder.schemas).mappings
    assert (only.name, only.source, only.version) == ("lms/done", "lms", 1)
    assert only.file == "mappings/lms/done.yaml"


@pytest.mark.parametrize(
    ("name", "expected", "says"),
    [
        ("said", {"said": {**SAID, "learner": "906", "title": "x"}}, "differs in learner, title"),
        ("said", {"said": {}}, "differs in completed, course, learner, site"),
        ("said", {"ignored": True}, "came to said: what the event says"),
        ("bad", {"error": "wrong_type"}, "came to error: value_missing, learner"),
        ("bad", {"error": "value_missing", "field": "course"}, "came to error: value_missing, lea"),
        ("bad", {"said": SAID}, "came to error: value_missing, learner"),
        ("excused", {"not_reportable": "other"}, "came to not_reportable: broken"),
    ],
)
def test_an_example_that_fails_stops_the_load(
    folder: Folder, name: str, expected: Any, says: str
) -> None:
    folder.write(f"mappings/lms/done.tests/{name}.expect.json", expected)
    failed = [p for p in folder.problems() if p.code == "example_failed"]
    assert [(p.file, p.field) for p in failed] == [("mappings/lms/done.yaml", f"example {name}")]
    assert failed[0].message.startswith(says)


def test_an_error_may_be_expected_without_its_field(folder: Folder) -> None:
    folder.write("mappings/lms/done.tests/bad.expect.json", {"error": "value_missing"})
    load_catalogue(folder.mappings, folder.schemas)


@pytest.mark.parametrize(
    ("name", "kind"), [("said", "said"), ("bad", "error"), ("excused", "not_reportable broken")]
)
def test_every_kind_of_example_must_be_there(folder: Folder, name: str, kind: str) -> None:
    folder.remove(f"{name}.event")
    folder.remove(f"{name}.expect")
    found = folder.problem()
    assert (found.code, found.message) == ("example_missing", f"one that comes to {kind}")


@pytest.mark.parametrize("half", ["event", "expect"])
def test_half_an_example_does_not_load(folder: Folder, half: str) -> None:
    folder.example("more", BODY, {"said": SAID})
    folder.remove(f"more.{half}")
    found = folder.problem()
    assert (found.code, found.message) == ("example_incomplete", f"more.{half}.json is not there")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("event", "{"),
        ("event", "[]"),
        ("event", BODY),
        ("event", {"value": BODY, "header": {}}),
        ("event", {"value": BODY, "headers": ["x"]}),
        ("event", {"value": BODY, "headers": {"x": 1}}),
        ("event", {"value": BODY, "key": 1}),
        ("expect", "{"),
        ("expect", {}),
        ("expect", {"said": SAID, "ignored": True}),
        ("expect", {"said": "all"}),
        ("expect", {"said": {"lerner": "905"}}),
        ("expect", {"field": "learner"}),
        ("expect", {"refused": "value_missing"}),
    ],
)
def test_an_example_in_another_form_does_not_load(folder: Folder, file: str, content: Any) -> None:
    folder.example("more", BODY, {"said": SAID})
    folder.write(f"mappings/lms/done.tests/more.{file}.json", content)
    assert folder.problem().code == "example_unreadable"


def test_an_example_goes_through_decode_and_match(folder: Folder) -> None:
    folder.example("text", "x", {"error": "not_an_object", "field": "body"})
    folder.example("empty", None, {"error": "null_value"})
    folder.example("foreign", {**BODY, "type": "x"}, {"error": "unknown_event"})
    load_catalogue(folder.mappings, folder.schemas)


def test_a_path_that_no_example_has_and_no_schema_knows_is_taken_for_misspelt(
    folder: Folder,
) -> None:
    text = written(HEAD + EXCUSE, event_id="{from: headers.ce_di, optional: true}")
    folder.write("mappings/lms/done.yaml", text)
    found = folder.problem()
    assert (found.code, found.message.split(":")[0]) == ("path_never_seen", "headers.ce_di")


def test_an_example_that_another_mapping_claims_too_does_not_load(folder: Folder) -> None:
    text = (
        "mapping: lms/more\nversion: 1\nmatch:\n  - {path: body.user, equals: 905}\nkind: ignore\n"
    )
    folder.write("mappings/lms/more.yaml", text)
    folder.example("one", {"user": 905}, {"ignored": True}, "lms/more")
    found = folder.problem()
    assert (found.file, found.code) == ("mappings/lms/done.yaml", "ambiguous_mapping")
    assert found.message == "an example is also lms/done and lms/more"


def test_an_ignoring_mapping_needs_an_example_too(folder: Folder) -> None:
    text = "mapping: lms/more\nversion: 1\nmatch:\n  - {path: body.type, equals: x}\nkind: ignore\n"
    folder.write("mappings/lms/more.yaml", text)
    assert {p.code for p in folder.problems()} == {"example_missing", "path_never_seen"}
    folder.example("one", {"type": "x"}, {"ignored": True}, "lms/more")
    load_catalogue(folder.mappings, folder.schemas)


def test_a_mapping_that_stands_twice_and_examples_that_stand_alone(folder: Folder) -> None:
    folder.write("mappings/lms/done.yml", written(HEAD + EXCUSE))
    folder.example("one", BODY, {"said": SAID}, "lms/dnoe")
    codes = {(p.file, p.code) for p in folder.problems()}
    assert ("mappings/lms/done", "duplicate_mapping") in codes
    assert ("mappings/lms/dnoe.tests", "mapping_missing") in codes


def test_the_problems_of_all_files_come_at_once(folder: Folder) -> None:
    folder.write("mappings/lms/a.yaml", "mapping: lms/b\n")
    folder.mappings.joinpath("lms/c.yaml").write_bytes(b"\xff")
    folder.write("mappings/lms/done.tests/said.expect.json", {"said": {}})
    found = folder.problems()
    assert {p.file for p in found} == {f"mappings/lms/{n}.yaml" for n in ("a", "c", "done")}
    assert list(found) == sorted(found)
    with pytest.raises(MappingProblems, match=r"(?s)lms/a.yaml:1: mapping.*lms/c.*lms/done"):
        load_catalogue(folder.mappings, folder.schemas)


@pytest.mark.parametrize(
    "named", ["schemas/lms/none.json", "lms/done.json", "/etc/passwd", "schemas/../x"]
)
def test_a_schema_is_a_file_below_schemas(folder: Folder, named: str) -> None:
    text = written((HEAD + EXCUSE).replace("schemas/lms/done.json", named))
    folder.write("mappings/lms/done.yaml", text)
    folder.write("x", SCHEMA)
    assert (folder.problem().line, folder.problem().code) == (3, "schema_missing")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MappingProblems, match="no such folder"):
        load_catalogue(tmp_path / "none", tmp_path)


def test_a_catalogue_bears_the_version_of_all_its_files(folder: Folder) -> None:
    def version() -> str:
        found = mappings_version(folder.mappings, folder.schemas)
        assert load_catalogue(folder.mappings, folder.schemas).version == found
        return found

    seen = [version()]
    assert re.fullmatch("[0-9a-f]{16}", seen[0])
    for name in ("mappings/tables/a.yaml", "mappings/lms/a.json", "schemas/lms/a.txt", "a.json"):
        folder.write(name, "a: 1\n")
        assert version() == seen[0]
    folder.write("mappings/lms/done.yaml", written(HEAD + EXCUSE) + "# why\n")
    seen.append(version())
    folder.example("more", BODY, {"said": SAID})
    seen.append(version())
    file = folder.write("schemas/lms/more.json", SCHEMA)
    seen.append(version())
    file.rename(file.with_name("else.json"))
    seen.append(version())
    assert len(set(seen)) == len(seen) == 5
    folder.schemas.joinpath("none.json").mkdir()
    assert version() == ""


def test_a_mapping_means_the_same_whatever_its_comments_and_order(folder: Folder) -> None:
    def meanings() -> Any:
        return load_catalogue(folder.mappings, folder.schemas).meanings

    first = meanings()
    assert list(first) == ["lms/done"]
    assert re.fullmatch("[0-9a-f]{16}", first["lms/done"])
    text = written(HEAD.replace("version: 1\n", "") + EXCUSE) + "# why\nversion: '1'\n"
    folder.write("mappings/lms/done.yaml", text)
    assert meanings() == first
    folder.write("mappings/lms/done.yaml", text.replace("version: '1'", "version: 2"))
    assert meanings() != first


def test_tables_below_the_mappings_are_not_mappings(folder: Folder) -> None:
    folder.write("mappings/tables/notes.yaml", "a: 1\n")
    load_catalogue(folder.mappings, folder.schemas)


def test_one_mapping_loads_without_examples(folder: Folder) -> None:
    file = folder.write("mappings/lms/done.yaml", written(HEAD + EXCUSE))
    folder.remove("said.expect")
    assert load_mapping(file, folder.mappings, folder.schemas).name == "lms/done"
    folder.write("mappings/lms/done.yaml", written(learner=None))
    with pytest.raises(MappingProblems, match="missing_target"):
        load_mapping(file, folder.mappings, folder.schemas)


@pytest.mark.parametrize("aside", ["tables", "starting-points"])
def test_what_lies_aside_is_no_mapping_of_the_office(folder: Folder, aside: str) -> None:
    folder.write(f"mappings/{aside}/lms/broken.yaml", "mapping:")
    folder.write(f"mappings/{aside}/lms/gone.tests/said.event.json", {"value": 1})
    (only,) = load_catalogue(folder.mappings, folder.schemas).mappings
    assert only.name == "lms/done"


def test_one_mapping_may_be_named_from_elsewhere_but_must_lie_below_the_mappings(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.mappings)
    found = load_mapping(Path("lms/done.yaml"), folder.mappings, folder.schemas)
    assert found.file == "mappings/lms/done.yaml"
    outside = folder.write("done.yaml", written())
    with pytest.raises(MappingProblems, match="outside_mappings"):
        load_mapping(outside, folder.mappings, folder.schemas)
    with pytest.raises(MappingProblems, match="unreadable"):
        load_mapping(Path("lms/none.yaml"), folder.mappings, folder.schemas)


def test_an_event_file_may_be_wrapped_or_bare(folder: Folder) -> None:
    wrapped = folder.write("w.json", {"value": BODY, "headers": {"ce_id": "1"}, "key": "k"})
    found = load_event(wrapped)
    assert (found.body, found.headers, found.key) == (BODY, {"ce_id": "1"}, "k")
    assert load_event(folder.write("b.json", BODY)).body == BODY
    own_value = {"value": 1, "name": "x"}
    assert load_event(folder.write("v.json", own_value)).body == own_value
    with pytest.raises(Stopped, match="not_an_object"):
        load_event(folder.write("l.json", {"value": "x"}))
    for broken in (folder.write("n.json", "x"), folder.mappings / "absent.json"):
        with pytest.raises(MappingProblems, match="event_unreadable"):
            load_event(broken)
