"""What people are told about a broken mapping, word for word, and about a folder of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from consumer.mapping.advice import LOADING, READING, next_step
from consumer.mapping.example import expectation
from consumer.mapping.loader import (
    find_mapping,
    load_catalogue,
    load_event,
    load_mapping,
    load_some,
    mapping_files,
)
from consumer.mapping.problem import MappingProblems
from consumer.mapping.target import TARGETS
from tests.unit.mapping.samples import BODY, FILE, HEAD, attempt, mapping, written
from tests.unit.mapping.test_loader import EXCUSE, SAID, Folder

WHOLE = written(HEAD + EXCUSE)
SPOILT: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("told.yaml").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def told(error: pytest.ExceptionInfo[MappingProblems]) -> list[str]:
    assert {type(one.field) for one in error.value.problems} == {str}
    return str(error.value).splitlines()


def test_it_is_sound_before_it_is_spoilt() -> None:
    assert mapping(WHOLE)


def test_what_is_wrong_with_a_file_is_told_word_for_word() -> None:
    assert [row["was"] for row in SPOILT if row["was"] not in WHOLE] == []
    found = [attempt(WHOLE.replace(row["was"], row["now"], 1)) for row in SPOILT]
    told = [[str(one) for one in problems] for _, problems in found]
    assert told == [[f"{FILE}:{one}" for one in row["told"]] for row in SPOILT]
    assert {compiled for compiled, _ in found} == {None}


def test_a_file_that_is_no_table_of_names() -> None:
    found, problems = attempt("- a\n")
    assert found is None
    assert [str(one) for one in problems] == [
        f"{FILE}:1: syntax: a mapping file is a table of names and values"
    ]


# ---------------------------------------------------------------- examples

AT = "mappings/lms/done.yaml:1: example more: "
FORM = (
    'an expect file is one of {"said": {…}}, {"not_reportable": …}, {"ignored": true}, '
    '{"error": …, "field": …}, or {"events": […]} of them'
)
HOLDS = (
    "said holds only site, learner, course, completed, occurred_at, points, title, occurrence, "
    "event_id, retracts"
)
WRAPPED = 'an event file is {"value": …, "headers": {…}, "key": …}'


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("event", "{", "example_unreadable: not readable as JSON, or a name stands twice"),
        ("event", '{"value": 1, "value": 2}', "example_unreadable: not readable as JSON, or a name"
         " stands twice"),
        ("event", '{"value": NaN}', "example_unreadable: not readable as JSON, or a name stands"
         " twice"),
        ("event", [], "example_unreadable: not a JSON object"),
        ("event", {}, f"example_unreadable: {WRAPPED}"),
        ("event", BODY, f"example_unreadable: {WRAPPED}"),
        ("event", {"value": BODY, "header": {}}, f"example_unreadable: {WRAPPED}"),
        ("event", {"value": BODY, "headers": ["x"]}, "example_unreadable: headers are texts by"
         " name"),
        ("event", {"value": BODY, "headers": {"x": 1}}, "example_unreadable: headers are texts by"
         " name"),
        ("event", {"value": BODY, "key": 1}, "example_unreadable: key is a text or null"),
        ("expect", [], "example_unreadable: not a JSON object"),
        ("expect", {}, f"example_unreadable: {FORM}"),
        ("expect", {"said": SAID, "ignored": True}, f"example_unreadable: {FORM}"),
        ("expect", {"said": "all"}, f"example_unreadable: {HOLDS}"),
        ("expect", {"said": {"lerner": "905"}}, f"example_unreadable: {HOLDS}"),
        ("expect", {"events": []}, "example_unreadable: events is a list, of what the mapping makes"
         " of each of its events"),
        ("expect", {"events": ["x"]}, f"example_unreadable: {FORM}"),
        ("expect", {"ignored": True}, "example_failed: came to said: what the event says"),
        ("expect", {"said": {**SAID, "title": "x"}}, "example_failed: differs in title"),
        ("expect", {"events": [{"said": SAID}] * 2}, "example_failed: came to 1 events of this"
         " mapping, not 2"),
    ],
    ids=range(20),
)  # fmt: skip
def test_what_is_wrong_with_an_example_is_told_word_for_word(
    folder: Folder, file: str, content: Any, says: str
) -> None:
    folder.example("more", BODY, {"said": SAID})
    folder.write(f"mappings/lms/done.tests/more.{file}.json", content)
    assert [str(one) for one in folder.problems()] == [AT + says]


# ---------------------------------------------------------------- folders


def test_what_is_wrong_with_a_folder_is_told_word_for_word(folder: Folder) -> None:
    folder.write("mappings/lms/a.yaml", "mapping: lms/a\n")
    folder.mappings.joinpath("lms/c.yaml").write_bytes(b"\xff")
    ignoring = (
        "mapping: lms/e\nversion: 1\nmatch:\n  - {path: headers.x, equals: x}\nkind: ignore\n"
    )
    folder.write("mappings/lms/e.yaml", ignoring)
    folder.write("mappings/lms/done.yml", WHOLE)
    folder.example("one", BODY, {"said": SAID}, "lms/dnoe")
    folder.write("mappings/lms/done.tests/bad.expect.json", {"said": {}})
    folder.remove("said.event")
    folder.remove("excused.expect")
    done = "mappings/lms/done.yaml:1: "
    yml = "mappings/lms/done.yml:1: "
    both = [
        "example bad: example_failed: came to error: value_missing, learner",
        "example excused: example_incomplete: excused.expect.json is not there",
        "example said: example_incomplete: said.event.json is not there",
        "examples: example_missing: one that comes to error",
        "examples: example_missing: one that comes to not_reportable broken",
        "match: ambiguous_mapping: an example is also lms/done and lms/done",
    ]
    kinds = "completion, evaluation, claim, retraction, ignore"
    assert [str(one) for one in folder.problems()] == [
        "mappings/lms/a.yaml:1: kind: missing_key: takes one of: " + kinds,
        "mappings/lms/a.yaml:1: match: missing_key: takes a list of rows",
        "mappings/lms/a.yaml:1: schema: missing_key: takes schemas/lms/event.json",
        "mappings/lms/a.yaml:1: version: missing_key: takes a whole number from 1",
        "mappings/lms/c.yaml:1: unreadable: cannot be read as UTF-8 text",
        "mappings/lms/dnoe.tests:1: mapping_missing: examples without a mapping",
        "mappings/lms/done:1: duplicate_mapping: both .yaml and .yml are there",
        *(done + one for one in both),
        *(yml + one for one in both),
        "mappings/lms/e.yaml:1: examples: example_missing: one that comes to ignored",
        "mappings/lms/e.yaml:1: examples: path_never_seen: headers.x: no example has it and no"
        " schema knows it; is it misspelt?",
    ]


def test_an_event_that_is_also_anothers_is_told_once(folder: Folder) -> None:
    more = (
        "mapping: lms/more\nversion: 1\nmatch:\n  - {path: body.user, equals: 905}\nkind: ignore\n"
    )
    folder.write("mappings/lms/more.yaml", more)
    folder.example("one", {"user": 905}, {"ignored": True}, "lms/more")
    folder.example("again", BODY, {"said": SAID})
    assert [str(one) for one in folder.problems()] == [
        "mappings/lms/done.yaml:1: match: ambiguous_mapping: "
        "an example is also lms/done and lms/more"
    ]


def test_an_example_keeps_its_key_and_headers(folder: Folder) -> None:
    for name, path in (("lms/key", "key"), ("lms/header", "headers.x")):
        by = f"mapping: {name}\nversion: 1\nmatch:\n  - {{path: {path}, equals: a}}\nkind: ignore\n"
        folder.write(f"mappings/{name}.yaml", by)
        own = {"value": {}, path.partition(".")[0]: "a" if path == "key" else {"x": "a"}}
        folder.write(f"mappings/{name}.tests/one.event.json", own)
        folder.write(f"mappings/{name}.tests/one.expect.json", {"ignored": True})
    assert len(load_catalogue(folder.mappings, folder.schemas).mappings) == 3
    both = {"value": {}, "key": "a", "headers": {"x": "a"}}
    folder.write("mappings/lms/key.tests/one.event.json", both)
    assert [str(one) for one in folder.problems()] == [
        "mappings/lms/key.yaml:1: match: ambiguous_mapping: an example is also "
        "lms/header and lms/key"
    ]


def test_an_expectation_may_hold_every_target() -> None:
    every = {"said": dict.fromkeys(TARGETS, "x")}
    assert expectation(orjson.dumps(every)) == every


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    gone = Folder(tmp_path)
    gone.mappings = tmp_path / "gone"
    assert [str(one) for one in gone.problems()] == [
        f"{gone.mappings}:1: unreadable: no such folder"
    ]


def test_a_mapping_is_found_by_its_name(folder: Folder) -> None:
    folder.write("mappings/lms/again.yml", WHOLE)
    folder.write("mappings/tables/lms.yaml", "a: 1\n")
    folder.write("mappings/lms/notes.yxml", "a: 1\n")
    again, done = folder.mappings / "lms/again.yml", folder.mappings / "lms/done.yaml"
    assert mapping_files(folder.mappings) == [again, done]
    assert find_mapping("lms/again", folder.mappings) == again
    assert find_mapping("lms/done", folder.mappings) == done
    for name, meant in (("lms/dome", "; did you mean lms/done?"), ("xyz", "")):
        with pytest.raises(MappingProblems) as error:
            find_mapping(name, folder.mappings)
        assert told(error) == [f"mappings:1: no_such_mapping: there is no mapping {name}{meant}"]


def test_a_mapping_is_loaded_by_its_file(folder: Folder) -> None:
    with pytest.raises(MappingProblems) as error:
        load_mapping(folder.write("done.yaml", WHOLE), folder.mappings, folder.schemas)
    assert told(error) == [
        "done.yaml:1: outside_mappings: a mapping's name is its path below mappings; "
        "this file lies outside"
    ]
    broken = folder.write("mappings/lms/a.yaml", WHOLE.replace("lms/done\n", "lms/a\nkidn: x\n"))
    with pytest.raises(MappingProblems) as error:
        load_mapping(broken, folder.mappings, folder.schemas)
    assert told(error) == ["mappings/lms/a.yaml:2: kidn: unknown_key: kidn; did you mean kind?"]


def test_what_can_be_loaded_is_and_the_rest_is_told(folder: Folder) -> None:
    folder.write("mappings/lms/z.yaml", "mapping: [\n")
    folder.write("mappings/lms/a.yaml", "- a\n")
    folder.write("mappings/lms/again.yaml", WHOLE.replace(": lms/done", ": lms/again"))
    folder.remove("said.event")
    catalogue, problems = load_some(folder.mappings, folder.schemas)
    assert [one.name for one in catalogue.mappings] == ["lms/again", "lms/done"]
    assert catalogue.version == ""
    assert sorted(catalogue.meanings) == ["lms/a", "lms/again", "lms/done", "lms/z"]
    assert catalogue.meanings["lms/again"] != catalogue.meanings["lms/done"]
    assert [str(one) for one in problems] == [
        "mappings/lms/a.yaml:1: syntax: a mapping file is a table of names and values",
        "mappings/lms/z.yaml:2: syntax: expected the node content, but found '<stream end>'",
    ]


def test_an_event_file_that_cannot_be_read_is_told(folder: Folder) -> None:
    absent, broken = folder.mappings / "absent.json", folder.write("broken.json", "{")
    for file, says in (
        (absent, "No such file or directory"),
        (broken, "not readable as JSON, or a name stands twice"),
        (folder.mappings, "Is a directory"),
    ):
        with pytest.raises(MappingProblems) as error:
            load_event(file)
        assert told(error) == [f"{file}:1: event_unreadable: {says}"]


# ---------------------------------------------------------------- advice


@pytest.mark.parametrize("code", LOADING)
def test_the_next_step_of_a_file_comes_before_that_of_an_event(code: str) -> None:
    assert next_step(code) == LOADING[code]


@pytest.mark.parametrize("code", sorted(READING.keys() - LOADING.keys()))
def test_the_next_step_of_an_event_is_what_to_do_not_what_it_means(code: str) -> None:
    assert next_step(code) == READING[code][1]


def test_a_code_of_another_part_has_no_next_step_here() -> None:
    assert next_step("birth_date_unknown") == ""
