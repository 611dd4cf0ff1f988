"""The audit pack of one activity: who was reported how and answered what, and who was not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from consumer.pars.document import plain
from consumer.reports.paper import Column, Paper
from consumer.reports.sheet import Book, Value
from consumer.reports.staging import Staging, settle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Activity:
    """What stands at the head of the pack; instants in it are shown in `zone`.

    `starts` and `ends` are the activity's own, `since` and `until` what was asked for; None is
    open.
    """

    title: str
    pars_activity_id: str
    provider_name: str
    provider_id: str
    starts: date | None
    ends: date | None
    prepared_at: datetime
    zone: ZoneInfo
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One learner's reported credit of one type; instants are aware, "" and None for none."""

    learner: str = field(repr=False)
    board: str
    board_id: str = field(repr=False)
    credit_type: str
    points: Decimal
    completed_on: date
    reported_at: datetime | None = None
    reported_way: str = ""
    corrected_by: str = ""
    corrected_at: datetime | None = None
    answer: str = ""
    answered_at: datetime | None = None
    consent: str = ""
    consent_on: date | str | None = None
    consent_how: str = ""
    consent_boards: str = ""


@dataclass(frozen=True, slots=True)
class Unreported:
    """One learner's completion that was not reported, and why, in the office's words."""

    learner: str = field(repr=False)
    board: str
    board_id: str = field(repr=False)
    credit_type: str
    completed_on: date
    standing: str
    since: datetime
    why: str
    who: str
    next_step: str
    source: str


# Heading, width in characters, value.
_SHEET: tuple[tuple[str, int, Callable[[Line], Value]], ...] = (
    ("Learner", 28, lambda line: line.learner),
    ("Board", 8, lambda line: line.board),
    ("Board ID", 12, lambda line: line.board_id),
    ("Credit type", 22, lambda line: line.credit_type),
    ("Points", 8, lambda line: line.points),
    ("Completed on", 14, lambda line: line.completed_on),
    ("Reported at", 18, lambda line: line.reported_at),
    ("Reported by way of", 18, lambda line: line.reported_way),
    ("Corrected by", 18, lambda line: line.corrected_by),
    ("Corrected at", 18, lambda line: line.corrected_at),
    ("Board's answer", 24, lambda line: line.answer),
    ("Answered at", 18, lambda line: line.answered_at),
    ("Consent", 12, lambda line: line.consent),
    ("Consent on", 14, lambda line: line.consent_on),
    ("Consent how", 20, lambda line: line.consent_how),
    ("Consent for boards", 20, lambda line: line.consent_boards),
)
# Heading, width in millimetres (277 together), values one below the other.
_PAPER: tuple[tuple[str, float, Callable[[Line], tuple[Value, ...]]], ...] = (
    ("Learner", 46, lambda line: (line.learner,)),
    ("Board", 14, lambda line: (line.board,)),
    ("Board ID", 20, lambda line: (line.board_id,)),
    ("Credit type", 33, lambda line: (line.credit_type,)),
    ("Points", 13, lambda line: (line.points,)),
    ("Completed", 20, lambda line: (line.completed_on,)),
    ("Reported", 32, lambda line: (line.reported_at, line.reported_way)),
    ("Corrected", 32, lambda line: (line.corrected_at, line.corrected_by)),
    ("Board's answer", 35, lambda line: (line.answered_at, line.answer)),
    ("Consent", 32, lambda line: (_consent(line), line.consent_how, line.consent_boards)),
)
_OPEN_SHEET: tuple[tuple[str, int, Callable[[Unreported], Value]], ...] = (
    ("Learner", 28, lambda line: line.learner),
    ("Board", 8, lambda line: line.board),
    ("Board ID", 12, lambda line: line.board_id),
    ("Credit type", 22, lambda line: line.credit_type),
    ("Completed on", 14, lambda line: line.completed_on),
    ("Standing", 20, lambda line: line.standing),
    ("Since", 18, lambda line: line.since),
    ("Why", 40, lambda line: line.why),
    ("Who acts", 14, lambda line: line.who),
    ("Next step", 50, lambda line: line.next_step),
    ("Heard from", 14, lambda line: line.source),
)
_OPEN_PAPER: tuple[tuple[str, float, Callable[[Unreported], tuple[Value, ...]]], ...] = (
    ("Learner", 46, lambda line: (line.learner,)),
    ("Board", 14, lambda line: (line.board,)),
    ("Board ID", 20, lambda line: (line.board_id,)),
    ("Credit type", 33, lambda line: (line.credit_type,)),
    ("Completed", 20, lambda line: (line.completed_on,)),
    ("Standing", 34, lambda line: (line.standing, line.since)),
    ("Why", 50, lambda line: (line.why,)),
    ("Next step", 60, lambda line: (f"{line.who}: {line.next_step}" if line.who else "",)),
)


