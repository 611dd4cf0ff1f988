"""What may be told to people: kinds of matters, who gets which, and one matter that stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Role(StrEnum):
    """Whom notices are for."""

    COORDINATOR = "coordinator"
    LMS_ADMIN = "lms_admin"
    SRE = "sre"


class Kind(StrEnum):
    """What a notice is about; the order is that of a digest."""

    STOPPED = "stopped"
    SURGE = "surge"
    GONE = "gone"
    MISSING = "missing"
    AT_RISK = "at_risk"
    REJECTED = "rejected"
    WAITING = "waiting"
    HELD = "held"


AT_ONCE = frozenset({Kind.STOPPED, Kind.SURGE, Kind.GONE, Kind.MISSING})
"""Told when they are found; everything else comes with the daily digest, and these too."""

WHO_GETS = {
    Role.COORDINATOR: (Kind.SURGE, Kind.AT_RISK, Kind.REJECTED, Kind.WAITING, Kind.HELD),
    Role.LMS_ADMIN: (Kind.SURGE, Kind.MISSING, Kind.WAITING),
    Role.SRE: (Kind.STOPPED, Kind.SURGE, Kind.GONE, Kind.MISSING),
}
"""What each role is told of, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing that stands and somebody should know of; nothing in it says who it is about.

    `subject` names it for good, so that it is not new twice. `where` is an activity of the
    office's, a source or a profile; `what` and `how` are advice in words; `by` is its deadline.
    `count` is how many records it stands for.
    """

    kind: Kind
    subject: str
    where: str
    what: str
    how: str = ""
    by: date | None = None
    count: int = 1
