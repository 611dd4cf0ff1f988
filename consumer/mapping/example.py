"""Examples beside a mapping: an event, and what the mapping must make of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jiter

from consumer.bus.port import Message
from consumer.event import Envelope, decode
from consumer.fate import Ignored, NotReportable
from consumer.mapping.mapping import Mapping
from consumer.mapping.path import Path
from consumer.mapping.said import Said
from consumer.mapping.target import TARGETS
from consumer.reason import Reason, Stage, Stopped

_WRAPPER = frozenset(("value", "headers", "key"))
_VERDICTS = (
    frozenset(("said",)),
    frozenset(("not_reportable",)),
    frozenset(("ignored",)),
    frozenset(("error",)),
    frozenset(("error", "field")),
)

Verdict = dict[str, Any]
Outcome = Said | NotReportable | Ignored | Stopped
"""What a mapping makes of one event."""


@dataclass(frozen=True, slots=True)
class Example:
    """One pair of files; either may be missing."""

    name: str
    event: bytes | None
    expected: bytes | None


class Unreadable(Exception):
    """A file of an example does not have the form it should have; says which form that is."""


def envelope_of(text: bytes) -> Envelope:
    """The envelope of an event file, `{"value": {…}, "headers": {…}, "key": …}`.

    It goes through `decode`, as an event from the bus does. Raises Unreadable, Stopped.
    """
    wrapper = _read(text)
    headers, key = wrapper.get("headers", {}), wrapper.get("key")
    if not wrapper.keys() <= _WRAPPER or "value" not in wrapper:
        raise Unreadable('an event file is {"value": …, "headers": {…}, "key": …}')
    if not isinstance(headers, dict) or not all(isinstance(h, str) for h in headers.values()):
        raise Unreadable("headers are texts by name")
    if not isinstance(key, str | None):
        raise Unreadable("key is a text or null")
    return _decode(wrapper["value"], headers, key)


def bare_envelope_of(text: bytes) -> Envelope:
    """As `envelope_of`, but an event as the LMS sent it, unwrapped, does as well."""
    value = _parsed(text)
    if isinstance(value, dict) and value.keys() <= _WRAPPER and "value" in value:
        return envelope_of(text)
    return _decode(value, {}, None)


def _decode(value: Any, headers: Table[str, str], key: str | None) -> Envelope:
    raw = None if value is None else json.dumps(value).encode()
    coded = tuple((name, text.encode()) for name, text in headers.items())
    message = Message("", 0, 0, None if key is None else key.encode(), raw, coded)
    return decode(message, len(raw or b""))


def _read(text: bytes) -> dict[str, Any]:
    read = _parsed(text)
    if not isinstance(read, dict):
        raise Unreadable("not a JSON object")
    return read


def _parsed(text: bytes) -> Any:
    try:
        return jiter.from_json(text, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError:
        raise Unreadable("not readable as JSON, or a name stands twice") from None


def expectation(text: bytes) -> Verdict:
    """What an expect file says. Raises Unreadable."""
    verdict = _read(text)
    if verdict.keys() != {"events"}:
        return _expectation(verdict)
    if not isinstance(verdict["events"], list) or not verdict["events"]:
        raise Unreadable("events is a list, of what the mapping makes of each of its events")
    return {"events": [_expectation(one) for one in verdict["events"]]}


def _expectation(verdict: Any) -> Verdict:
    if not isinstance(verdict, dict) or verdict.keys() not in _VERDICTS:
        forms = '{"said": {…}}, {"not_reportable": …}, {"ignored": true}, {"error": …, "field": …}'
        raise Unreadable(f'an expect file is one of {forms}, or {{"events": […]}} of them')
    said = verdict.get("said", {})
    if not isinstance(said, dict) or not said.keys() <= TARGETS.keys():
        raise Unreadable(f"said holds only {', '.join(TARGETS)}")
    return verdict


def differences(expected: Verdict, outcome: Outcome | Sequence[Outcome]) -> str:
    """In which way the outcome is another than expected, without a value; empty if it is not."""
    wanted = expected.get("events", [expected])
    found = outcome if isinstance(outcome, Sequence) else [outcome]
    if len(wanted) != len(found):
        return f"came to {len(found)} events of this mapping, not {len(wanted)}"
    told = list(map(_difference, wanted, found))
    if "events" not in expected:
        return told[0]
    return "; ".join(f"event {place}: {one}" for place, one in enumerate(told) if one)


def _difference(expected: Verdict, outcome: Outcome) -> str:
    found = verdict(outcome)
    if "said" in expected and "said" in found:
        keys = sorted(expected["said"].keys() | found["said"].keys())
        wrong = [k for k in keys if expected["said"].get(k) != found["said"].get(k)]
        return f"differs in {', '.join(wrong)}" if wrong else ""
    if expected.items() <= found.items():
        return ""
    # Only our own codes and field names are left: what was said differs in kind.
    shown = "what the event says" if "said" in found else ", ".join(map(str, found.values()))
    return f"came to {next(iter(found))}: {shown}"


def verdict(outcome: Outcome) -> Verdict:
    """The outcome in an expect file's words."""
    if isinstance(outcome, Said):
        return {"said": said_texts(outcome)}
    if isinstance(outcome, NotReportable):
        return {"not_reportable": outcome.reason.code}
    if isinstance(outcome, Ignored):
        return {"ignored": True}
    codes = [reason.code for reason in outcome.reasons]
    fields = [reason.field for reason in outcome.reasons]
    return {"error": ", ".join(codes), "field": ", ".join(fields)}


