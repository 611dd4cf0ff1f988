"""A draft fits its samples, says what it guessed, and holds nothing that was anybody's."""

from __future__ import annotations

import copy
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.drafting.draft import Draft, draft
from consumer.drafting.sample import samples_of
from consumer.event import Envelope
from consumer.mapping.example import Unreadable, expectation, outcomes_of, verdict
from consumer.mapping.file import compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report

EVENT: dict[str, Any] = {
    "eventId": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "eventType": "training.completed",
    "eventDate": "2026-10-20T21:14:09Z",
    "corp": "harborhealth",
    "triggeredBy": {"userId": 12, "email": "registrar@harbor.example"},
    "user": {"userId": 40217, "firstName": "Wanda", "lastName": "Okonjo", "mail": "w@h.example"},
    "training": {"loId": "8a7c1d20", "title": "Renal Update", "provider": {"id": 7}},
    "transcript": {
        "registrationNumber": 88213,
        "status": "Completed",
        "score": 92.5,
        "completedOn": "2026-10-20T16:13:00-05:00",
        "dueDate": None,
    },
}


def changed(**parts: Any) -> dict[str, Any]:
    """The event with other members in its parts."""
    event = copy.deepcopy(EVENT)
    for part, members in parts.items():
        event[part] = event[part] | members if isinstance(members, dict) else members
    return event


def drafted(*events: Any, keep_values: bool = False) -> Draft:
    samples = [one for event in events for one in samples_of(orjson.dumps(event))]
    return draft("academy/done", samples, keep_values=keep_values)


def mapping_of(made: Draft) -> Mapping:
    report = Report("draft")
    schema = made.files["schemas/academy/done.json"].encode()
    text = made.files[made.mapping].replace("kind: TODO", "kind: completion")
    mapping = compile_file(text, made.name, lambda _: schema, report)
    assert mapping, report.problems
    return mapping


def problems_of(made: Draft) -> list[tuple[str, str]]:
    report = Report("draft")
    schema = made.files["schemas/academy/done.json"].encode()
    compile_file(made.files[made.mapping], made.name, lambda _: schema, report)
    return [(problem.field, problem.code) for problem in report.problems]


def paths(made: Draft) -> dict[str, str]:
    return {row.target: row.path for row in made.rows}


def test_a_clear_event_needs_nobodys_help() -> None:
    made = drafted(EVENT)
    assert paths(made) == {
        "site": "body.corp",
        "learner": "body.user.userId",
        "course": "body.training.loId",
        "completed": "body.transcript.completedOn",
        "occurred_at": "body.eventDate",
        "event_id": "body.eventId",
        "title": "body.training.title",
    }
    assert [(m.path, m.values) for m in made.match] == [
        ("body.eventType", ("training.completed",)),
        ("body.transcript.status", ("Completed",)),
    ]
    mapping = mapping_of(made)
    assert mapping.matches(samples_of(orjson.dumps(EVENT))[0])
    assert made.files[made.mapping].count("\n") <= 40


def test_every_example_of_a_draft_passes() -> None:
    made = drafted(EVENT, changed(user={"userId": 9}))
    mapping, folder = mapping_of(made), "mappings/academy/done.tests/"
    names = [n.removesuffix(".event.json") for n in made.files if n.endswith(".event.json")]
    assert names == [f"{folder}completed_1", f"{folder}completed_2", f"{folder}without_learner"]
    for name in names:
        _, outcome = outcomes_of(mapping, made.files[f"{name}.event.json"].encode())
        assert not isinstance(outcome, list)
        assert verdict(outcome) == expectation(made.files[f"{name}.expect.json"].encode())


@pytest.mark.parametrize(
    ("learner", "path"),
    [
        ({"userid": 3, "relateduserid": 7}, "body.relateduserid"),
        ({"actor": {"id": "1"}, "student": {"id": "2"}}, "body.student.id"),
        ({"modifiedBy": {"userId": "1"}, "person": {"uuid": "2"}}, "body.person.uuid"),
        ({"instructor_id": 1, "attendee_number": "A-2"}, "body.attendee_number"),
        ({"learner": {"name": "Wanda Okonjo", "username": "wokonjo"}}, "body.learner.username"),
    ],
)
def test_the_learner_is_not_whoever_caused_the_event(learner: dict[str, Any], path: str) -> None:
    event = {"event": "course.completed", "course_id": 4, "completed_at": 1795200000} | learner
    assert paths(drafted(event))["learner"] == path


