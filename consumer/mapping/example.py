"""Examples beside a mapping: an event, and what the mapping must make of it."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from consumer.bus.port import Message
from consumer.event import Envelope, decode
from consumer.fate import Ignored, NotReportable
from consumer.mapping.mapping import Mapping
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
    wrapper = _read(text)
    if wrapper.keys() <= _WRAPPER and "value" in wrapper:
        return envelope_of(text)
    return _decode(wrapper, {}, None)


def _decode(value: Any, headers: Table[str, str], key: str | None) -> Envelope:
    raw = None if value is None else orjson.dumps(value)
    coded = tuple((name, text.encode()) for name, text in headers.items())
    message = Message("", 0, 0, None if key is None else key.encode(), raw, coded)
    return decode(message, len(raw or b""))


def _read(text: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(text)
    except ValueError:
        raise Unreadable("not readable as JSON") from None
    if not isinstance(read, dict):
        raise Unreadable("not a JSON object")
    return read


def expectation(text: bytes) -> Verdict:
    """What an expect file says. Raises Unreadable."""
    verdict = _read(text)
    if verdict.keys() not in _VERDICTS:
        forms = '{"said": {…}}, {"not_reportable": …}, {"ignored": true}, {"error": …, "field": …}'
        raise Unreadable(f"an expect file is one of {forms}")
    said = verdict.get("said", {})
    if not isinstance(said, dict) or not said.keys() <= TARGETS.keys():
        raise Unreadable(f"said holds only {', '.join(TARGETS)}")
    return verdict


def differences(expected: Verdict, outcome: Said | NotReportable | Ignored | Stopped) -> str:
    """In which way the outcome is another than expected, without a value; empty if it is not."""
    found = verdict(outcome)
    if "said" in expected and "said" in found:
        keys = sorted(expected["said"].keys() | found["said"].keys())
        wrong = [k for k in keys if expected["said"].get(k) != found["said"].get(k)]
        return f"differs in {', '.join(wrong)}" if wrong else ""
    if expected == found or expected.items() < found.items():
        return ""
    # Only our own codes and field names are left: what was said differs in kind.
    shown = "what the event says" if "said" in found else ", ".join(map(str, found.values()))
    return f"came to {next(iter(found))}: {shown}"


def verdict(outcome: Said | NotReportable | Ignored | Stopped) -> Verdict:
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


def outcome_of(
    mapping: Mapping, text: bytes
) -> tuple[Envelope | None, Said | NotReportable | Ignored | Stopped]:
    """The event file's envelope, if it has one, and what the mapping makes of it.

    Raises Unreadable.
    """
    envelope = None
    try:
        envelope = envelope_of(text)
        if not mapping.matches(envelope):
            return envelope, Stopped(Reason(Stage.RECOGNISE, "unknown_event"))
        return envelope, mapping.read(envelope)
    except Stopped as stopped:
        return envelope, stopped


def lacking(mapping: Mapping, verdicts: Iterable[Verdict]) -> list[str]:
    """The kinds of example that a mapping must have and has not."""
    if mapping.kind == "ignore":
        wanted = ["ignored"]
    else:
        wanted = ["said", "error", *(f"not_reportable {e.reason}" for e in mapping.excuses)]
    have = set()
    for each in verdicts:
        have |= {*each, f"not_reportable {each.get('not_reportable')}"}
    return [kind for kind in dict.fromkeys(wanted) if kind not in have]


def unseen(mapping: Mapping, envelopes: Iterable[Envelope]) -> list[str]:
    """Paths that neither the schema vouches for nor any example ever found something at."""
    seen = list(envelopes)
    shape = mapping.shape
    doubtful = [
        path
        for path in mapping.paths
        if not (shape and path.root == "body" and shape.follow(path.steps))
    ]
    return [path.text for path in doubtful if not any(map(path.has, seen))]
