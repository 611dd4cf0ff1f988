"""Invented people, courses and the house that knows them; every test bends one thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from consumer.journey import House, Provider
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.mapping.said import Kind, Said
from consumer.participant import BirthDate, Record
from consumer.resources import shipped
from consumer.tables import Tables
from consumer.tables.activities import Activities, Activity
from consumer.tables.learners import Learner, Learners

SITE = "learn.example.org"
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")

RECORD = Record(
    profile="main",
    provider_id="0009999",
    provider_name="Example Academy of Medicine",
    activity="HF-UPDATE",
    pars_activity_id="202600001",
    title="Heart Failure Update",
    given_name="Ada",
    family_name="Abara",
    birth_date=BirthDate(2, 29, 1972),
    board="ABIM",
    board_id="012345",
    npi=None,
    credit_type="Medical Knowledge",
    certification="Medical Knowledge",
    points=Decimal("1.5"),
    completed_on=date(2026, 11, 20),
)
ACTIVITY = Activity(
    activity="HF-UPDATE",
    pars_activity_id="202600001",
    profile="main",
    title="Heart Failure Update",
    board="ABIM",
    credit_types=("Medical Knowledge",),
    max_points=Decimal("1.5"),
    points_basis="registered",
    zone=NEW_YORK,
    starts=date.min,
    ends=date.max,
)
LEARNER = Learner(
    given_name="Ada",
    family_name="Abara",
    email="ada@example.org",
    birth_date="02/29/1972",
    board="ABIM",
    board_id="012345",
    npi="",
    consent="yes",
    consent_boards=frozenset(),
)
SAID = Said(
    kind=Kind.COMPLETION,
    source="moodle",
    mapping="moodle/course_completed",
    version=1,
    site=SITE,
    learner="905",
    course="37",
    completed=datetime(2026, 11, 20, 18, 30, tzinfo=UTC),
)
PROVIDER = Provider("0009999", "Example Academy of Medicine")


def record(**changes: Any) -> Record:
    """Ada's record with some fields changed."""
    return replace(RECORD, **changes)


def activity(**changes: Any) -> Activity:
    """The course's row with some columns changed."""
    return replace(ACTIVITY, **changes)


def learner(**changes: Any) -> Learner:
    """Ada's row with some columns changed."""
    return replace(LEARNER, **changes)


def said(**changes: Any) -> Said:
    """What the event says, with some of it changed."""
    return replace(SAID, **changes)


@cache
def catalogue() -> Catalogue:
    """The mappings that ship with the service."""
    return load_catalogue(shipped("mappings"), shipped("schemas"))


def house(
    learners: Iterable[Learner] = (LEARNER,),
    activities: Iterable[Activity] = (ACTIVITY,),
    provider: Provider = PROVIDER,
    events: Any = None,
) -> House:
    """Learner 905 and course 37 at our site, unless told otherwise."""
    tables = Tables(
        Learners({(SITE, "905"): tuple(learners)}), Activities({(SITE, "37"): tuple(activities)})
    )
    return House(events or catalogue(), tables, {"main": provider}, 10_000)
