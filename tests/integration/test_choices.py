"""What waits for a choice: the setting, its values, and how many records it concerns."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.candidate import YearPolicy
from consumer.desk.choices import CHOICES, waiting_for_choices
from consumer.settings import ProviderProfile
from consumer.tables import load_tables
from tests.integration.office import Office
from tests.integration.people import (
    CANVAS,
    COURSES,
    LENA,
    MOODLE,
    OTIS,
    PRIYA,
    canvas,
    course,
    moodle,
)


def choices(office: Office) -> list[dict[str, Any]]:
    tables = load_tables(office.tables, office.settings.profiles)
    return waiting_for_choices(office.ledger, tables.activities, office.settings.profiles)


@pytest.fixture
def yearless(office: Office) -> Office:
    """An office of people who gave month and day only."""
    office.put_learners(*(one.row(birth_date=one.birth_date[5:]) for one in (PRIYA, OTIS, LENA)))
    office.look()
    return office


def test_nothing_waits_where_nothing_is_missing(office: Office) -> None:
    office.put_learners(PRIYA.row(consent="no"), OTIS.row())
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    assert choices(office) == []


def test_the_setting_is_named_with_its_values_and_how_many_wait(yearless: Office) -> None:
    since = yearless.clock.now().isoformat(timespec="seconds")
    yearless.hear(moodle(PRIYA), canvas(OTIS))
    yearless.clock.advance(3600)
    yearless.hear(moodle(LENA, "102"), moodle(PRIYA, "104"))
    main, north = choices(yearless)
    assert main["setting"] == "profiles.main.without_birth_year"
    assert (main["is"], main["values"]) == ("hold", "hold, omit, placeholder")
    assert (main["records"], main["since"]) == (3, since)
    assert "ACCME" in main["next_step"]
    assert (north["setting"], north["records"]) == ("profiles.north.without_birth_year", 1)


def test_a_board_that_waits_beside_the_credit_of_another_counts(office: Office) -> None:
    pediatric = {"board": "ABP", "credit_types": "Lifelong Learning and Self-Assessment"}
    rows = (course(MOODLE, "101", **more) for more in ({"board": "ABIM"}, pediatric))
    office.put_activities(*rows)
    yearless = PRIYA.row(board="ABP", board_id="P-77", birth_date="09-10")
    office.put_learners(PRIYA.row(board="ABIM"), yearless)
    office.look()
    office.hear(moodle(PRIYA))
    assert office.states() == ["ready"]
    assert [row["records"] for row in choices(office)] == [1]


def test_once_chosen_they_go_and_nothing_waits(yearless: Office) -> None:
    yearless.hear(moodle(PRIYA))
    assert len(choices(yearless)) == 1
    settings = yearless.settings
    chosen = {
        name: profile.model_copy(update={"without_birth_year": YearPolicy.OMIT})
        for name, profile in settings.profiles.items()
    }
    changed = settings.model_copy(update={"profiles": chosen})
    yearless._load = lambda _: changed  # type: ignore[method-assign]
    yearless.start()
    assert choices(yearless) == []
    yearless.look()
    assert yearless.states() == ["ready"]


def test_a_course_that_changed_hands_counts_for_whoever_reports_it(yearless: Office) -> None:
    yearless.hear(canvas(PRIYA))
    rows = [row for row in COURSES if row["site"] != CANVAS]
    before = course(CANVAS, "731", profile="not ours", ends="2025-12-31")
    after = course(CANVAS, "731", profile="north", starts="2026-01-01", ends="")
    yearless.put_activities(*({"starts": "", "ends": ""} | row for row in (*rows, before, after)))
    (row,) = choices(yearless)
    assert row["setting"].startswith("profiles.north.")
    yearless.put_activities(course(MOODLE, "999"))
    assert choices(yearless) == []


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.code)
def test_every_choice_is_a_setting_with_these_values(choice: Any) -> None:
    field = ProviderProfile.model_fields[choice.setting]
    assert choice.values == tuple(one.value for one in field.annotation)  # type: ignore[union-attr]
