"""Avro: what its values become, which bytes do not fit, and which schemas nothing is read by."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.reason import Reason, Stage, Stopped
from consumer.registry.avro import AvroSchema
from consumer.registry.bounds import Unusable
from tests.avro import written


def read(schema: Any, raw: bytes) -> Any:
    return AvroSchema(json.dumps(schema)).read(raw, "body")


def record(**types: Any) -> dict[str, Any]:
    fields = [{"name": name, "type": one} for name, one in types.items()]
    return {"type": "record", "name": "R", "namespace": "lms.example", "fields": fields}


def logical(kind: str, meaning: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": meaning, **more}


AT = datetime(2026, 11, 20, 23, 38, 0, 481_000, UTC)


@pytest.mark.parametrize(
    ("schema", "value", "found"),
    [
        ("null", None, None),
        ("boolean", True, True),
        ("int", -5, -5),
        ("long", 2**63 - 1, 2**63 - 1),
        ("double", 0.87, 0.87),
        ("string", "Vän", "Vän"),
        (["null", "string"], None, None),
        (["null", "string"], "x", "x"),
        (["null", record(a="int")], {"a": 1}, {"a": 1}),
        ({"type": "map", "values": "long"}, {"a": 1}, {"a": 1}),
        ({"type": "enum", "name": "E", "symbols": ["PASSED", "FAILED"]}, "FAILED", "FAILED"),
        ("bytes", b"\xff\xfe", "//4="),
        ({"type": "fixed", "name": "F", "size": 2}, b"ab", "YWI="),
        (logical("long", "timestamp-millis"), AT, "2026-11-20T23:38:00.481000Z"),
        (logical("long", "timestamp-micros"), AT.replace(microsecond=0), "2026-11-20T23:38:00Z"),
        (
            logical("long", "local-timestamp-millis"),
            datetime(2026, 11, 20, 23, 38),  # noqa: DTZ001
            "2026-11-20T23:38:00",
        ),
        (logical("int", "date"), date(2026, 11, 20), "2026-11-20"),
        (logical("int", "time-millis"), time(23, 38), "23:38:00"),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("1.50"), "1.50"),
        (logical("bytes", "decimal", precision=20), Decimal(10**19), "1" + "0" * 19),
        (logical("bytes", "decimal", precision=9, scale=9), Decimal("1E-9"), "0.000000001"),
        (
            logical("string", "uuid"),
            UUID("6e0a4c52-2b41-11f1-8c7d-02425b8a6f10"),
            "6e0a4c52-2b41-11f1-8c7d-02425b8a6f10",
        ),
        # Open edX's keys: a field cut out of the event's schema, its name and all.
        ({"name": "course_key", "type": "string"}, "course-v1:A+B+C", "course-v1:A+B+C"),
    ],
)
def test_values_are_what_mappings_take(schema: Any, value: Any, found: Any) -> None:
    assert read(schema, written(schema, value)) == found


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001
def test_law_an_instant_is_the_same_instant(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    schema = logical("long", "timestamp-micros")
    text = read(schema, written(schema, at))
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) - at == timedelta(0)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**9, min_value=0))
def test_law_a_decimal_loses_nothing(number: Decimal) -> None:
    schema = logical("bytes", "decimal", precision=20, scale=3)
    text = read(schema, written(schema, number))
    assert Decimal(text) == number
    assert "E" not in text


# ---------------------------------------------------------------- bytes that do not fit


@pytest.mark.parametrize(
    ("schema", "raw", "detail"),
    [
        ("string", b"", ""),
        ("string", b"\x0aabc", ""),  # five letters promised, three there
        ("string", b"\x01Vantongeren", ""),  # a length of -1 is not "all there is"
        ("bytes", b"\x09abcdef", ""),
        ("string", b"\x02\xff", ""),
        ("int", b"\x80", ""),
        ("int", b"\x02\x02", "bytes are left over"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x04", ""),
        (["null", "string"], b"\x06", ""),
        ({"type": "array", "items": "int"}, b"\x02\x02", ""),
        ({"type": "array", "items": "int"}, b"\xfe\xff\xff\xff\x0f\x02", ""),
        (logical("long", "timestamp-millis"), b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", ""),
        (logical("int", "date"), b"\xfe\xff\xff\xff\x0f", ""),
        ("double", b"\x00\x00\x00\x00\x00\x00\xf8\x7f", "a number that is none"),
        (record(a="string"), b"", ""),
    ],
)
def test_bytes_that_do_not_fit_are_refused(schema: Any, raw: bytes, detail: str) -> None:
    with pytest.raises(Stopped) as stopped:
        read(schema, raw)
    assert stopped.value.reasons == (Reason(Stage.DECODE, "avro_misfit", "body", detail),)
    assert stopped.value.__context__ is None  # which might hold what it choked on


@pytest.mark.parametrize("schema", ["string", {"type": "map", "values": "string"}])
def test_a_nul_is_found(schema: Any) -> None:
    with pytest.raises(Stopped, match="nul_character"):
        read(schema, written(schema, "a\x00" if schema == "string" else {"a\x00": "b"}))


@given(st.binary(max_size=200))
def test_law_any_bytes_are_a_value_or_a_stop(raw: bytes) -> None:
    inner = record(a=["null", "string"], b={"type": "array", "items": "long"})
    schema = record(
        at=logical("long", "timestamp-millis"),
        points=logical("bytes", "decimal", precision=6, scale=2),
        more={"type": "map", "values": inner | {"name": "Inner"}},
    )
    try:
        found = read(schema, raw)
    except Stopped:
        return
    json.dumps(found, allow_nan=False)


# ---------------------------------------------------------------- schemas that are refused


def doubling(levels: int) -> dict[str, Any]:
    """Records that each hold the next one twice: 2^levels values in no byte at all."""
    inner: Any = {"type": "record", "name": "R0", "fields": []}
    for level in range(1, levels):
        one, other = {"name": "a", "type": inner}, {"name": "b", "type": f"R{level - 1}"}
        inner = {"type": "record", "name": f"R{level}", "fields": [one, other]}
    return inner


def nested(levels: int) -> dict[str, Any]:
    inner: Any = "string"
    for level in range(levels):
        inner = {"type": "record", "name": f"R{level}", "fields": [{"name": "a", "type": inner}]}
    return inner


ITSELF = {"name": "next", "type": ["null", "lms.example.R"]}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({}, "not Avro, or it refers to other schemas"),
        (5, "not Avro, or it refers to other schemas"),
        ("lms.example.Elsewhere", "not Avro, or it refers to other schemas"),
        ({"type": "record", "name": "R", "fields": 5}, "not Avro, or it refers to other schemas"),
        (record(a="strin"), "not Avro, or it refers to other schemas"),
        ([], "a union of nothing"),
        ({"type": "fixed", "name": "F", "size": 0}, "a type without a size"),
        (record() | {"fields": [ITSELF]}, "a record holds itself"),
        (
            record(a={"type": "array", "items": record() | {"name": "S", "fields": [ITSELF]}}),
            "a record holds itself",
        ),
        ({"type": "array", "items": "null"}, "a list of what takes next to no bytes"),
        ({"type": "array", "items": record()}, "a list of what takes next to no bytes"),
        (
            {"type": "array", "items": record(**{f"n{i}": "null" for i in range(9)}, a="int")},
            "a list of what takes next to no bytes",
        ),
        (
            {"type": "map", "values": {"type": "array", "items": "null"}},
            "a list of what takes next to no bytes",
        ),
        (doubling(20), "a value holds more than 20000 values"),
        (nested(100), "nested too deep"),
    ],
)
def test_schemas_that_nothing_is_read_by(schema: Any, why: str) -> None:
    with pytest.raises(Unusable) as unusable:
        AvroSchema(json.dumps(schema))
    assert str(unusable.value) == why


def test_text_that_is_no_json_is_no_schema() -> None:
    for text in ("", "no schema", "[" * 100_000, '{"type": "string"'):
        with pytest.raises(Unusable):
            AvroSchema(text)


def test_a_record_that_is_used_twice_and_one_of_many_fields_are_nothing_odd() -> None:
    inner = record(a="string") | {"name": "Inner"}
    schema = record(first=inner, second="lms.example.Inner", many={"type": "array", "items": "int"})
    value = {"first": {"a": "1"}, "second": {"a": "2"}, "many": [1, 2]}
    assert read(schema, written(schema, value)) == value
    wide = record(**{f"f{n}": ["null", "string"] for n in range(500)})
    listed = {"type": "array", "items": wide}
    rows = [{f"f{n}": None for n in range(500)}]
    assert read(listed, written(listed, rows)) == rows
    assert AvroSchema(json.dumps(nested(40)))
