"""Messages that hold several events: each by itself, and each somebody's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.bus.port import Message
from consumer.event import Envelope, decode
from consumer.fate import Held, Ignored, Refused
from consumer.journey import Heard, hear, hear_part
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import outcomes_of
from consumer.mapping.file import compile_file
from consumer.mapping.loader import load_catalogue
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Problem, Report
from consumer.mapping.proof import prove_apart
from consumer.reason import Reason, Stage, Stopped
from tests.unit.mapping.test_loader import Folder
from tests.unit.samples import NOW, house

EVENT = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string"},
        "user": {"type": ["string", "null"]},
        "at": {"type": "string"},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "sensor": {"type": "string"},
        "data": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/event"}},
    },
    "$defs": {"event": EVENT},
}
BARE = {
    "oneOf": [{"type": "array", "items": {"$ref": "#/$defs/event"}}, {"$ref": "#/$defs/event"}],
    "$defs": {"event": EVENT},
}
OURS = "{path: body.sensor, equals: s}"
DONE = {"type": "done", "user": "905", "at": "2026-11-20T18:00:00Z"}
ROWS = """kind: completion
event:
  site: {const: lms.example}
  learner: {from: item.user}
  course: {const: "37"}
  completed: {from: item.at, instant: iso8601}
"""


def compiled(
    *match: str,
    name: str = "lms/done",
    each: str = "body.data",
    rows: str = ROWS,
    schema: Any = SCHEMA,
) -> tuple[Mapping | None, list[Problem]]:
    lines = "".join(f"  - {row}\n" for row in match)
    text = f"mapping: {name}\nversion: 1\nschema: schemas/lms/x.json\nmatch:\n{lines}"
    report = Report(f"mappings/{name}.yaml")
    text += (f"each: {each}\n" if each else "") + rows
    return compile_file(text, name, lambda _: orjson.dumps(schema), report), report.problems


def a_mapping(*match: str, **changes: Any) -> Mapping:
    found, problems = compiled(*match, **changes)
    assert not problems
    assert found
    return found


DONE_ONES = a_mapping(OURS, "{path: item.type, equals: done}")
VIEWED = a_mapping(
    OURS, "{path: item.type, in: [viewed, opened]}", name="lms/viewed", rows="kind: ignore\n"
)
EITHER = a_mapping("{path: item.type, equals: done}", each="body", schema=BARE)


def heard(body: Any, *mappings: Mapping) -> list[Heard]:
    message = Message("t", 0, 7, b"k", orjson.dumps(body))
    known = house(events=Catalogue(mappings or (DONE_ONES, VIEWED)))
    return hear(message, replace(known, payload_limit_bytes=10**7), NOW)


def reasons(what: Heard) -> list[tuple[Stage, str, str]]:
    if isinstance(what.judgement, Ignored):
        return []
    assert isinstance(what.judgement, Refused | Held)
    return [(one.stage, one.code, one.field) for one in what.judgement.reasons]


def learners(found: list[Heard]) -> list[str | None]:
    return [one.said.learner if one.said else None for one in found]


def data(*items: Any, **more: Any) -> dict[str, Any]:
    return {"sensor": "s", "data": list(items), **more}


# ---------------------------------------------------------------- taken apart


def test_each_event_is_heard_by_itself_and_knows_its_part() -> None:
    found = heard(data(DONE, {"type": "viewed"}, DONE | {"user": "906"}))
    assert [one.part for one in found] == [0, 1, 2]
    assert learners(found) == ["905", None, "906"]
    assert isinstance(found[1].judgement, Ignored)
    assert [one.mapping for one in found] == ["lms/done", "lms/viewed", "lms/done"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"type": "done", "user": None}, (Stage.MAP, "value_missing", "learner")),
        ({"type": "done", "user": 7}, (Stage.SCHEMA, "schema_mismatch", "item.user")),
        ({"type": "deleted"}, (Stage.RECOGNISE, "unknown_event", "body.data[1]")),
        ({}, (Stage.RECOGNISE, "unknown_event", "body.data[1]")),
        ("text", (Stage.RECOGNISE, "unknown_event", "body.data[1]")),
        (None, (Stage.RECOGNISE, "unknown_event", "body.data[1]")),
    ],
    ids=str,
)
def test_a_broken_event_sinks_no_other(broken: Any, reason: tuple[Stage, str, str]) -> None:
    first, second, third = heard(data(DONE, broken, DONE | {"user": "906"}))
    assert learners([first, third]) == ["905", "906"]
    assert reason in reasons(second)
    assert second.part == 1


def test_what_is_broken_around_the_list_is_told_of_each() -> None:
    loose = a_mapping("{path: item.type, equals: done}")
    found = heard(data(DONE, DONE, sensor=5), loose)
    assert [reasons(one) for one in found] == [
        [(Stage.SCHEMA, "schema_mismatch", "body.sensor")]
    ] * 2


def test_an_event_alone_is_its_message_without_the_others() -> None:
    _, second, _ = heard(data({"type": "x"}, DONE, {"type": "x"}, note="n"))
    assert second.event
    assert second.event.alone == data(DONE, note="n")


def test_people_of_a_group_are_each_heard_with_what_they_did() -> None:
    schema = {
        "properties": {
            "verb": {"type": "string"},
            "actor": {"properties": {"member": {"type": "array", "items": EVENT}}},
        }
    }
    group = a_mapping(
        "{path: body.verb, equals: completed}",
        each="body.actor.member",
        rows=ROWS.replace('{const: "37"}', "{from: body.verb}"),
        schema=schema,
    )
    found = heard({"verb": "completed", "actor": {"member": [DONE, DONE | {"user": "1"}]}}, group)
    assert learners(found) == ["905", "1"]
    assert [one.said.course for one in found if one.said] == ["completed", "completed"]


def test_a_list_of_plain_ids_may_be_taken_apart() -> None:
    schema = {"properties": {"ids": {"items": {"type": "string"}}, "at": {}}}
    rows = ROWS.replace("item.user", "item").replace("item.at", "body.at")
    ids = a_mapping("{path: body.at, present: true}", each="body.ids", rows=rows, schema=schema)
    assert learners(heard({"ids": ["1", "2"], "at": DONE["at"]}, ids)) == ["1", "2"]


VARIANTS = [
    DONE,
    DONE | {"user": "906"},
    DONE | {"user": None},
    DONE | {"user": 7},
    DONE | {"at": "never"},
    {"type": "viewed"},
    {"type": "deleted"},
    {},
    "text",
    None,
    [DONE],
]


def fate(what: Heard) -> Any:
    """All that came of an event, but for its place in a message."""
    told = [(stage, code, field.partition("[")[0]) for stage, code, field in reasons(what)]
    return type(what.judgement), told, what.said, what.mapping, what.version


@given(st.lists(st.sampled_from(VARIANTS), min_size=1, max_size=8))
def test_law_events_together_come_to_what_each_comes_to_alone(items: list[Any]) -> None:
    together = heard(data(*items))
    assert [one.part for one in together] == [*range(len(items))]
    alone = [one for item in items for one in heard(data(item))]
    assert [*map(fate, together)] == [*map(fate, alone)]


@given(st.sampled_from(VARIANTS), st.integers(0, 9))
def test_law_an_event_heard_again_without_the_others_comes_to_the_same(item: Any, n: int) -> None:
    first = heard(data(*[DONE] * n, item, DONE))[n]
    assert first.event
    kept = Envelope(first.event.alone, first.event.headers, first.event.key)
    known = house(events=Catalogue([DONE_ONES, VIEWED]))
    (again,) = hear_part(kept, n, known, NOW)
    assert (again.part, fate(again)) == (first.part, fate(first))
    assert again.event
    assert again.event.alone == first.event.alone


# ---------------------------------------------------------------- arrays, and one without a list


def test_an_array_is_taken_apart_and_one_event_alone_is_a_list_of_one() -> None:
    assert learners(heard([DONE, DONE | {"user": "906"}], EITHER)) == ["905", "906"]
    (alone,) = heard(DONE, EITHER)
    assert (learners([alone]), alone.part) == (["905"], 0)


def test_an_object_does_not_stand_for_a_list_unless_the_schema_lets_it() -> None:
    (found,) = heard({"sensor": "s", "data": DONE})
    mismatch = Reason(Stage.SCHEMA, "schema_mismatch", "body.data", "type")
    assert isinstance(found.judgement, Refused)
    assert found.judgement.reasons == (mismatch,)


def test_an_array_that_nobody_takes_apart_is_unknown() -> None:
    first = a_mapping(
        "{path: 'body[0].type', equals: done}", each="", rows="kind: ignore\n", schema=BARE
    )
    for body in ([DONE], [], [[]], [1]):
        (found,) = heard(body, first, DONE_ONES)
        assert (reasons(found), found.part) == ([(Stage.RECOGNISE, "unknown_event", "")], None)


def test_a_message_with_no_event_of_anybodys_is_refused_whole() -> None:
    (found,) = heard([{"type": "x"}, {"type": "y"}], EITHER)
    assert (reasons(found), found.part) == ([(Stage.RECOGNISE, "unknown_event", "")], None)


def test_a_list_without_events_says_nothing() -> None:
    (found,) = heard(data())
    assert isinstance(found.judgement, Ignored)


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "value_missing"), ("", "value_missing"), (5, "wrong_type"), ("x", "wrong_type")],
)
def test_a_list_that_is_none_refuses_the_message(value: Any, code: str) -> None:
    (found,) = heard({"sensor": "s", "data": value})
    assert reasons(found) == [(Stage.MAP, code, "body.data")]


@pytest.fixture
def at_most_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("each", "fan"):
        monkeypatch.setattr(f"consumer.mapping.{module}.MOST_EVENTS", 4)


@pytest.mark.usefixtures("at_most_four")
def test_more_events_than_anybody_sends_refuse_the_message() -> None:
    viewed = {"type": "viewed"}
    assert len(heard(data(*[viewed] * 4))) == 4
    told = stop(Catalogue([DONE_ONES]), data(*[viewed] * 5))
    assert told == Reason(Stage.RECOGNISE, "too_many_events", "body.data", "limit 4 events")
    told = stop(Catalogue([EITHER]), [DONE] * 5)
    assert told == Reason(Stage.RECOGNISE, "too_many_events", "body", "limit 4 events")


@pytest.mark.usefixtures("at_most_four")
def test_only_so_many_events_are_looked_at_to_see_whose_the_message_is() -> None:
    known = Catalogue([EITHER])
    assert len(known.events(Envelope([{}, {}, {}, DONE], {}, None))) == 4
    late = Envelope([{}, {}, {}, {}, DONE], {}, None)
    assert list(known.events(late)) == [late]


def test_plain_text_does_not_stand_for_a_list_of_one() -> None:
    schema = {"properties": {"ids": {"items": {"type": "string"}}}}
    ids = a_mapping(
        "{path: item, starts_with: a}", each="body.ids", rows="kind: ignore\n", schema=schema
    )
    text, listed = (Envelope({"ids": value}, {}, None) for value in ("abc", ["abc"]))
    assert list(Catalogue([ids]).events(text)) == [text]
    assert [one.item for one in Catalogue([ids]).events(listed)] == ["abc"]


# ---------------------------------------------------------------- whose it is


def stop(catalogue: Catalogue, body: Any) -> Reason:
    with pytest.raises(Stopped) as stopped:
        catalogue.events(decode(Message("t", 0, 0, None, orjson.dumps(body)), 10**6))
    (reason,) = stopped.value.reasons
    return reason


def test_a_message_is_taken_whole_or_apart_in_one_place() -> None:
    whole = a_mapping(OURS, each="", name="lms/whole", rows="kind: ignore\n")
    both = stop(Catalogue([whole, DONE_ONES]), data(DONE))
    ambiguous = Reason(Stage.RECOGNISE, "ambiguous_mapping", "", "lms/whole and lms/done")
    assert both == ambiguous
    schema = SCHEMA | {"properties": SCHEMA["properties"] | {"more": {"items": EVENT}}}  # type: ignore[operator]
    more = a_mapping(OURS, name="lms/more", each="body.more", schema=schema)
    twice = stop(Catalogue([more, DONE_ONES]), data(DONE, more=[]))
    assert (twice.code, twice.detail) == ("ambiguous_mapping", "lms/more and lms/done")


def test_an_event_that_two_mappings_claim_is_refused_by_itself() -> None:
    twin = a_mapping(
        OURS, "{path: item.user, equals: '906'}", name="lms/twin", rows="kind: ignore\n"
    )
    first, second = heard(data(DONE, DONE | {"user": "906"}), DONE_ONES, twin)
    assert learners([first]) == ["905"]
    assert reasons(second) == [(Stage.RECOGNISE, "ambiguous_mapping", "body.data[1]")]


def test_a_mapping_of_items_alone_leaves_other_messages_whole() -> None:
    whole = a_mapping(
        "{path: body.type, equals: viewed}", each="", rows="kind: ignore\n", schema=BARE
    )
    known = Catalogue([EITHER, whole])
    other = Envelope({"type": "viewed"}, {}, None)
    assert list(known.events(other)) == [other]
    assert known.recognise(other) is whole


def test_an_event_knows_its_message_and_its_place_there() -> None:
    body = data({"type": "x"}, DONE)
    first, second = DONE_ONES.split(Envelope(body, {"h": "1"}, "k"))
    assert second == Envelope(body, {"h": "1"}, "k", DONE, 1, ("data",))
    assert first == Envelope(body, {"h": "1"}, "k", {"type": "x"}, 0, ("data",))
    whole = Envelope(body, {}, None)
    assert a_mapping(OURS, each="", rows="kind: ignore\n").split(whole) == [whole]


def test_what_a_mapping_makes_of_an_example_is_a_list_if_it_takes_messages_apart() -> None:
    file = orjson.dumps({"value": data({"type": "x"}, DONE), "key": "k", "headers": {"h": "1"}})
    (event,), outcomes = outcomes_of(DONE_ONES, file)
    assert (event.part, event.key, event.headers) == (1, "k", {"h": "1"})
    assert outcomes == [DONE_ONES.read(event)]
    whole = a_mapping(OURS, each="", rows="kind: ignore\n")
    assert outcomes_of(whole, file)[1] == Ignored()
    events, stopped = outcomes_of(DONE_ONES, orjson.dumps({"value": data()}))
    assert events == []
    assert isinstance(stopped, Stopped)
    assert stopped.reasons == (Reason(Stage.RECOGNISE, "unknown_event"),)


def test_an_example_that_others_take_apart_is_theirs() -> None:
    first = a_mapping(
        "{path: 'body[0].type', equals: done}",
        each="",
        name="lms/first",
        rows="kind: ignore\n",
        schema=BARE,
    )
    events = Envelope([DONE, DONE], {}, None)
    assert first.matches(events)
    assert prove_apart(Catalogue([first]), first, events) == ""
    assert prove_apart(Catalogue([first, EITHER]), first, events) == "lms/done"
    parts = EITHER.split(events)
    assert [prove_apart(Catalogue([first, EITHER]), EITHER, one) for one in parts] == ["", ""]


# ---------------------------------------------------------------- at load


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"each": "body.dta"}, "path_not_in_schema", "did you mean data?"),
        ({"each": "body.sensor"}, "path_not_in_schema", "has no list here"),
        ({"each": "headers.x"}, "path_syntax", "takes body"),
        ({"each": "item"}, "path_syntax", "takes body"),
        ({"each": "[a, b]"}, "bad_value", "takes a path"),
        ({"each": "\"body.data[?type=='x'].y | [0]\""}, "path_syntax", "takes body"),
        ({"rows": ROWS.replace("item.user", "item.usr")}, "path_not_in_schema", "mean user?"),
        ({"rows": ROWS.replace("item.user", "body.data.user")}, "path_not_in_schema", "no user"),
        ({"each": ""}, "path_syntax", "item needs each"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_told_at_load(changes: Any, code: str, says: str) -> None:
    found, problems = compiled(OURS, "{path: body.sensor, present: true}", **changes)
    assert found is None
    assert {one.code for one in problems} == {code}
    assert any(says in one.message for one in problems)
    assert all(one.line > 1 for one in problems)


# ---------------------------------------------------------------- examples

MORE = {**SCHEMA, "properties": {**SCHEMA["properties"], "course": True}}  # type: ignore[dict-item]
DONE_SAID = {
    "site": "lms.example",
    "learner": "905",
    "course": "37",
    "completed": "2026-11-20T18:00:00Z",
}
BROKEN = {"type": "done", "user": None, "at": DONE["at"]}
MISSING = {"error": "value_missing", "field": "learner"}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    for name in ("said", "excused", "bad"):
        found.remove(f"{name}.event")
        found.remove(f"{name}.expect")
    found.write("schemas/lms/done.json", MORE)
    match = f"match:\n  - {OURS}\n  - {{path: item.type, equals: done}}\neach: body.data\n"
    head = "mapping: lms/done\nversion: 1\nschema: schemas/lms/done.json\n"
    found.write("mappings/lms/done.yaml", head + match + ROWS)
    found.example(
        "all", data(DONE, {"type": "x"}, BROKEN), {"events": [{"said": DONE_SAID}, MISSING]}
    )
    return found


def test_an_example_says_what_comes_of_each_event_of_its_mapping(folder: Folder) -> None:
    assert load_catalogue(folder.mappings, folder.schemas).mappings
    folder.example("one", data({"type": "x"}, DONE), {"said": DONE_SAID})
    folder.example("none", data({"type": "x"}), {"error": "unknown_event"})
    folder.example("no list", {"sensor": "s"}, {"error": "value_missing", "field": "body.data"})
    assert load_catalogue(folder.mappings, folder.schemas).mappings


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ({"events": [{"said": DONE_SAID}]}, "came to 2 events of this mapping, not 1"),
        ({"said": DONE_SAID}, "came to 2 events of this mapping, not 1"),
        ({"events": [MISSING, MISSING]}, "event 0: came to said: what the event says"),
        (
            {"events": [{"said": DONE_SAID | {"course": "38"}}, MISSING]},
            "event 0: differs in course",
        ),
        (
            {"events": [{"said": {}}, {"error": "wrong_type"}]},
            "event 0: differs in completed, course, learner, site; event 1: came to error: val",
        ),
    ],
    ids=range(5),
)
def test_an_example_that_fails_says_which_event_differs(
    folder: Folder, expected: Any, says: str
) -> None:
    folder.example("all", data(DONE, {"type": "x"}, BROKEN), expected)
    (failed,) = [one for one in folder.problems() if one.code == "example_failed"]
    assert failed.message.startswith(says)


@pytest.mark.parametrize("events", [[], {}, "x", [{}], ["x"], [{"events": []}]], ids=str)
def test_a_list_of_expectations_holds_expectations(folder: Folder, events: Any) -> None:
    folder.example("more", data(DONE), {"events": events})
    assert folder.problem().code == "example_unreadable"


def test_an_example_that_another_mapping_takes_whole_does_not_load(folder: Folder) -> None:
    text = f"mapping: lms/more\nversion: 1\nmatch:\n  - {OURS}\nkind: ignore\n"
    folder.write("mappings/lms/more.yaml", text)
    folder.example("one", data(DONE), {"ignored": True}, "lms/more")
    assert {one.code for one in folder.problems()} == {"ambiguous_mapping"}
