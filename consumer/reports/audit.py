"""The audit pack of one activity: who was reported how, corrected by whom, answered what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from consumer.pars.document import plain
from consumer.reports.paper import Column, Paper
from consumer.reports.sheet import Book, Value
from consumer.reports.staging import Staging, settle


@dataclass(frozen=True, slots=True)
class Activity:
    """What stands at the head of the pack; instants in it are shown in `zone`."""

    title: str
    pars_activity_id: str
    provider_name: str
    provider_id: str
    starts: date
    ends: date
    prepared_at: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Line:
    """One learner's credit of one type; instants are aware, "" and None where there is none."""

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
    consent_on: date | None = None
    consent_how: str = ""
    consent_boards: str = ""


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
    ("Consent", 32, lambda line: (line.consent_on, line.consent_how, line.consent_boards)),
)


def write_excel(activity: Activity, lines: Iterable[Line], path: Path) -> int:
    """The pack as a new workbook, mode 0600; gives the number of lines. Memory stays flat.

    Raises FileExistsError when `path` is taken. Nothing shows before it is whole.
    """
    with Staging(path.parent) as staging:
        book = Book(staging, "book")
        _facts(book, activity)
        sheet = book.sheet("Learners", [width for _, width, _ in _SHEET])
        sheet.heading(heading for heading, _, _ in _SHEET)
        count = 0
        for count, line in enumerate(lines, 1):  # noqa: B007
            sheet.add(_local(value(line), activity.zone) for _, _, value in _SHEET)
        file = staging.create("pack")
        book.save(file)
        settle(file)
        staging.publish([("pack", path.name)])
    return count


def write_pdf(activity: Activity, lines: Iterable[Line], path: Path) -> int:
    """The pack as a new PDF for printing, mode 0600; gives the number of lines.

    Raises FileExistsError when `path` is taken, PaperFull above `paper.MOST_ROWS` lines. A
    character that the font does not have is printed as a box; the workbook has it.
    """
    columns = [Column(heading, width) for heading, width, _ in _PAPER]
    with (
        Staging(path.parent) as staging,
        closing(Paper(activity.title, columns, activity.prepared_at)) as paper,
    ):
        paper.facts(_said(activity))
        for line in lines:
            paper.row([_stacked(value(line), activity.zone) for _, _, value in _PAPER])
        file = staging.create("pack")
        paper.save(file)
        settle(file)
        staging.publish([("pack", path.name)])
        return paper.rows


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
        ("Period", f"{activity.starts} to {activity.ends}"),
        ("Prepared", f"{_shown(activity.prepared_at, activity.zone)} ({activity.zone.key})"),
    ]


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
