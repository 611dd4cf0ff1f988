"""A trial: one event through one mapping, row by row, for the person who writes the mapping."""

from __future__ import annotations

from dataclasses import dataclass, field

from consumer.event import Envelope
from consumer.mapping.example import Verdict, shown, verdict
from consumer.mapping.fault import Fault
from consumer.mapping.mapping import Mapping
from consumer.mapping.row import Row
from consumer.reason import Reason, Stopped


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row tried: its value or its error, the other is empty; both are if it is optional."""

    target: str
    path: str
    value: str
    error: str
    verbs: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. Holds values of the event: for the person's own screen, never for a log.

    `verdict` has an expect file's words; `reasons` are empty unless the event would be refused.
    """

    recognised: bool
    verdict: Verdict
    reasons: tuple[Reason, ...]
    rows: tuple[Attempt, ...]


def try_mapping(mapping: Mapping, envelope: Envelope) -> Trial:
    """One event, or one of several in a message, through the mapping, also where the mapping
    would not recognise it."""
    rows = tuple(_attempt(row, envelope) for row in mapping.rows)
    recognised = mapping.matches(envelope)
    try:
        return Trial(recognised, verdict(mapping.read(envelope)), (), rows)
    except Stopped as stopped:
        return Trial(recognised, verdict(stopped), stopped.reasons, rows)


def _attempt(row: Row, envelope: Envelope) -> Attempt:
    try:
        value = row.read(envelope)
    except Fault as fault:
        return Attempt(row.target, fault.path or row.shown, "", fault.code, row.verbs)
    return Attempt(row.target, row.shown, "" if value is None else shown(value), "", row.verbs)


def verdict_words(mapping: Mapping, trial: Trial) -> str:
    """What the mapping makes of the event, in a few words."""
    (kind, told), *_ = trial.verdict.items()
    if kind == "said":
        return mapping.kind.named
    return {"ignored": "nothing: it is no news"}.get(kind, f"{kind.replace('_', ' ')}: {told}")
