"""A rehearsal: one example through its mapping, with what differs from what is expected.

Unlike the errors of a load it shows values: those of examples are invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from consumer.mapping.example import (
    Example,
    Outcome,
    Unreadable,
    Verdict,
    differences,
    expectation,
    outcomes_of,
    verdict,
)
from consumer.mapping.mapping import Mapping

Difference = tuple[str, str, str]
"""Field, what is expected and what came; blank for nothing."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How one example went. `got` has an expect file's form, None if the event is unreadable."""

    mapping: str
    example: str
    passed: bool
    differing: tuple[Difference, ...] = ()
    problem: str = ""
    got: Verdict | None = None

    def as_row(self) -> dict[str, object]:
        """For scripts."""
        told = [{"field": f, "expected": e, "got": g} for f, e, g in self.differing]
        row = {"mapping": self.mapping, "example": self.example, "passed": self.passed}
        return row | {"differing": told, "problem": self.problem}


def rehearse(mapping: Mapping, example: Example) -> Rehearsal:
    """The example's event through the mapping, beside its expectation."""
    try:
        if example.event is None:
            raise Unreadable(f"{example.name}.event.json is not there")
        _, outcome = outcomes_of(mapping, example.event)
    except Unreadable as error:
        return Rehearsal(mapping.name, example.name, passed=False, problem=str(error))
    got = _verdict(outcome)
    try:
        if example.expected is None:
            raise Unreadable(f"{example.name}.expect.json is not there")
        expected = expectation(example.expected)
    except Unreadable as error:
        return Rehearsal(mapping.name, example.name, passed=False, problem=str(error), got=got)
    if not differences(expected, outcome):
        return Rehearsal(mapping.name, example.name, passed=True, got=got)
    told = tuple(_differing(expected, got))
    return Rehearsal(mapping.name, example.name, passed=False, differing=told, got=got)


def _verdict(outcome: Outcome | Sequence[Outcome]) -> Verdict:
    if not isinstance(outcome, Sequence):
        return verdict(outcome)
    told = [verdict(one) for one in outcome]
    return told[0] if len(told) == 1 else {"events": told}


def _differing(expected: Verdict, got: Verdict) -> Iterator[Difference]:
    wanted, came = _flat(expected), _flat(got)
    for name in dict.fromkeys((*wanted, *came)):
        told, found = wanted.get(name, ""), came.get(name, "")
        if told != found:
            yield name, told, found


def _flat(told: Verdict) -> dict[str, str]:
    if "events" in told:
        flats = enumerate(map(_flat, told["events"]))
        return {f"event {n}: {name}": value for n, one in flats for name, value in one.items()}
    if "said" in told:
        return {f"said.{name}": str(value) for name, value in told["said"].items()}
    return {name: _shown(value) for name, value in told.items()}


def _shown(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