def write_excel(
    activity: Activity, lines: Iterable[Line], unreported: Iterable[Unreported], path: Path
) -> tuple[int, int]:
    """The pack as a new workbook, mode 0600; gives how many were reported, and were not.

    Memory stays flat. Raises FileExistsError when `path` is taken. Nothing shows before it is
    whole.
    """
    with Staging(path.parent) as staging:
        book = Book(staging, "book")
        _facts(book, activity)
        reported = _fill(book, "Reported to PARS", _SHEET, lines, activity.zone)
        open_ = _fill(book, "Not reported", _OPEN_SHEET, unreported, activity.zone)
        file = staging.create("pack")
        book.save(file)
        settle(file)
        staging.publish([("pack", path.name)])
    return reported, open_


def write_pdf(
    activity: Activity, lines: Iterable[Line], unreported: Iterable[Unreported], path: Path
) -> tuple[int, int]:
    """The pack as a new PDF for printing, mode 0600; gives the same two numbers.

    Raises FileExistsError when `path` is taken, PaperFull above `paper.MOST_ROWS` lines. A
    character that the font does not have is printed as a box; the workbook has it.
    """
    with (
        Staging(path.parent) as staging,
        closing(Paper(activity.title, activity.prepared_at)) as paper,
    ):
        paper.facts(_said(activity))
        reported = _print(paper, "Reported to PARS", _PAPER, lines, activity.zone)
        open_ = _print(paper, "Not reported", _OPEN_PAPER, unreported, activity.zone)
        file = staging.create("pack")
        paper.save(file)
        settle(file)
        staging.publish([("pack", path.name)])
    return reported, open_


def _fill(
    book: Book,
    title: str,
    columns: Sequence[tuple[str, int, Callable[[T], Value]]],
    lines: Iterable[T],
    zone: ZoneInfo,
) -> int:
    sheet = book.sheet(title, [width for _, width, _ in columns])
    sheet.heading(heading for heading, _, _ in columns)
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007
        sheet.add(_local(value(line), zone) for _, _, value in columns)
    return count


def _print(
    paper: Paper,
    title: str,
    columns: Sequence[tuple[str, float, Callable[[T], tuple[Value, ...]]]],
    lines: Iterable[T],
    zone: ZoneInfo,
) -> int:
    paper.table(title, [Column(heading, width) for heading, width, _ in columns])
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007
        paper.row([_stacked(value(line), zone) for _, _, value in columns])
    if not count:
        paper.row(["none", *[""] * (len(columns) - 1)])
    return count


def _facts(book: Book, activity: Activity) -> None:
    sheet = book.sheet("Activity", (24, 60))
    sheet.heading(("Activity", activity.title))
    for fact in _said(activity)[1:]:
        sheet.add(fact)


def _said(activity: Activity) -> list[tuple[str, str]]:
    return [
        ("Activity", activity.title),
        ("ACCME activity ID", activity.pars_activity_id),
        ("Provider", f"{activity.provider_name} ({activity.provider_id})"),
        ("Period", _span(activity.starts, activity.ends) or "not limited"),
        ("Completions", _span(activity.since, activity.until) or "all"),
        ("Prepared", f"{_shown(activity.prepared_at, activity.zone)} ({activity.zone.key})"),
    ]


def _span(first: date | None, last: date | None) -> str:
    if first and last:
        return f"{first} to {last}"
    if first or last:
        return f"from {first}" if first else f"until {last}"
    return ""


def _consent(line: Line) -> str:
    return f"{line.consent} {line.consent_on or ''}"


def _stacked(values: Iterable[Value], zone: ZoneInfo) -> str:
    return "\n".join(filter(None, (_shown(value, zone) for value in values)))


def _shown(value: Value, zone: ZoneInfo) -> str:
    local = _local(value, zone)
    if isinstance(local, datetime):
        return f"{local:%Y-%m-%d %H:%M}"
    if isinstance(local, Decimal):
        return plain(local)
    return "" if local is None else str(local)


def _local(value: Value, zone: ZoneInfo) -> Value:
    """An instant as the zone's clocks show it, which is all that Excel can hold."""
    return value.astimezone(zone).replace(tzinfo=None) if isinstance(value, datetime) else value
