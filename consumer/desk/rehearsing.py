"""An event tried out: which mapping knows it, what each row makes of it, what would become of it.

Nothing is written, kept or sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from consumer.clock import Clock
from consumer.desk.deadletters import find_letter
from consumer.desk.outlook import Outlook, outlook
from consumer.desk.trail import remember
from consumer.desk.words import Advice, advice
from consumer.event import Envelope
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import events_kept
from consumer.mapping.mapping import Mapping
from consumer.mapping.mask import masked
from consumer.mapping.said import Said
from consumer.mapping.trial import Attempt, try_mapping, verdict_words
from consumer.reason import Reason, Stopped


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the mapping at work; `error` says in words why there is no value."""

    target: str
    path: str
    verbs: str
    value: str = field(repr=False)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One event, all the way. `mapping` is blank where none knows it, and `reasons` say why."""

    mapping: str = ""
    version: int = 0
    verdict: str = ""
    reasons: tuple[tuple[Reason, Advice], ...] = ()
    steps: tuple[Step, ...] = ()
    next: tuple[Outlook, ...] = ()


def letter_events(
    ledger: Ledger, house: House, letter_id: str, who: str, clock: Clock
) -> list[Envelope]:
    """The events that a letter keeps; that `who` looked is remembered.

    Raises NoSuchLetter, Stopped, SchemasAway.
    """
    with ledger.begin() as db:
        row = find_letter(db, letter_id)
        remember(db, ledger, clock.now(), who, "letter.revealed", letter_id)
    return [*events_kept(ledger.seal, row, house)]


def rehearsed(event: Envelope, house: House, now: datetime, *, show: bool) -> list[Rehearsed]:
    """What becomes of a message: each event in it. Values are masked unless `show`."""
    try:
        events = house.catalogue.events(event) if event.part is None else [event]
    except Stopped as stopped:
        return [_unknown(stopped)]
    return [_one(event, house, now, show=show) for event in events]


def _one(event: Envelope, house: House, now: datetime, *, show: bool) -> Rehearsed:
    try:
        mapping = house.catalogue.recognise(event)
    except Stopped as stopped:
        return _unknown(stopped)
    trial = try_mapping(mapping, event)
    return Rehearsed(
        mapping.name,
        mapping.version,
        verdict_words(mapping, trial),
        tuple((reason, advice(reason)) for reason in trial.reasons),
        tuple(_step(one, show=show) for one in trial.rows),
        tuple(_next(mapping, event, house, now)),
    )


def _unknown(stopped: Stopped) -> Rehearsed:
    return Rehearsed(reasons=tuple((reason, advice(reason)) for reason in stopped.reasons))


def _next(mapping: Mapping, event: Envelope, house: House, now: datetime) -> list[Outlook]:
    try:
        said = mapping.read(event)
    except Stopped:
        return []
    return outlook(said, house, now) if isinstance(said, Said) else []


def _step(row: Attempt, *, show: bool) -> Step:
    value = row.value if show else masked(row.value)
    return Step(row.target, row.path, row.verbs, value, row.error)
