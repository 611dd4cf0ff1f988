"""The table of log lines: what the code logs is declared, with its level and its keys."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from consumer.credit import State
from consumer.telemetry.logevents import COMMON, TABLE
from consumer.telemetry.seldom import EVERY_SECONDS, Seldom
from tests.fakes import FakeClock
from tests.unit.test_architecture import MODULES, named
from tests.unit.test_log import logging_to

BY_NAME = {one.name: one for one in TABLE}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


@dataclass(frozen=True, slots=True)
class Call:
    """One place in the source that logs."""

    where: str
    level: str
    names: tuple[str, ...]
    keys: tuple[str, ...]


def logs(call: ast.Call) -> bool:
    """Whether this is said to a logger, by how we call them."""
    on = call.func.value if isinstance(call.func, ast.Attribute) else None
    if on is None or getattr(call.func, "attr", "") not in LEVELS:
        return False
    return ast.unparse(on) in {"log", "self._log", "structlog.get_logger()"}


def calls() -> Iterator[Call]:
    """Every place that logs, in all modules."""
    for file in MODULES:
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and logs(call):
                        yield read(f"{named(file)}:{call.lineno}", function, call)


def read(where: str, function: ast.FunctionDef, call: ast.Call) -> Call:
    level = getattr(call.func, "attr", "")
    keys = tuple(one.arg for one in call.keywords if one.arg is not None)
    return Call(where, level, tuple(said(call.args[0], function)), keys)


def said(name: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """The names that a call may log: written there, chosen there, or one for each state."""
    match name:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from said(one, function)
            yield from said(other, function)
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), ast.FormattedValue()]):
            yield from (f"{text}{state}" for state in State)
        case ast.Name(id=variable):
            for step in ast.walk(function):
                if isinstance(step, ast.Assign) and ast.unparse(step.targets[0]) == variable:
                    yield from said(step.value, function)


CALLS = list(calls())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.where)
def test_what_is_logged_is_declared(call: Call) -> None:
    assert call.names, "its name cannot be read from the source"
    for name in call.names:
        assert name in BY_NAME, "declare it in consumer/telemetry/logevents.py"
        assert BY_NAME[name].level == call.level
        assert set(call.keys) <= {*BY_NAME[name].keys, *COMMON}


def test_what_is_declared_is_logged_somewhere() -> None:
    assert len(BY_NAME) == len(TABLE)
    assert BY_NAME.keys() == {name for call in CALLS for name in call.names}


# ---------------------------------------------------------------- the same, again and again


def kept(seldom: Seldom, **event: Any) -> dict[str, Any] | None:
    """What of a line is written; None: it is held back."""
    try:
        return dict(seldom(None, "", {"level": "warning", "event": "notice.failed", **event}))
    except structlog.DropEvent:
        return None


def test_the_same_warning_is_said_once_a_minute_with_how_often_it_was_held_back() -> None:
    clock = FakeClock()
    seldom = Seldom(clock.monotonic)
    assert kept(seldom, cause="away") is not None
    for number in range(5):
        clock.advance(10)
        assert kept(seldom, cause="away", count=number, attempt=number) is None
    clock.advance(10)
    assert (kept(seldom, cause="away") or {})["again"] == 5
    clock.advance(EVERY_SECONDS)
    assert "again" not in (kept(seldom, cause="away") or {})


def test_another_cause_and_another_record_are_said_at_once() -> None:
    seldom = Seldom(FakeClock().monotonic)
    assert kept(seldom, cause="away")
    assert kept(seldom, cause="refused")
    for offset in range(100):
        assert kept(seldom, event="letter.written", topic="t", partition=0, offset=offset)


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_is_no_warning_is_never_held_back(level: str) -> None:
    seldom = Seldom(FakeClock().monotonic)
    said = [kept(seldom, level=level, event="credit.accepted", credit_id="c") for _ in range(3)]
    assert None not in said


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=300))
def test_law_each_line_is_written_or_counted(causes: list[int]) -> None:
    clock = FakeClock()
    seldom = Seldom(clock.monotonic)
    written = [line for cause in causes if (line := kept(seldom, cause=cause))]
    clock.advance(EVERY_SECONDS)
    last = [line for cause in dict.fromkeys(causes) if (line := kept(seldom, cause=cause))]
    assert len(written) + sum(line.get("again", 0) for line in last) == len(causes)


def test_it_is_so_in_the_services_own_log() -> None:
    with logging_to("info", as_json=True) as out:
        for _ in range(3):
            structlog.get_logger().warning("notice.failed", cause="away")
        assert lines(out) == ["notice.failed"]


def lines(out: io.StringIO) -> list[str]:
    return [orjson.loads(line)["event"] for line in out.getvalue().splitlines()]
