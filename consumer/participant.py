"""The participant record: one learner's credit in one activity, as PARS takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from consumer.licence import Licence


@dataclass(frozen=True, slots=True)
class BirthDate:
    """Month and day, which the boards match on; the year if the learner gave it (dossier 2.3)."""

    month: int
    day: int
    year: int | None = None

    def __str__(self) -> str:
        if self.year is None:
            return f"{self.month:02d}-{self.day:02d}"
        return f"{self.year:04d}-{self.month:02d}-{self.day:02d}"


@dataclass(frozen=True, slots=True)
class Record:
    """Everything one report to PARS says, checked by the rules and ready to render.

    `board_domain` is the board as this profile's transport writes it, blank when that is `board`.
    What PARS is not told makes no record another one: `report_by`, the board's strict deadline,
    `closes_on`, when PARS closes its year, and `at_most`, what one learner may earn in this
    activity, all occurrences together.
    """

    profile: str
    provider_id: str
    provider_name: str
    activity: str
    pars_activity_id: str
    title: str
    given_name: str
    family_name: str
    birth_date: BirthDate | None
    board: str
    board_id: str
    npi: str | None
    credit_type: str
    certification: str
    points: Decimal
    completed_on: date
    occurrence: str = ""
    licence: Licence | None = None
    board_domain: str = ""
    report_by: date | None = field(default=None, compare=False)
    closes_on: date | None = field(default=None, compare=False)
    at_most: Decimal | None = field(default=None, compare=False)
