"""A certifying board as data: its IDs, its credit, whom it recognises, by when it must know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

DEFAULT_BOARD = "ABIM"
"""The board of a table's row that names none."""

POINTS_STEP = Decimal("0.25")
"""PARS takes multiples of this for every board (dossier 2.4)."""

DayOfYear = tuple[int, int]
"""Month and day."""


class Mark(StrEnum):
    """What a board may need to recognise a learner by, beside its own ID (dossier 2.3)."""

    NAMES = "names"
    BIRTH_DAY = "birth_day"
    BIRTH_YEAR = "birth_year"


class Certificate(StrEnum):
    """A number that may go along with the board's ID in one report (dossier 2.3, 2.7)."""

    NPI = "npi"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """By when a completion has to be in PARS (dossier 5); PARS itself decides what is too late."""

    days: int = 30
    year_end: DayOfYear = (12, 31)
    closes: DayOfYear = (3, 31)
    closes_years_later: int = 1

    def report_by(self, completed_on: date) -> date:
        """So many days, or the day on which the board counts its year when that comes sooner."""
        year_end = date(completed_on.year, *self.year_end)
        if timedelta() <= year_end - completed_on <= timedelta(self.days):
            return year_end
        return completed_on + timedelta(self.days)

    def closes_on(self, completed_on: date) -> date:
        """When PARS closes the completion's year; a weekend moves it to Monday, as in 2024."""
        day = date(completed_on.year + self.closes_years_later, *self.closes)
        return day + timedelta(max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)


@dataclass(frozen=True, slots=True)
class Board:
    """One board; `certifications` gives what PARS calls each credit type of the office's table.

    `spelling` is how the board is written where that is not `name`: by transport, and in prose.
    `source` is where its entry comes from: shipped, or the name of the office's file.
    """

    name: str
    title: str
    id_pattern: re.Pattern[str]
    id_rule: str
    certifications: Mapping[str, str]
    any_credit_type: bool = False
    marks: frozenset[Mark] = frozenset({Mark.NAMES, Mark.BIRTH_DAY})
    certificates: frozenset[Certificate] = frozenset(Certificate)
    repeats: bool = True
    partial: bool = True
    points_step: Decimal = POINTS_STEP
    spelling: Mapping[str, str] = field(default_factory=dict)
    deadlines: Deadlines = Deadlines()
    source: str = ""

    def certification(self, credit_type: str) -> str | None:
        """PARS's literal for a credit type, None for one that this board does not give."""
        own = credit_type if self.any_credit_type else None
        return self.certifications.get(credit_type, own)

    def spelled(self, where: str) -> str:
        """The board's name as it is written there: json, xml or prose."""
        return self.spelling.get(where, self.name)


Boards = Mapping[str, Board]
"""All boards in force, by name."""
