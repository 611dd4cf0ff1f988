"""The proof of a catalogue: every mapping against the examples beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from consumer.event import Envelope
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import (
    Example,
    Unreadable,
    Verdict,
    differences,
    expectation,
    lacking,
    outcome_of,
    unseen,
)
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from consumer.reason import Stopped


def prove(mapping: Mapping, examples: Sequence[Example], report: Report) -> list[Envelope]:
    """The examples' events that are this mapping's; what does not hold goes into `report`."""
    verdicts: list[Verdict] = []
    envelopes: list[Envelope] = []
    for example in examples:
        try:
            envelopes += _prove_one(mapping, example, verdicts, report)
        except Unreadable as error:
            report.add(1, f"example {example.name}", "example_unreadable", str(error))
    for kind in lacking(mapping, verdicts):
        report.add(1, "examples", "example_missing", f"one that comes to {kind}")
    for path in unseen(mapping, envelopes):
        message = f"{path}: no example has it and no schema knows it; is it misspelt?"
        report.add(1, "examples", "path_never_seen", message)
    return [envelope for envelope in envelopes if mapping.matches(envelope)]


def _prove_one(
    mapping: Mapping, example: Example, verdicts: list[Verdict], report: Report
) -> Iterable[Envelope]:
    where = f"example {example.name}"
    if example.event is None or example.expected is None:
        lost = "event" if example.event is None else "expect"
        report.add(1, where, "example_incomplete", f"{example.name}.{lost}.json is not there")
        return ()
    expected = expectation(example.expected)
    verdicts.append(expected)
    envelope, outcome = outcome_of(mapping, example.event)
    if wrong := differences(expected, outcome):
        report.add(1, where, "example_failed", wrong)
    return (envelope,) if envelope else ()


def prove_apart(catalogue: Catalogue, mapping: Mapping, envelope: Envelope) -> str:
    """Which mappings claim this mapping's example, if it is not its alone; else nothing."""
    try:
        found = catalogue.recognise(envelope)
    except Stopped as stopped:
        return stopped.reasons[0].detail
    return "" if found is mapping else found.name
