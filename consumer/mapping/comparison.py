"""A comparison: what past events say by one catalogue and by another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from consumer.event import Envelope
from consumer.fate import Ignored, NotReportable
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import verdict
from consumer.mapping.said import Said
from consumer.reason import Stopped

Outcome = Said | NotReportable | Ignored | Stopped


class Turn(StrEnum):
    """In which way an event comes to something else."""

    SAME = "the same"
    FACTS = "says something else"
    GAINED = "can be read now"
    LOST = "cannot be read any more"
    REPORTED = "is reported now"
    DROPPED = "is not reported any more"
    OTHERWISE = "comes to something else"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one catalogue makes of an event; `mapping` is blank where none knows it."""

    mapping: str
    version: int
    outcome: Outcome

    @property
    def said(self) -> Said | None:
        """What it says, if it says something."""
        return self.outcome if isinstance(self.outcome, Said) else None

    @property
    def word(self) -> str:
        """One word for the kind of outcome."""
        if isinstance(self.outcome, Said):
            return self.outcome.kind.value
        if isinstance(self.outcome, Stopped):
            return self.outcome.reasons[0].code
        return "ignored" if isinstance(self.outcome, Ignored) else self.outcome.reason.code


@dataclass(frozen=True, slots=True)
class Change:
    """One event by both; `facts` holds a target's name, and its text by the old and by the new."""

    turn: Turn
    old: Reading
    new: Reading
    facts: tuple[tuple[str, str, str], ...] = ()


def read_all(catalogue: Catalogue, envelope: Envelope) -> list[Reading]:
    """What the catalogue makes of the events in a message, mostly one; never raises."""
    try:
        return [_read(catalogue, one) for one in catalogue.events(envelope)]
    except Stopped as stopped:
        return [Reading("", 0, stopped)]


def _read(catalogue: Catalogue, event: Envelope) -> Reading:
    name, version = "", 0
    try:
        mapping = catalogue.recognise(event)
        name, version = mapping.name, mapping.version
        return Reading(name, version, mapping.read(event))
    except Stopped as stopped:
        return Reading(name, version, stopped)


def compare(old: Sequence[Reading], new: Sequence[Reading]) -> list[Change]:
    """Each event of a message by both; where one finds more, the other found nothing there."""
    many = max(len(old), len(new))
    return [_change(_at(old, place), _at(new, place)) for place in range(many)]


def _at(readings: Sequence[Reading], place: int) -> Reading:
    return readings[place] if place < len(readings) else Reading("", 0, Ignored())


def _change(old: Reading, new: Reading) -> Change:
    before, after = _facts(old), _facts(new)
    names = dict.fromkeys((*before, *after))
    facts = tuple((n, before.get(n, ""), after.get(n, "")) for n in names)
    facts = tuple(one for one in facts if one[1] != one[2])
    return Change(_turn(old, new, facts), old, new, facts if old.said and new.said else ())


def _facts(reading: Reading) -> dict[str, Any]:
    told = verdict(reading.outcome)
    return {"kind": reading.word} | told["said"] if reading.said else told


def _turn(old: Reading, new: Reading, facts: Sequence[object]) -> Turn:
    if not facts:
        return Turn.SAME
    if old.said and new.said:
        return Turn.FACTS
    if isinstance(old.outcome, Stopped) or isinstance(new.outcome, Stopped):
        if isinstance(old.outcome, Stopped) and isinstance(new.outcome, Stopped):
            return Turn.OTHERWISE
        return Turn.GAINED if isinstance(old.outcome, Stopped) else Turn.LOST
    return Turn.REPORTED if new.said else Turn.DROPPED if old.said else Turn.OTHERWISE
