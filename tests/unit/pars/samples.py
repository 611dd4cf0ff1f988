"""Invented people, activities and a PARS that knows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from consumer.clock import Clock
from consumer.pars.profile import ParsProfile
from consumer.pars.simulator import Activity, Diplomate, Manners, Provider, Simulator
from consumer.participant import BirthDate, Record

REPOSITORY = Path(__file__).parents[3]
SCHEMAS = REPOSITORY / "schemas"
GOLDEN = REPOSITORY / "tests" / "golden" / "pars"
PASSWORD = "correct-horse"
CREDIT = "ccid:example.org:7f3c2a91d0-r1"

ADA = Record(
    profile="example",
    provider_id="0009999",
    provider_name="Example Academy of Medicine",
    activity="heart-failure",
    pars_activity_id="202612345",
    title="Heart Failure Update",
    given_name="Ada",
    family_name="Example",
    birth_date=BirthDate(9, 10, 1971),
    board="ABIM",
    board_id="099999",
    npi=None,
    credit_type="medical_knowledge",
    certification="Medical Knowledge",
    points=Decimal("1.50"),
    completed_on=date(2026, 5, 14),
)


def record(**changes: Any) -> Record:
    """Ada's record with some fields changed."""
    return replace(ADA, **changes)


HEART = Activity(
    activity_id="202612345",
    provider_id="0009999",
    title="Heart Failure Update",
    starts=date(2026, 1, 1),
    ends=date(2026, 12, 31),
    boards={"ABIM": {"Medical Knowledge": Decimal(10)}},
)
ACTIVITIES = (
    HEART,
    replace(HEART, activity_id="202600001", provider_id="0001111"),
    replace(HEART, activity_id="202600002", closed=True),
    replace(HEART, activity_id="202600003", ends=date(2027, 12, 31)),
)
ROSTER = (
    Diplomate("ABIM", "099999", "Ada", "Éxample", 9, 10, 1971),
    Diplomate("ABIM", "000123", "Ben", "Sample", 2, 29, None),
    Diplomate("ABIM", "000456", "Cy", "Stray", 1, 2, board_rejects="Name does not match roster"),
)


def simulator(clock: Clock, **manners: Any) -> Simulator:
    """A PARS with one known provider, three people and four activities."""
    return Simulator(
        [Provider("0009999", "reporter", PASSWORD), Provider("0001111", "other", "secret")],
        SCHEMAS,
        clock,
        ROSTER,
        ACTIVITIES,
        Manners(**manners),
    )


def profile(url: str, **changes: Any) -> ParsProfile:
    """The known provider's profile, impatient."""
    settings: dict[str, Any] = {
        "name": "example",
        "base_url": url,
        "provider_id": "0009999",
        "user": "reporter",
        "password": PASSWORD,
        "connect_timeout_seconds": 2.0,
        "total_timeout_seconds": 10.0,
    }
    return ParsProfile(**(settings | changes))
