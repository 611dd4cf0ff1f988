"""The table of spans: what the code makes is declared, with its keys; and nothing else loads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.telemetry import spans
from consumer.telemetry.spans import ATTRIBUTES, BY_NAME, TABLE
from tests.unit.test_architecture import CORE, MODULES, imported, named, reached

NAMES = {name: one for name, one in vars(spans).items() if isinstance(one, str) and one in BY_NAME}
Made = tuple[str, str, frozenset[str]]
MADE_BY = {"telemetry/tracing.py", "telemetry/spans.py"}


def made() -> Iterator[Made]:
    """Where a span is made, which, and the keys that its function tells of it."""
    for file in MODULES:
        if named(file) not in MADE_BY:
            for one in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _in(file, one)


def _in(file: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator:  # type: ignore[type-arg]
    calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
    begun = [one for one in calls if getattr(one.func, "attr", "") in {"span", "begin"}]
    for one in begun:
        if "_tracing" in ast.unparse(one.func):
            told = [two for two in calls if ast.unparse(two.func) in {"tell", "begun.tell"}]
            keys = {key.arg for call in (one, *told) for key in call.keywords if key.arg}
            name = ast.unparse(one.args[0])
            where = f"{named(file)}:{one.lineno}"
            yield where, name, frozenset(keys) - {"after", "links", "began"}


MADE = list(made())


@pytest.mark.parametrize("one", MADE, ids=[where for where, _, _ in MADE])
def test_a_span_that_is_made_is_declared_with_its_keys(one: Made) -> None:
    _, name, keys = one
    assert name in NAMES, "declare it in consumer/telemetry/spans.py"
    assert keys <= {*BY_NAME[NAMES[name]].keys}


def test_what_is_declared_is_made_somewhere_and_has_attributes() -> None:
    assert len(BY_NAME) == len(TABLE)
    assert {NAMES[name] for _, name, _ in MADE} == BY_NAME.keys()
    used = {key for one in TABLE for key in one.keys} | {"error"}
    assert used == ATTRIBUTES.keys()


def test_one_module_alone_knows_opentelemetry_and_what_it_sends_with() -> None:
    knowing = {
        named(file)
        for file in MODULES
        if {name.split(".")[0] for name in imported(file)} & {"opentelemetry", "requests"}
    }
    assert knowing == {"telemetry/tracing.py"}


@pytest.mark.parametrize("module", CORE)
def test_the_core_makes_no_spans(module: str) -> None:
    assert not {one for one in reached(module) if one.startswith("consumer.telemetry")}
