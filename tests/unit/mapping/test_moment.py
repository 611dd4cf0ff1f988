"""Times: every form, zones, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.mapping.fault import Fault
from consumer.mapping.moment import dates, instant

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("iso8601", "2026-11-20T12:30:00Z"),
        ("iso8601", "2026-11-20T12:30:00.000Z"),
        ("iso8601", "2026-11-20T12:30:00,000Z"),
        ("iso8601", "2026-11-20T12:30Z"),
        ("iso8601", "2026-11-20 12:30:00+00:00"),
        ("iso8601", "2026-11-20T07:30:00-05:00"),
        ("iso8601", "2026-11-20T07:30:00-0500"),
        ("iso8601", "2026-11-20T07:30:00-05"),
        ("iso8601", " 2026-11-20T12:30:00Z "),
        ("epoch_s", 1795177800),
        ("epoch_s", "1795177800"),
        ("epoch_s", 1795177800.0),
        ("epoch_ms", 1795177800000),
        ("epoch_ms", "1795177800000"),
        ("%m/%d/%Y %H:%M %z", "11/20/2026 07:30 -0500"),
    ],
)
def test_forms(form: str, value: Any) -> None:
    found = instant(form, None)(value)
    assert found == NOON
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("iso8601", "2026-11-20T07:30:00"),
        ("%Y-%m-%d %H:%M:%S", "2026-11-20 07:30:00"),
        ("%d %b %Y, %I:%M %p", "20 Nov 2026, 07:30 AM"),
    ],
)
def test_a_time_without_zone_needs_the_mappings(form: str, value: str) -> None:
    assert instant(form, NEW_YORK)(value) == NOON
    with pytest.raises(Fault, match=r"^zone_missing$"):
        instant(form, None)(value)


def test_the_texts_own_zone_counts() -> None:
    assert instant("iso8601", NEW_YORK)("2026-11-20T12:30:00Z") == NOON


@pytest.mark.parametrize(
    ("form", "value", "code"),
    [
        ("iso8601", "2026-11-20", "date_not_understood"),
        ("iso8601", "20261120T123000Z", "date_not_understood"),
        ("iso8601", "2026-W47-5T12:30:00Z", "date_not_understood"),
        ("iso8601", "2026-02-30T12:30:00Z", "date_not_understood"),
        ("iso8601", "2026-11-20T25:30:00Z", "date_not_understood"),
        ("iso8601", "2026-11-20T12:30:00+99:00", "date_not_understood"),
        ("iso8601", "٢٠٢٦-11-20T12:30:00Z", "date_not_understood"),
        ("iso8601", "0001-01-01T00:00:00Z", "date_not_understood"),
        ("iso8601", "0001-01-01T00:00:00+14:00", "date_not_understood"),
        ("iso8601", "9999-12-31T23:59:59-01:00", "date_not_understood"),
        ("iso8601", "soon", "date_not_understood"),
        ("iso8601", 1795177800, "date_not_understood"),
        ("iso8601", True, "wrong_type"),
        ("iso8601", {"at": 1}, "wrong_type"),
        ("epoch_s", 0, "date_not_understood"),
        ("epoch_s", -5, "date_not_understood"),
        ("epoch_s", "1.5", "date_not_understood"),
        ("epoch_s", 1795177800000, "date_not_understood"),
        ("epoch_s", 1e300, "date_not_understood"),
        ("epoch_s", 10**15 - 1, "date_not_understood"),
        ("epoch_ms", 1795177800, "date_not_understood"),
        ("epoch_s", "2026-11-20", "date_not_understood"),
        ("epoch_s", True, "wrong_type"),
        ("%Y-%m-%d %H:%M", "20.11.2026 07:30", "date_not_understood"),
        ("%Y-%m-%d %H:%M", "1900-01-01 00:00", "zone_missing"),
    ],
)
def test_what_is_no_time_is_refused(form: str, value: Any, code: str) -> None:
    with pytest.raises(Fault, match=rf"^{code}$"):
        instant(form, None)(value)


def test_a_local_time_that_occurs_twice_is_its_first_one() -> None:
    read = instant("iso8601", NEW_YORK)
    assert read("2026-11-01T01:30:00") == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_local_time_that_is_skipped_is_read_by_the_clock_before() -> None:
    read = instant("iso8601", NEW_YORK)
    assert read("2026-03-08T02:30:00") == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "form", ["iso", "epoch", "%Y-%m-%d", "%Y-%m-%d %H", "%H:%M", "%Y-%m-%dT%Q", "%Y %j", ""]
)
def test_a_pattern_that_loses_part_of_the_time_is_refused(form: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - strptime and the check word it differently
        instant(form, None)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("YYYY-MM-DD", "2026-03-09"),
        ("MM/DD/YYYY", "03/09/2026"),
        ("M/D/YYYY", "3/9/2026"),
        ("M/D/YYYY", "03/09/2026"),
        ("DD.MM.YYYY", "09.03.2026"),
        ("YYYYMMDD", "20260309"),
    ],
)
def test_date_forms(form: str, value: str) -> None:
    assert dates([form])(value) == date(2026, 3, 9)


def test_the_first_day_that_is_taken_for_one() -> None:
    assert dates(["YYYY-MM-DD"])("2199-12-31") == date(2199, 12, 31)
    assert instant("iso8601", None)("2199-12-31T23:59:59Z").year == 2199
    first = datetime(1990, 1, 1, tzinfo=UTC)
    assert dates(["YYYY-MM-DD"])("1990-01-01") == first.date()
    assert instant("iso8601", None)("1990-01-01T00:00:00Z") == first
    assert instant("epoch_s", None)(631152000) == first
    assert instant("epoch_ms", None)("631152000000") == first
    for form, early in (
        ("epoch_s", 631151999),
        ("iso8601", "1989-12-31T23:59:59Z"),
        ("iso8601", "2200-01-01T00:00:00Z"),
    ):
        with pytest.raises(Fault, match=r"^date_not_understood$"):
            instant(form, None)(early)


def test_the_first_date_form_that_fits_is_read() -> None:
    assert dates(["YYYY-MM-DD", "MM/DD/YYYY"])("12/31/2026") == date(2026, 12, 31)
    assert dates(["DD/MM/YYYY", "MM/DD/YYYY"])("12/31/2026") == date(2026, 12, 31)


def test_a_date_that_two_forms_read_differently_is_ambiguous() -> None:
    with pytest.raises(Fault, match=r"^ambiguous_value$"):
        dates(["DD/MM/YYYY", "MM/DD/YYYY"])("03/09/2026")


@pytest.mark.parametrize(
    "value",
    [
        "2026-3-9",
        "2026-02-30",
        "26-03-09",
        "0001-01-01",
        "1989-12-31",
        "2200-01-01",
        "x",
        20260309,
        "٢٠٢٦-03-09",
    ],
)
def test_what_is_no_date_is_refused(value: Any) -> None:
    with pytest.raises(Fault, match=r"^date_not_understood$"):
        dates(["YYYY-MM-DD"])(value)


@pytest.mark.parametrize("form", ["YYYY-MM", "DD/DD/YYYY", "YY-MM-DD", "date", ""])
def test_a_date_form_without_a_whole_date_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match="YYYY"):
        dates([form])


# Hypothesis takes the bounds without a zone and adds the zones itself.
FIRST, LAST = datetime(1990, 1, 2), datetime(2199, 12, 30)  # noqa: DTZ001
moments = st.datetimes(FIRST, LAST, timezones=st.timezones() | st.just(UTC))


@given(moments)
def test_law_an_instant_comes_back_from_iso8601(moment: datetime) -> None:
    # Compared in UTC: Python holds a local time that occurs twice equal to nothing elsewhere.
    assert instant("iso8601", None)(moment.isoformat()) == moment.astimezone(UTC)


@given(moments)
def test_law_an_instant_comes_back_from_the_epoch(moment: datetime) -> None:
    whole = moment.astimezone(UTC).replace(microsecond=0)
    seconds = int(whole.timestamp())
    assert instant("epoch_s", None)(seconds) == instant("epoch_ms", None)(seconds * 1000) == whole


@given(st.text() | st.integers() | st.floats() | st.booleans())
def test_law_nothing_but_a_fault_comes_of_a_bad_time(value: Any) -> None:
    for read in (instant("iso8601", NEW_YORK), instant("epoch_s", None), dates(["M/D/YYYY"])):
        with suppress(Fault):
            read(value)
