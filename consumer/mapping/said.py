"""What an event says, in our words: the whole of what a mapping may produce (design 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What an event is about."""

    COMPLETION = "completion"
    EVALUATION = "evaluation"
    CLAIM = "claim"
    RETRACTION = "retraction"
    IGNORE = "ignore"

    @property
    def named(self) -> str:
        """The kind with its article, as in a sentence."""
        return f"{'an' if self is Kind.EVALUATION else 'a'} {self}"


STEPS = frozenset({Kind.EVALUATION, Kind.CLAIM})
"""What a course may ask of a learner besides completing it."""


@dataclass(frozen=True, slots=True)
class Said:
    """Which learner, which course, when, what was claimed; names and boards come from tables.

    `completed` is when the course was completed, the evaluation handed in or the credit claimed:
    an aware instant, cut to a date in the activity's zone later, or a plain date
    where the LMS gives no time. `occurred_at` is when the event itself was made (it orders a
    retraction against a completion), None if the LMS does not say. `occurrence` is empty unless
    the LMS names a session or claim. `event_id` is for tracing, and for finding what a retraction
    names; never identity. `retracts` is the event that a retraction takes back, where it names
    that and neither learner nor course, which are then blank.
    """

    kind: Kind
    source: str
    mapping: str
    version: int
    site: str
    learner: str
    course: str
    completed: datetime | date
    occurred_at: datetime | None = None
    points: Decimal | None = None
    title: str = ""
    occurrence: str = ""
    event_id: str = ""
    retracts: str = ""

    @property
    def instant(self) -> datetime:
        """When it was completed, to compare by; a plain date counts from its first moment."""
        if isinstance(self.completed, datetime):
            return self.completed
        return datetime.combine(self.completed, time(), UTC)