def said_texts(said: Said) -> dict[str, str]:
    """The fields that an event filled, as text; instants as UTC with a Z."""
    values = {name: getattr(said, name) for name in TARGETS}
    return {name: shown(value) for name, value in values.items() if value not in (None, "")}


def shown(value: Any) -> str:
    """A target's value as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def outcomes_of(
    mapping: Mapping, text: bytes
) -> tuple[list[Envelope], Outcome | Sequence[Outcome]]:
    """The mapping's events in an event file, and what it makes of them.

    A list for a mapping that takes messages apart, unless it could not. Raises Unreadable.
    """
    try:
        events = [event for event in mapping.split(envelope_of(text)) if mapping.matches(event)]
    except Stopped as stopped:
        return [], stopped
    if not events:
        return [], Stopped(Reason(Stage.RECOGNISE, "unknown_event"))
    outcomes = [_outcome(mapping, event) for event in events]
    return events, outcomes if mapping.each else outcomes[0]


def _outcome(mapping: Mapping, event: Envelope) -> Outcome:
    try:
        return mapping.read(event)
    except Stopped as stopped:
        return stopped


def lacking(mapping: Mapping, verdicts: Iterable[Verdict]) -> list[str]:
    """The kinds of example that a mapping must have and has not."""
    if mapping.kind == "ignore":
        wanted = ["ignored"]
    else:
        wanted = ["said", "error", *(f"not_reportable {e.reason}" for e in mapping.excuses)]
    have = set()
    for verdict_ in verdicts:
        for one in verdict_.get("events", [verdict_]):
            have |= {*one, f"not_reportable {one.get('not_reportable')}"}
    return [kind for kind in dict.fromkeys(wanted) if kind not in have]


def unseen(mapping: Mapping, envelopes: Iterable[Envelope]) -> list[str]:
    """Paths that neither the schema vouches for nor any example ever found something at."""
    seen = list(envelopes)
    doubtful = [path for path in mapping.paths if not _vouched(mapping, path)]
    return [path.text for path in doubtful if not any(map(path.has, seen))]


def _vouched(mapping: Mapping, path: Path) -> bool:
    shape = mapping.shape_of(path)
    return shape is not None and shape.follow(path.steps)
