"""YAML without surprises, and with lines."""

from __future__ import annotations

import pytest

from consumer.mapping.problem import Report
from consumer.mapping.tree import Node, parse


def read(text: str) -> Node:
    report = Report("f.yaml")
    node = parse(text, report)
    assert report.clean
    assert node
    return node


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("0905", "0905"),
        ("1.50", "1.50"),
        ("2026-11-20", "2026-11-20"),
        ("12:30", "12:30"),
        ("=", "="),
        ("'true'", "true"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        (r"\core\event\x", r"\core\event\x"),
    ],
)
def test_scalars_are_text_as_written(scalar: str, value: object) -> None:
    root = read(f"a: {scalar}").value
    assert isinstance(root, dict)
    assert root["a"].value == value


def test_every_node_knows_its_line() -> None:
    root = read("a: 1\nb:\n  - x\n  # why\n  - y: 2\n    z:\n      w: 3\n").value
    assert isinstance(root, dict)
    b = root["b"].value
    assert isinstance(b, list)
    second = b[1].value
    assert isinstance(second, dict)
    z = second["z"].value
    assert isinstance(z, dict)
    assert (root["b"].line, b[0].line, b[1].line, second["z"].line, z["w"].line) == (2, 3, 5, 6, 7)


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate_key"),
        ("a: {x: 1,\n    x: 2}\n", 2, "duplicate_key"),
        ("a: 1\n b: 2\n", 2, "syntax"),
        ("a: [1\nb: 2", 2, "syntax"),
        ("a: &x 1\nb: *x\n", 2, "syntax"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "syntax"),
        ("? [a, b]\n: 1\n", 1, "syntax"),
        ("", 1, "syntax"),
        ("# only a comment\n", 1, "syntax"),
        ("a: 1\n---\nb: 2\n", 2, "syntax"),
        ("a: \x07\n", 1, "syntax"),
        ("[" * 600, 1, "syntax"),
    ],
)
def test_what_is_wrong_is_on_its_line(text: str, line: int, code: str) -> None:
    report = Report("f.yaml")
    parse(text, report)
    assert [(p.file, p.line, p.code) for p in report.problems] == [("f.yaml", line, code)]


def test_a_key_that_stands_twice_says_where_it_stands_first() -> None:
    report = Report("f.yaml")
    parse("event:\n  learner: 1\n  learner: 2\n", report)
    (problem,) = report.problems
    assert (problem.field, problem.message) == ("event.learner", "stands on line 2 already")
