"""The proof of a catalogue: every mapping against the examples beside it."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.event import Envelope
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import (
    Example,
    Unreadable,
    Verdict,
    differences,
    expectation,
    lacking,
    outcomes_of,
    unseen,
)
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from consumer.reason import Stopped


def prove(mapping: Mapping, examples: Sequence[Example], report: Report) -> list[Envelope]:
    """The examples' events that are this mapping's; what does not hold goes into `report`."""
    verdicts: list[Verdict] = []
    events: list[Envelope] = []
    for example in examples:
        try:
            events += _prove_one(mapping, example, verdicts, report)
        except Unreadable as error:
            report.add(1, f"example {example.name}", "example_unreadable", str(error))
    for kind in lacking(mapping, verdicts):
        report.add(1, "examples", "example_missing", f"one that comes to {kind}")
    for path in unseen(mapping, events):
        message = f"{path}: no example has it and no schema knows it; is it misspelt?"
        report.add(1, "examples", "path_never_seen", message)
    return events


def _prove_one(
    mapping: Mapping, example: Example, verdicts: list[Verdict], report: Report
) -> Sequence[Envelope]:
    where = f"example {example.name}"
    if example.event is None or example.expected is None:
        lost = "event" if example.event is None else "expect"
        report.add(1, where, "example_incomplete", f"{example.name}.{lost}.json is not there")
        return ()
    expected = expectation(example.expected)
    verdicts.append(expected)
    events, outcomes = outcomes_of(mapping, example.event)
    if wrong := differences(expected, outcomes):
        report.add(1, where, "example_failed", wrong)
    return events


def prove_apart(catalogue: Catalogue, mapping: Mapping, event: Envelope) -> str:
    """Which mappings claim an event of this mapping's examples, if it is not its alone; or nothing.

    It goes the whole way: another mapping might take its message whole, or apart elsewhere.
    """
    try:
        events = catalogue.events(Envelope(event.body, event.headers, event.key))
        found = catalogue.recognise(events[event.part or 0])
    except Stopped as stopped:
        return stopped.reasons[0].detail
    return "" if found is mapping else found.name