@pytest.mark.parametrize(
    ("value", "verbs"),
    [
        (1795200000, {"instant": "epoch_s"}),
        ("1795200000", {"instant": "epoch_s"}),
        (1795200000123, {"instant": "epoch_ms"}),
        ("2026-11-20T23:38:00Z", {"instant": "iso8601"}),
        ("2026-11-20 23:38:00", {"instant": "iso8601", "zone": "TODO"}),
        ("11/20/2026 4:13 PM", {"instant": "%m/%d/%Y %I:%M %p", "zone": "TODO"}),
        ("2026-11-20", {"date": "[YYYY-MM-DD]"}),
        ("11/20/2026", {"date": "[MM/DD/YYYY]"}),
        ("20/11/2026", {"date": "[DD/MM/YYYY]"}),
        ("03/04/2026", {"date": "[TODO]"}),
    ],
)
def test_the_form_of_a_time_is_read_off_it_or_asked_for(
    value: object, verbs: dict[str, str]
) -> None:
    made = drafted(changed(transcript={"completedOn": value}))
    (row,) = [row for row in made.rows if row.target == "completed"]
    assert (row.path, row.verbs) == ("body.transcript.completedOn", verbs)
    asks = [code for _, code in problems_of(made)]
    assert asks == ["to_do"] * (1 + row.open)


def test_several_samples_decide_what_one_leaves_open() -> None:
    made = drafted(*(changed(transcript={"completedOn": f"03/{day}/2026"}) for day in ("04", "25")))
    assert paths(made)["completed"] == "body.transcript.completedOn"
    assert "date: [MM/DD/YYYY]" in made.files[made.mapping]


def test_what_only_a_person_can_know_is_asked_line_by_line() -> None:
    made = drafted({"a": "x", "b": 1, "c": "2"})
    assert problems_of(made) == [
        ("match[0].path", "to_do"),
        ("match[0].equals", "to_do"),
        ("kind", "to_do"),
        ("event.learner.from", "to_do"),
        ("event.course.from", "to_do"),
        ("event.completed.from", "to_do"),
    ]


def test_a_time_of_the_event_alone_is_asked_about() -> None:
    event = {"event": "course.completed", "user_id": 1, "course_id": 2, "sent_at": 1795200000}
    made = drafted(event)
    (row,) = [row for row in made.rows if row.target == "completed"]
    assert (row.path, row.verbs) == ("TODO", {"instant": "epoch_s"})
    assert "body.sent_at is when the event was made" in row.why
    assert ("event.completed.from", "to_do") in problems_of(made)


@pytest.mark.parametrize(
    ("event", "asks"),
    [
        (EVENT, "completion, if body.eventType says so"),
        (changed(eventType="training.status", passed=True), "completion, if body.transcript"),
        (
            changed(eventType="training.changed", transcript={"status": "Withdrawn"}),
            "nothing says that it was completed",
        ),
        (
            changed(
                eventType="training.changed",
                transcript={"status": "Withdrawn", "previousStatus": "Completed"},
            ),
            "nothing says that it was completed",
        ),
    ],
)
def test_what_kind_of_event_it_is_is_never_guessed(event: dict[str, Any], asks: str) -> None:
    made = drafted(event)
    assert f"kind: TODO   # TODO: {asks}" in made.files[made.mapping]
    assert ("kind", "to_do") in problems_of(made)
    assert not any("previous" in one.path for one in made.match)


def test_whoever_caused_the_event_is_not_proposed_as_its_learner() -> None:
    both = {"actor": {"guid": "1"}, "learner": {"guid": "2"}}
    event = {"event": "course.completed", "course_id": 4, "completed_at": 1795200000} | both
    (row,) = [row for row in drafted(event).rows if row.target == "learner"]
    assert (row.path, row.why) == ("body.learner.guid", "guessed by its name")


def test_a_failed_attempt_does_not_match() -> None:
    mapping = mapping_of(drafted(changed(passed=True)))
    for failed in (changed(passed=False), changed(transcript={"status": "Failed"}, passed=True)):
        assert not mapping.matches(samples_of(orjson.dumps(failed))[0])


