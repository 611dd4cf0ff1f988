"""What an event says of when: an instant to compare by, whether the LMS gave a time or a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from consumer.mapping.said import Kind, Said


def completed(when: datetime | date) -> Said:
    """A completion of this time; everything else is invented."""
    return Said(
        kind=Kind.COMPLETION,
        source="lms/done",
        mapping="lms/done",
        version=1,
        site="lms.example",
        learner="905",
        course="37",
        completed=when,
        points=Decimal("1.5"),
    )


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("America/New_York")])
def test_a_time_is_its_own_instant(zone: tzinfo) -> None:
    when = datetime(2026, 11, 20, 23, 38, tzinfo=zone)
    assert completed(when).instant == when
    assert completed(when).instant.tzinfo is zone


def test_a_day_counts_from_its_first_moment() -> None:
    day = completed(date(2026, 11, 20)).instant
    assert day == datetime(2026, 11, 20, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    assert completed(day - moment).instant < day < completed(day + moment).instant
