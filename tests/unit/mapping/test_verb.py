"""Every verb, and every way in which a row can fail for one event."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.mapping import verb
from consumer.mapping.said import Said
from consumer.mapping.tree import Node
from consumer.reason import Stage, Stopped
from tests.unit.mapping.samples import FILE, envelope, mapping, refused, said, written


@pytest.mark.parametrize(
    ("row", "value", "expected"),
    [
        ("{from: body.v}", "Heart", "Heart"),
        ("{from: body.v}", 905, "905"),
        ("{from: body.v}", 2**64 - 1, "18446744073709551615"),
        ("{const: fixed}", None, "fixed"),
        ("{from: body.v, optional: true}", None, ""),
        ("{from: body.v, optional: true}", "  ", ""),
        ("{from: body.v, default: none given}", "", "none given"),
        ("{from: body.v, default: none given}", "x", "x"),
        ("{from: body.v, trim: true}", "  x y\t", "x y"),
        ("{from: body.v, digits: true}", "ID 12-345", "12345"),
        ("{from: body.v, digits: true}", "٣4", "4"),
        ("{from: body.v, upper: true}", "abc", "ABC"),
        ("{from: body.v, strip_prefix: 'mailto:'}", "mailto:a@b", "a@b"),
        ("{from: body.v, strip_prefix: 'mailto:'}", "a@b", "a@b"),
        ("{from: body.v, strip_prefix: 'mailto:', optional: true}", "mailto:", ""),
        ("{from: body.v, map: {P: passed, F: failed}}", "P", "passed"),
        ("{from: body.v, map: {1: passed}}", 1, "passed"),
        ("{from: body.v, map: {true: passed}}", True, "passed"),
        ("{from: body.v, map: {true: passed, false: failed}}", False, "failed"),
        ("{from: body.v, map: {AB: x}, upper: true, trim: true}", " ab ", "x"),
        ("{first_of: [body.v, body.w]}", "x", "x"),
        ("{first_of: [body.v, body.w]}", " ", "second"),
        ("{first_of: [body.u, body.v], default: z}", None, "z"),
        ("{join: [body.v, body.n], with: '|'}", "a", "a|7"),
        ("{join: [body.u, body.v], with: '|', optional: true}", None, ""),
        ("{from: \"body.f[?key=='abim'].value | [0]\"}", None, "123456"),
    ],
)
def test_text_verbs(row: str, value: Any, expected: str) -> None:
    fields = [{"key": "npi", "value": "1"}, {"key": "abim", "value": "123456"}]
    assert said(row, v=value, w="second", n=7, f=fields) == expected


@pytest.mark.parametrize(
    ("row", "value", "code", "path"),
    [
        ("{from: body.v}", None, "value_missing", "body.v"),
        ("{from: body.v}", " \t", "value_missing", "body.v"),
        ("{from: body.v.deeper}", "text", "value_missing", "body.v.deeper"),
        ("{from: headers.ce_id}", "", "value_missing", "headers.ce_id"),
        ("{from: body.v, digits: true}", "none", "value_missing", "body.v"),
        ("{first_of: [body.u, body.v]}", None, "value_missing", "body.u or body.v"),
        ("{join: [body.u, body.v], with: '|'}", None, "value_missing", "body.u or body.v"),
        ("{join: [body.type, body.v], with: '|'}", None, "join_incomplete", "body.v"),
        ("{join: [body.type, body.v], with: '|', optional: true}", "", "join_incomplete", "body.v"),
        ("{join: [body.type, body.v], with: '|', default: x}", None, "join_incomplete", "body.v"),
        ("{join: [body.type, body.v], with: '|'}", "a|b", "ambiguous_value", "body.v"),
        ("{join: [body.type, body.v], with: '|'}", [1], "wrong_type", "body.type or body.v"),
        ("{from: body.v}", True, "wrong_type", "body.v"),
        ("{from: body.v}", 905.0, "wrong_type", "body.v"),
        ("{from: body.v}", {"id": 1}, "wrong_type", "body.v"),
        ("{from: body.v}", [1], "wrong_type", "body.v"),
        ("{from: body.v, trim: true}", False, "wrong_type", "body.v"),
        ("{from: body.v, map: {P: passed}}", "F", "not_in_map", "body.v"),
        ("{from: body.v, map: {P: passed}, default: x}", "F", "not_in_map", "body.v"),
        ("{from: body.v, map: {P: passed}}", [1], "wrong_type", "body.v"),
        (
            "{from: \"body.v[?k=='a'].x | [0]\"}",
            [{"k": "a", "x": 1}, {"k": "a", "x": 1}],
            "ambiguous_value",
            "body.v[?k=='a'].x | [0]",
        ),
    ],
)
def test_faults_name_target_path_file_and_line(row: str, value: Any, code: str, path: str) -> None:
    reason = refused(row, v=value)
    assert (reason.stage, reason.code, reason.field) == (Stage.MAP, code, "title")
    # Six lines of head, `event:`, four rows, then this one.
    assert reason.detail == f"{path} ({FILE}:12)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (0.1, "0.1"),
        (1.25, "1.25"),
        ("1.50", "1.50"),
        (" 2 ", "2"),
        ("-3", "-3"),
        ("007", "7"),
        (1e-7, "1E-7"),
    ],
)
def test_number_is_exact(value: Any, expected: str) -> None:
    points = said("{from: body.v, number: true}", "points", v=value)
    assert isinstance(points, Decimal)
    assert str(points) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("NaN", "number_not_understood"),
        ("Infinity", "number_not_understood"),
        ("1e5", "number_not_understood"),
        ("1,5", "number_not_understood"),
        ("1_000", "number_not_understood"),
        ("٣", "number_not_understood"),
        ("9" * 5000, "number_not_understood"),
        ("two", "number_not_understood"),
        (True, "wrong_type"),
        ([1], "wrong_type"),
        (None, "value_missing"),
    ],
)
def test_number_refuses_what_is_none(value: Any, code: str) -> None:
    assert refused("{from: body.v, number: true}", "points", v=value).code == code


def test_number_with_default_and_without() -> None:
    assert said("{from: body.v, number: true, default: 0.25}", "points") == Decimal("0.25")
    assert said("{from: body.v, number: true, optional: true}", "points") is None
    assert said("{const: '1.5', number: true}", "points") == Decimal("1.5")


def test_every_broken_target_is_named_at_once() -> None:
    with pytest.raises(Stopped) as stopped:
        mapping(written()).read(envelope(user=None, course=True, at="soon"))
    found = [(reason.field, reason.code, reason.detail) for reason in stopped.value.reasons]
    assert found == [
        ("learner", "value_missing", f"body.user ({FILE}:9)"),
        ("course", "wrong_type", f"body.course ({FILE}:10)"),
        ("completed", "date_not_understood", f"body.at ({FILE}:11)"),
    ]


def test_a_whole_event() -> None:
    text = written(
        occurred_at="{from: body.sent, instant: epoch_s}",
        points="{from: body.points, number: true}",
        occurrence="{from: body.session}",
        event_id="{from: key}",
    )
    found = mapping(text).read(envelope(key="e1", sent=1795200000, points=0.75, session=4))
    assert isinstance(found, Said)
    assert (found.kind, found.source, found.mapping, found.version) == (
        "completion",
        "lms",
        "lms/done",
        1,
    )
    assert (found.site, found.learner, found.course) == ("lms.example", "905", "37")
    assert found.completed == datetime(2026, 11, 20, 23, 38, tzinfo=UTC)
    assert found.occurred_at == datetime(2026, 11, 20, 18, 40, tzinfo=UTC)
    assert (found.points, found.occurrence, found.event_id) == (Decimal("0.75"), "4", "e1")


def test_a_retraction_without_completion_time_has_its_own() -> None:
    head_kind = written(completed=None, occurred_at="{from: body.at, instant: iso8601}")
    found = mapping(head_kind.replace("kind: completion", "kind: retraction")).read(envelope())
    assert isinstance(found, Said)
    assert found.kind == "retraction"
    assert found.completed == found.occurred_at == datetime(2026, 11, 20, 23, 38, tzinfo=UTC)


def test_a_plain_date_stays_a_date() -> None:
    assert said("{from: body.at, date: YYYY-MM-DD}", "completed", at="2026-11-20") == date(
        2026, 11, 20
    )


JOINED = mapping(written(title="{join: [body.user, body.course], with: '|'}"))
POINTS = mapping(written(points="{from: body.v, number: true}"))


@given(st.integers(0, 2**63 - 1))
def test_law_an_id_as_number_and_as_text_are_the_same(number: int) -> None:
    assert JOINED.read(envelope(user=number)) == JOINED.read(envelope(user=str(number)))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=9999))
def test_law_points_as_number_and_as_text_are_the_same(points: Decimal) -> None:
    read = [POINTS.read(envelope(v=value)) for value in (float(points), str(points))]
    assert [one.points for one in read if isinstance(one, Said)] == [points, points]


EITHER = "{from: body.at, instant: iso8601, date: YYYY-MM-DD, zone: America/New_York}"


def test_a_sender_may_write_now_a_date_now_a_time() -> None:
    assert said(EITHER, "completed", at="2026-11-20") == date(2026, 11, 20)
    for time in ("2026-11-20 18:38:00", "2026-11-20T23:38:00Z"):
        expected = datetime(2026, 11, 20, 23, 38, tzinfo=UTC)
        assert said(EITHER, "completed", at=time) == expected
    for nothing in ("11/20/2026", "1970-01-01", "2026-13-20", "never"):
        assert refused(EITHER, "completed", at=nothing).code == "date_not_understood"
    assert refused(EITHER, "completed", at=[1]).code == "wrong_type"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Central", "America/Chicago"),
        ("US/Eastern time", "America/New_York"),
        ("PST", "America/Los_Angeles"),
    ],
)
def test_a_zone_as_people_say_it_is_told_by_its_name(said: str, meant: str) -> None:
    with pytest.raises(verb.BadArgument, match=f"did you mean {meant}"):
        verb.zone(Node(1, said))