def test_the_schema_knows_every_name_and_is_strict_only_where_it_is_read() -> None:
    made = drafted(EVENT, changed(triggeredBy=None))
    schema = orjson.loads(made.files["schemas/academy/done.json"])
    members = schema["properties"]
    assert set(members) == set(EVENT)
    assert members["triggeredBy"]["type"] == ["object", "null"]
    assert members["user"]["required"] == ["userId"]
    assert members["user"]["properties"]["userId"] == {"$ref": "#/$defs/id"}
    assert "required" not in members["training"]["properties"]["provider"]
    mapping = mapping_of(made)
    # An ID may come as text tomorrow, and what nobody reads may be null or gone.
    other = changed(user={"userId": "40217", "firstName": None}, transcript={"score": None})
    del other["triggeredBy"]
    assert "said" in verdict(mapping.read(samples_of(orjson.dumps(other))[0]))


@pytest.mark.parametrize(
    "free",
    [
        {"custom_fields": {"abim": "1"}},
        {"answers": {"w@harbor.example": 1}},
        {"byId": {"40217": 1}},
        {"extensions": {"https://lms.example/x": 1}},
    ],
)
def test_a_map_of_free_names_is_open_and_its_names_stand_in_no_schema(
    free: dict[str, dict[str, Any]],
) -> None:
    (name, members), *_ = free.items()
    text = drafted(changed() | free).files["schemas/academy/done.json"]
    assert orjson.loads(text)["properties"][name]["additionalProperties"] is True
    assert not any(member in text for member in members)


def test_values_are_kept_only_when_told_so() -> None:
    kept = drafted(EVENT, keep_values=True)
    wrapped = orjson.loads(kept.files["mappings/academy/done.tests/completed.event.json"])
    assert wrapped["value"] == EVENT


def _marked(kind: str, number: int) -> object:
    mark = f"Zq{number:05d}"
    shapes: dict[str, object] = {
        "text": mark,
        "mail": f"{mark}@zqmail.example",
        "host": f"{mark}.zqhost.example",
        "url": f"https://zqurl.example/{mark}",
        "number": 7_310_000_000_000_000 + number,
        "date": f"19{61 + number % 39}-04-13 zq",
        "float": 7310.25 + number,
    }
    return shapes[kind]


_KINDS = ["text", "mail", "host", "url", "number", "date", "float"]
_NAMES = ["id", "name", "user", "email", "course", "title", "status", "type", "host", "x", "at"]
_EVENTS = st.recursive(
    st.builds(_marked, st.sampled_from(_KINDS), st.integers(0, 99_999)),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(_NAMES), _EVENTS, min_size=1), st.text("Zq4713", max_size=9))
def test_nothing_of_any_event_is_left_in_a_draft(body: dict[str, Any], key: str) -> None:
    headers = {"ce_type": "course.completed", "x-user": f"Zq{key}"}
    made = draft("academy/done", [Envelope(body, headers, f"Zq-{key}")])
    # The kind of event is kept, and what looks like a name of one would be: those have no digits.
    for name, text in made.files.items():
        assert not re.search(r"Zq\d|zqmail|zqhost|zqurl|731\d{3}|19\d\d-04-13", text), name


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        (b'{"a": 1}', [{"a": 1}]),
        (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        (b'{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        (b'{"value": {"a": 1}, "headers": {"ce_type": "t"}, "key": "k"}', [{"a": 1}]),
        (
            b'{"topic": "t", "partition": 0, "offset": 3, "headers": ["ce_type", "t"],'
            b' "key": "k", "payload": "{\\"a\\": 1}"}',
            [{"a": 1}],
        ),
    ],
)
def test_samples_come_in_the_files_that_people_have(text: bytes, bodies: list[object]) -> None:
    found = samples_of(text)
    assert [one.body for one in found] == bodies
    if b"ce_type" in text:
        assert (found[0].headers, found[0].key) == ({"ce_type": "t"}, "k")


@pytest.mark.parametrize("text", [b"", b"Wanda", b'"Wanda"', b"[]", b'{"a": 1}\nWanda'])
def test_a_file_that_is_no_sample_is_refused_without_a_word_of_it(text: bytes) -> None:
    with pytest.raises(Unreadable) as raised:
        samples_of(text)
    assert "Wanda" not in str(raised.value)


def test_the_type_in_a_header_is_what_a_cloud_event_is_recognised_by() -> None:
    wrapped = {"value": {"learner_id": 1, "course_id": 2}, "headers": {"ce_type": "a.completed.v1"}}
    made = drafted(wrapped)
    assert [(m.path, m.values) for m in made.match] == [("headers.ce_type", ("a.completed.v1",))]
