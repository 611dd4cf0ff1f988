"""The schema: lenient with events, strict with mappings, silent about values."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.mapping.path import parse
from consumer.mapping.shape import NotInSchema, SchemaInvalid, Shape
from consumer.reason import Reason, Stage, Stopped

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["user"],
    "additionalProperties": False,
    "$defs": {"id": {"type": ["integer", "string"]}, "loop": {"$ref": "#/$defs/loop"}},
    "properties": {
        "user": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"$ref": "#/$defs/id"},
                "additionalProperties": {"type": "string"},
            },
        },
        "progress": {
            "anyOf": [
                {"type": "null"},
                {"type": "object", "properties": {"done_at": {"type": "string"}}},
                {"type": "object", "properties": {"error": {"type": "object"}}},
            ]
        },
        "fields": {
            "type": "array",
            "items": {"type": "object", "properties": {"key": {"type": "string"}, "value": True}},
        },
        "extensions": {"type": "object", "patternProperties": {"^https": {"type": "integer"}}},
        "profile": {"type": "object", "additionalProperties": {"type": "string"}},
        "anything": True,
        "loop": {"$ref": "#/$defs/loop"},
    },
}


@pytest.fixture(scope="module")
def shape() -> Shape:
    return Shape(orjson.dumps(SCHEMA))


def reasons(shape: Shape, body: Any) -> list[tuple[str, str]]:
    with pytest.raises(Stopped) as stopped:
        shape.check(body)
    assert {(r.stage, r.code) for r in stopped.value.reasons} == {(Stage.SCHEMA, "schema_mismatch")}
    return [(r.field, r.detail) for r in stopped.value.reasons]


def stopped_by(shape: Shape, body: Any) -> tuple[Reason, ...]:
    try:
        shape.check(body)
    except Stopped as stopped:
        return stopped.reasons
    return ()


def test_names_that_the_schema_does_not_know_are_tolerated(shape: Shape) -> None:
    shape.check({"user": {"id": 1, "nickname": "x"}, "new": {"since": 1}})


def test_mismatches_are_told_by_the_schemas_names(shape: Shape) -> None:
    body = {
        "user": {"additionalProperties": 5},
        "progress": 7,
        "fields": [{"key": 1}, {"key": 2}],
        "extensions": {"https://jane.example": "Jane"},
        "profile": {"Jane": 5},
    }
    assert sorted(reasons(shape, body)) == [
        ("body.extensions.*", "type"),
        ("body.fields[].key", "type"),
        ("body.profile.*", "type"),
        ("body.progress", "anyOf"),
        ("body.user.additionalProperties", "type"),
        ("body.user.id", "required"),
    ]
    assert reasons(shape, {}) == [("body.user", "required")]


def test_a_mismatch_behind_a_reference_has_its_place_in_the_event(shape: Shape) -> None:
    assert reasons(shape, {"user": {"id": [1]}}) == [("body.user.id", "type")]


def test_a_reason_holds_no_name_that_only_the_event_has() -> None:
    strict = Shape(b'{"propertyNames": {"maxLength": 3}, "maxProperties": 1}')
    found = reasons(strict, {"Jane Doe": 1, "John Doe": 2})
    assert set(found) == {("body", "maxProperties"), ("body", "propertyNames")}


def test_many_mismatches_are_cut_short() -> None:
    many = Shape(orjson.dumps({"required": [f"n{i}" for i in range(100)]}))
    assert len(reasons(many, {})) == 20


@pytest.mark.parametrize("depth", [200, 300, 1000])
def test_deep_nesting_is_checked_or_refused_never_a_crash(shape: Shape, depth: int) -> None:
    body = orjson.loads(b'{"user":{"id":1},"anything":' + b"[" * depth + b"]" * depth + b"}")
    assert stopped_by(shape, body) in (
        (),
        (Reason(Stage.SCHEMA, "schema_mismatch", "body", "nesting"),),
    )


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("body.user.id", True),
        ("body.progress.done_at", True),
        ("body.progress.error", True),
        ("body.fields[0].key", True),
        ("body.fields[?key=='a'].value | [0]", True),
        ('body.extensions."https://x"', False),
        ("body.profile.abim", False),
        ("body.anything.at.all[3]", False),
    ],
)
def test_a_path_is_followed_through_the_schema(shape: Shape, path: str, known: bool) -> None:
    assert shape.follow(parse(path).steps) is known


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("body.usr.id", "the schema knows no usr here; did you mean user?"),
        ("body.user.ids", "the schema knows no ids here; did you mean id?"),
        ("body.user.id.x", "the schema knows no x here"),
        ("body.progress.done", "the schema knows no done here"),
        ("body.user[0]", "the schema has no list here"),
        ("body.fields.key", "the schema knows no key here"),
        ("body.fields[?kye=='a'].value | [0]", "the schema knows no kye here; did you mean key?"),
        ("body.fields[?key=='a'].valve | [0]", "the schema knows no valve here; did you mean"),
        ("body.loop.x", "the schema knows no x here"),
    ],
)
def test_a_misspelt_path_is_not_in_the_schema(shape: Shape, path: str, message: str) -> None:
    with pytest.raises(NotInSchema) as error:
        shape.follow(parse(path).steps)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"true",
        b'{"type": "strin"}',
        b'{"properties": {"a": {"$ref": "http://127.0.0.1:9/a.json"}}}',
        b'{"properties": {"a": {"$ref": "#/$defs/none"}}}',
    ],
)
def test_what_is_no_schema_of_an_object_is_invalid(text: bytes) -> None:
    with pytest.raises(SchemaInvalid):
        Shape(text)
