"""What tables and rules would make of an event today, in a coordinator's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.desk.words import advice
from consumer.fate import Held, NotReportable, Ready, Refused
from consumer.journey import House, judge
from consumer.mapping.said import Kind, Said
from consumer.reason import Reason


@dataclass(frozen=True, slots=True)
class Outlook:
    """One line: what was looked at, and what came of it; nothing personal in it."""

    what: str
    found: str
    next_step: str = ""


def outlook(said: Said, house: House, now: datetime) -> list[Outlook]:
    """The look-ups one by one, then what the event would come to."""
    return [*_looked_up(said, house), *_judged(said, house, now)]


def _looked_up(said: Said, house: House) -> Iterator[Outlook]:
    activities = house.tables.activities.find(said.site, said.course, said.occurrence)
    learners = house.tables.learners.find(said.site, said.learner)
    names = " and ".join(dict.fromkeys(row.title for row in activities))
    yield Outlook("activities.csv", names or "no row for this site and course")
    boards = ", ".join(one.board for one in learners)
    yield Outlook("learners.csv", f"a row ({boards})" if learners else "no row for this learner")


def _judged(said: Said, house: House, now: datetime) -> Iterator[Outlook]:
    if said.kind is Kind.RETRACTION:
        then = "if PARS may have the credit, a person is asked: deadletter list, then agree"
        yield Outlook("takes back", "what was heard of this learner and course until then", then)
    if said.kind is not Kind.COMPLETION:
        return
    match judge(said, house, now):
        case Ready(records, waiting):
            for one in records:
                told = f"{one.points} {one.credit_type} for {one.board}"
                yield Outlook("would be reported", told)
            yield from _because("also waits", waiting)
        case Held(reasons):
            yield from _because("would wait", reasons)
        case NotReportable(reason):
            yield from _because("would not be reported", (reason,))
        case Refused(reasons):
            yield from _because("would need a person", reasons)


def _because(what: str, reasons: Sequence[Reason]) -> Iterator[Outlook]:
    for reason in reasons:
        told = advice(reason)
        yield Outlook(what, told.happened, told.how)
