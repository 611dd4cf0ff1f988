"""When notices go out: the office's day, quiet hours, and days that clocks change on."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.notices.timing import after_quiet, digest_day

CHICAGO = ZoneInfo("America/Chicago")
SEVEN, EIGHT_PM = time(7, 0), time(20, 0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-22T06:59:59", "2026-11-21"),
        ("2026-11-22T07:00:00", "2026-11-22"),
        ("2026-11-22T23:59:00", "2026-11-22"),
        ("2026-11-23T00:01:00", "2026-11-22"),
        ("2026-03-08T07:00:00", "2026-03-08"),  # clocks went forward at two
        ("2026-11-01T06:59:00", "2026-10-31"),  # and back
    ],
)
def test_the_latest_digest_due(now: str, day: str) -> None:
    assert digest_day(at(now), SEVEN, CHICAGO) == date.fromisoformat(day)


def test_an_hour_that_the_clocks_leave_out_comes_right_after_it() -> None:
    gone = time(2, 30)
    assert digest_day(at("2026-03-08T01:59:00"), gone, CHICAGO) == date(2026, 3, 7)
    assert digest_day(at("2026-03-08T03:30:00"), gone, CHICAGO) == date(2026, 3, 8)


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        ("2026-11-22T19:59:00", "2026-11-22T19:59:00"),
        ("2026-11-22T20:00:00", "2026-11-23T07:00:00"),
        ("2026-11-23T06:59:00", "2026-11-23T07:00:00"),
        ("2026-11-23T07:00:00", "2026-11-23T07:00:00"),
        ("2026-10-31T23:00:00", "2026-11-01T07:00:00"),
    ],
)
def test_quiet_hours_go_over_midnight(now: str, goes: str) -> None:
    assert after_quiet(at(now), EIGHT_PM, SEVEN, CHICAGO) == at(goes)


def test_quiet_hours_within_a_day_and_none_at_all() -> None:
    noon, one = time(12), time(13)
    assert after_quiet(at("2026-11-22T12:30:00"), noon, one, CHICAGO) == at("2026-11-22T13:00:00")
    assert after_quiet(at("2026-11-22T13:30:00"), noon, one, CHICAGO) == at("2026-11-22T13:30:00")
    assert after_quiet(at("2026-11-22T12:30:00"), noon, noon, CHICAGO) == at("2026-11-22T12:30:00")


@given(
    st.integers(0, 366 * 86_400).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, n)),
    st.times(),
    st.times(),
)
def test_law_quiet_never_lasts_a_day_and_never_goes_back(
    now: datetime, begins: time, ends: time
) -> None:
    then = after_quiet(now, begins, ends, CHICAGO)
    assert now <= then <= now + timedelta(hours=25)
    assert after_quiet(then, begins, ends, CHICAGO) == then
