"""The steps to a credit: what must be heard of a learner's course, and which day that gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import takewhile
from typing import Protocol
from zoneinfo import ZoneInfo

from consumer.mapping.said import Kind, Said
from consumer.rules import completion_date

ALONE = (Kind.COMPLETION,)
"""What a course requires whose row names no further steps."""

AWAITED = {
    Kind.COMPLETION: "completion_awaited",
    Kind.EVALUATION: "evaluation_awaited",
    Kind.CLAIM: "claim_awaited",
}
"""Why a completion waits whose step was not heard yet."""

Steps = Mapping[Kind, Said]
"""What counts of each step that was heard."""


class DateRule(StrEnum):
    """Which day is the credit's."""

    COMPLETION = "completion"  # that of the course's completion
    LAST_STEP = "last_step"  # the day on which the last required step was done
    CLAIM = "claim"  # the day of the claim


class Course(Protocol):
    """What an activity's row says about steps."""

    @property
    def requires(self) -> tuple[Kind, ...]: ...
    @property
    def date_rule(self) -> DateRule: ...
    @property
    def zone(self) -> ZoneInfo: ...


def counting(said: Said, heard: Iterable[Said]) -> Steps:
    """What counts of all that was heard: the first evaluation, the newest claim.

    Whatever order they came in. `said` is the completion, or what stands for it until it is
    heard; `heard` are evaluations and claims, as they came. A claim that is made again counts
    from its first day, as a completion does; other points are another claim.
    """
    steps = {Kind.COMPLETION: said} if said.kind is Kind.COMPLETION else {}
    by_time = sorted(heard, key=_made)
    if evaluations := [one for one in by_time if one.kind is Kind.EVALUATION]:
        steps[Kind.EVALUATION] = evaluations[0]
    if claims := [one for one in reversed(by_time) if one.kind is Kind.CLAIM]:
        steps[Kind.CLAIM] = _first_of_the_newest(claims)
    return steps


def _made(said: Said) -> tuple[datetime, datetime]:
    return said.instant, said.occurred_at or said.instant


def _first_of_the_newest(claims: Sequence[Said]) -> Said:
    *_, first = takewhile(lambda one: one.points == claims[0].points, claims)
    return first


def missing(course: Course, steps: Steps) -> tuple[Kind, ...]:
    """The required steps that were not heard yet, in the order of the table."""
    return tuple(kind for kind in course.requires if kind not in steps)


def as_counted(said: Said, steps: Steps, course: Course) -> Said:
    """The completion as the row counts it: dated by its rule, with the points that were claimed.

    While the step that dates it is missing, the last that was done stands for it.
    """
    if course.requires == ALONE:
        return said
    there = [steps[kind] for kind in course.requires if kind in steps] or [said]
    last = max(there, key=lambda one: completion_date(one.completed, course.zone))
    by_rule = course.date_rule is not DateRule.LAST_STEP
    dated = steps.get(Kind(course.date_rule), last) if by_rule else last
    return replace(said, completed=dated.completed, points=_points(steps, course))


def _points(steps: Steps, course: Course) -> Decimal | None:
    named = [
        steps[kind].points for kind in (Kind.CLAIM, Kind.COMPLETION) if _counts(kind, steps, course)
    ]
    return next((points for points in named if points is not None), None)


def _counts(kind: Kind, steps: Steps, course: Course) -> bool:
    return kind in steps and kind in course.requires
