"""When a notice may go out: digests at an hour of the office's day, and quiet hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def digest_day(now: datetime, at: time, zone: ZoneInfo) -> date:
    """The day whose digest is the latest one due: today's from `at` on, yesterday's before."""
    today = now.astimezone(zone).date()
    return today if now >= _moment(today, at, zone) else today - timedelta(days=1)


def after_quiet(now: datetime, begins: time, ends: time, zone: ZoneInfo) -> datetime:
    """`now`, or the end of the quiet hours if it is within them; they may go over midnight.

    Equal times mean that there are none.
    """
    local = now.astimezone(zone)
    if begins == ends or not _within(local.time(), begins, ends):
        return now
    end = _moment(local.date(), ends, zone)
    return end if end > now else _moment(local.date() + timedelta(days=1), ends, zone)


def _within(at: time, begins: time, ends: time) -> bool:
    return begins <= at < ends if begins < ends else at >= begins or at < ends


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
