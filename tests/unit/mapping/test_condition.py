"""Conditions in `match` and `not_reportable`."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.fate import Ignored, NotReportable
from consumer.mapping.said import Said
from consumer.reason import Reason, Stage, Stopped
from tests.unit.mapping.samples import FILE, HEAD, envelope, mapping, written


def matches(test: str, value: Any) -> bool:
    head = HEAD.replace("path: body.type, equals: done", f"path: body.v, {test}")
    return mapping(written(head)).matches(envelope(v=value))


@pytest.mark.parametrize(
    ("test", "yes", "no"),
    [
        ("equals: done", ["done"], ["Done", "done ", "", None, 1, ["done"], {"done": 1}]),
        ("equals: 50", [50, "50"], [50.0, "050", 5, True]),
        ("equals: true", [True], ["true", 1, False, None]),
        ("equals: 'true'", ["true"], [True]),
        ("equals: 1", [1, "1"], [True, 1.0]),
        ("equals: no", ["no"], [False]),
        ("in: [a, 2]", ["a", "2", 2], ["b", None, True]),
        ("not_equals: a", ["b", 1, True], ["a", None, " "]),
        ("not_in: [a, b]", ["c"], ["a", "b", None, ""]),
        ("starts_with: ab", ["ab", "abc"], ["a", "xab", None, 12]),
        ("starts_with: 12", ["123", 123], [312, True]),
        ("starts_with: X", ["X", "XXXX"], [None, True, False, []]),
        ("present: true", ["x", 0, False, {}, []], [None, "", " \n"]),
        ("present: false", [None, "", " "], ["x", 0, False]),
    ],
)
def test_tests(test: str, yes: list[Any], no: list[Any]) -> None:
    assert [matches(test, value) for value in yes] == [True] * len(yes)
    assert [matches(test, value) for value in no] == [False] * len(no)


def test_all_rows_of_match_must_hold() -> None:
    head = HEAD.replace("kind:", "  - {path: headers.ce_type, starts_with: t}\nkind:")
    both = mapping(written(head))
    assert both.matches(envelope({"ce_type": "t1"}))
    assert not both.matches(envelope({"ce_type": "x"}))
    assert not both.matches(envelope({"ce_type": "t1"}, type="other"))


NOT_REPORTABLE = """not_reportable:
  - {path: body.progress.error, present: true, reason: course_without_modules}
  - {path: body.status, not_in: [passed, done], reason: not_passed}
"""


def test_the_first_row_of_not_reportable_that_holds_is_the_reason() -> None:
    small = mapping(written(HEAD + NOT_REPORTABLE))
    found = small.read(envelope(progress={"error": {"message": "no"}}, user=None))
    expected = Reason(Stage.MAP, "course_without_modules", "body.progress.error")
    assert found == NotReportable(expected)
    found = small.read(envelope(status="failed"))
    assert found == NotReportable(Reason(Stage.MAP, "not_passed", "body.status"))
    assert isinstance(small.read(envelope(status="done")), Said)


def test_a_missing_status_does_not_quietly_make_an_event_not_reportable() -> None:
    with pytest.raises(Stopped) as stopped:
        mapping(written(HEAD + NOT_REPORTABLE)).read(envelope(status=" "))
    assert stopped.value.reasons == (
        Reason(Stage.MAP, "value_missing", "body.status", f"{FILE}:9"),
    )


def test_an_ignored_event_needs_only_a_match() -> None:
    head = HEAD.replace("schema: schemas/lms/done.json\n", "").replace("completion", "ignore")
    small = mapping(head)
    assert small.matches(envelope())
    assert small.read(envelope(user=None)) == Ignored()
