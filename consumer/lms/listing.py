"""Opens the lists that the settings name: files, a query, or an LMS's web service."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from consumer.lms.account import LmsAway, LmsRefused
from consumer.lms.connect import read_token
from consumer.lms.listed import CompletionList, ListForm, list_counter, read_list
from consumer.lms.listmoment import ListMoments
from consumer.lms.moodle import Moodle
from consumer.lms.moodlelist import Done, MoodleList
from consumer.settings.reconcile import ReconcileSettings
from consumer.tables.arrival import open_file
from consumer.tables.csvfile import TableProblems
from consumer.tables.sqlsource import SourceAway, open_query, read_url

_MOST_TOLD = 5


class ListAway(Exception):
    """The list cannot be read now: later by itself. Quotes nothing of it."""


class ListRefused(Exception):
    """A person must put the list or the settings right. Quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a list is asked for: `courses` of the office, `done` as MoodleList has it."""

    courses: Collection[str]
    done: Done
    now: datetime
    pause: Callable[[], None]


def read_completions(settings: ReconcileSettings, asking: Asking) -> CompletionList:
    """All of a list, or nothing. Raises ListAway, ListRefused with file, line and column."""
    try:
        if settings.kind == "moodle":
            return _of_moodle(settings, asking)
        form = form_of(settings)
        if settings.kind == "sql" and settings.database_file is not None:
            return read_list(open_query(read_url(settings.database_file), settings.sql), form)
        return _of_files(settings, form, asking.now)
    except TableProblems as found:
        told = [str(one) for one in found.problems]
        more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        raise ListRefused("; ".join(told[:_MOST_TOLD]) + more) from None
    except (SourceAway, LmsAway) as away:
        raise ListAway(str(away)) from None
    except LmsRefused as refused:
        raise ListRefused(str(refused)) from None


def form_of(settings: ReconcileSettings) -> ListForm:
    """How the list is written."""
    zone = ZoneInfo(settings.zone) if settings.zone else None
    constants = {"site": settings.site} if settings.site else {}
    moments = ListMoments(zone, settings.form)
    return ListForm(settings.columns, constants | {**settings.set}, moments)


def _of_files(settings: ReconcileSettings, form: ListForm, now: datetime) -> CompletionList:
    place = Path(settings.files)
    files = sorted(place.parent.glob(place.name))
    if not files:
        raise ListAway(f"no such file: {settings.files}")
    _check_age(files, timedelta(hours=settings.newest_hours), now)
    known = list_counter(form)
    lists = [read_list(open_file(one, settings.sheet, known), form) for one in files]
    rows = tuple(row for one in lists for row in one.rows)
    return CompletionList(rows, sum(one.not_completed for one in lists))


def _check_age(files: list[Path], most: timedelta, now: datetime) -> None:
    """An export that stopped coming would be compared for ever, and lack nothing."""
    try:
        newest = max(one.stat().st_mtime for one in files)
    except OSError as error:
        raise ListAway(f"{files[-1].name}: {error.strerror}") from None
    at = datetime.fromtimestamp(newest, UTC)
    if now - at > most:
        hours = int(most.total_seconds() // 3600)
        raise ListAway(
            f"the newest file is of {at:%Y-%m-%d %H:%M} UTC, older than newest_hours ({hours}):"
            " does the LMS still export it?"
        )


def _of_moodle(settings: ReconcileSettings, asking: Asking) -> CompletionList:
    if settings.token_file is None:
        raise ListRefused("token_file: needed with kind moodle")
    moodle = Moodle(settings.url, read_token(settings.token_file), settings.timeout_seconds)
    try:
        lister = MoodleList(moodle, settings.site, asking.pause)
        return lister.completions(asking.courses, asking.done)
    finally:
        moodle.close()
