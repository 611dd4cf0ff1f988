"""Conditions: what an event must be for a mapping to be its mapping, or not to be reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from consumer.event import Envelope
from consumer.mapping.fault import Fault, missing
from consumer.mapping.path import Path, PathSyntax, parse
from consumer.mapping.problem import Report, hint
from consumer.mapping.tree import Node

TESTS = ("equals", "in", "not_equals", "not_in", "starts_with", "present")
_NEGATED = ("not_equals", "not_in")

Token = str | bool | None
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """`wanted` holds the values of `equals` and `in`, by which a catalogue finds its mappings."""

    path: Path
    line: int
    wanted: frozenset[Token]
    holds: Callable[[Envelope], bool]


@dataclass(frozen=True, slots=True)
class Excuse:
    """A row of `not_reportable`: if the condition holds, the event is kept and never sent."""

    condition: Condition
    reason: str


def token(value: Any) -> Token:
    """What a value is compared by: 50 and "50" are equal, true is only true, the rest nothing."""
    if type(value) is int:
        return str(value)
    return value if type(value) in (str, bool) else None


def all_hold(conditions: Iterable[Condition], envelope: Envelope) -> bool:
    """Whether all hold; one that can say neither yes nor no does not."""
    try:
        return all(condition.holds(envelope) for condition in conditions)
    except Fault:
        return False


def compile_condition(node: Node, where: str, extra: str, report: Report) -> Condition | None:
    """The condition, or None with its problems in `report`; the key `extra` is the caller's."""
    entries = node.value
    if not isinstance(entries, dict):
        report.add(node.line, where, "bad_value", "a row looks like {path: …, equals: …}")
        return None
    known = ("path", *TESTS, *((extra,) if extra else ()))
    for name in entries.keys() - set(known):
        report.add(entries[name].line, where, "unknown_key", name + hint(name, known))
    tests = [name for name in TESTS if name in entries]
    path = _path(node.line, entries, where, report)
    if len(tests) != 1:
        report.add(node.line, where, "verb_clash", f"needs exactly one of {', '.join(TESTS)}")
        return None
    return _condition(path, tests[0], entries[tests[0]], where, report)


def _path(line: int, entries: dict[str, Node], where: str, report: Report) -> Path | None:
    node = entries.get("path")
    if node is None or not isinstance(node.value, str):
        report.add(line, where, "missing_key", "path")
        return None
    try:
        return parse(node.value)
    except PathSyntax as error:
        report.add(node.line, where, "path_syntax", str(error))
        return None


def _condition(
    path: Path | None, name: str, node: Node, where: str, report: Report
) -> Condition | None:
    wanted = _wanted(name, node)
    if not wanted:
        takes = {"present": "true or false", "starts_with": "a text"}.get(name, "a value or values")
        report.add(node.line, where, "bad_value", f"{name} takes {takes}")
    if path is None or not wanted:
        return None
    holds = _holds(path, name, wanted)
    positive = name in ("equals", "in")
    return Condition(path, node.line, wanted if positive else frozenset(), holds)


def _wanted(name: str, node: Node) -> frozenset[Token]:
    """The values of a test; empty if they make no sense for it."""
    listed = name in ("in", "not_in")
    if listed != isinstance(node.value, list):
        return frozenset()
    values = [each.value for each in (node.value if isinstance(node.value, list) else [node])]
    types = {"present": bool, "starts_with": str}.get(name, (str, bool))
    if not all(isinstance(value, types) and not missing(value) for value in values):
        return frozenset()
    return frozenset(map(token, values))


def _holds(path: Path, name: str, wanted: frozenset[Token]) -> Callable[[Envelope], bool]:
    find = path.find
    if name == "present":
        expected = True in wanted
        return lambda envelope: missing(find(envelope)) is not expected
    if name == "starts_with":
        prefixes = tuple(map(str, wanted))
        return lambda envelope: _text(find(envelope)).startswith(prefixes)
    if name in _NEGATED:
        return lambda envelope: _present(find(envelope)) not in wanted
    return lambda envelope: token(find(envelope)) in wanted


def _text(value: Any) -> str:
    found = token(value)
    return found if isinstance(found, str) else ""


def _present(value: Any) -> Token:
    """A value's token. That it is missing says neither yes nor no: Fault `value_missing`."""
    if missing(value):
        raise Fault("value_missing")
    return token(value)
