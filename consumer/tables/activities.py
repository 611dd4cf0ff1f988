"""The activities table: what a course is in PARS, per board and period."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from consumer.rules import BOARDS, points_rules
from consumer.tables.csvfile import CsvRow, TableProblem, TableProblems, read_csv

COLUMNS = frozenset(
    "site course activity pars_activity_id profile title board credit_types max_points"
    " points_basis zone starts ends repeats".split()
)
REQUIRED = frozenset({"course", "pars_activity_id", "title", "credit_types", "max_points", "zone"})
NOT_OURS = "not ours"
POINTS_BASES = ("registered", "claimed")


@dataclass(frozen=True, slots=True)
class Activity:
    """One course, for one board, in one period."""

    activity: str
    pars_activity_id: str
    profile: str
    title: str
    board: str
    credit_types: tuple[str, ...]
    max_points: Decimal
    points_basis: str
    zone: ZoneInfo
    starts: date
    ends: date
    repeats: bool

    @property
    def ours(self) -> bool:
        """False for a course whose credit another provider, or another system, reports."""
        return self.profile != NOT_OURS


class Activities:
    """All activities, found by site and course, compared as strings, exactly."""

    def __init__(self, rows: dict[tuple[str, str], tuple[Activity, ...]]) -> None:
        self._rows = rows

    def find(self, site: str, course: str) -> tuple[Activity, ...]:
        """Every row of the course, all boards and periods; empty when unknown."""
        return self._rows.get((site, course)) or self._rows.get(("", course), ())

    def profiles(self) -> set[str]:
        """The provider profiles that the table names."""
        return {a.profile for rows in self._rows.values() for a in rows if a.ours}

    def __iter__(self) -> Iterator[tuple[str, str, Activity]]:
        """Every row with its site and course."""
        return ((*key, row) for key, rows in self._rows.items() for row in rows)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))


def load_activities(path: Path) -> Activities:
    """The table in `path`. Raises TableProblems with all of them."""
    found: dict[tuple[str, str], list[Activity]] = defaultdict(list)
    problems: list[TableProblem] = []
    for row in read_csv(path, COLUMNS, REQUIRED):
        reader = _Reader(path.name, row)
        activity = reader.activity()
        rows = found[row.cells["site"], row.cells["course"]]
        reader.periods(activity, rows)
        problems += reader.problems
        rows.append(activity)
    if problems:
        raise TableProblems(problems)
    return Activities({key: tuple(rows) for key, rows in found.items()})


class _Reader:
    """Reads one row and keeps every problem, so that all are shown at once."""

    def __init__(self, file: str, row: CsvRow) -> None:
        self._file, self._row, self.problems = file, row, list[TableProblem]()

    def activity(self) -> Activity:
        cells = self._row.cells
        board = cells["board"].upper() or "ABIM"
        return Activity(
            activity=cells["activity"] or self._own_name(),
            pars_activity_id=self._pars_activity_id(),
            profile=cells["profile"].lower() or "main",
            title=self._filled("title"),
            board=board,
            credit_types=self._credit_types(board),
            max_points=self._max_points(),
            points_basis=self._points_basis(),
            zone=self._zone(),
            starts=self._day("starts", date.min),
            ends=self._day("ends", date.max),
            repeats=self._yes_or_no("repeats"),
        )

    def periods(self, activity: Activity, others: list[Activity]) -> None:
        if activity.ends < activity.starts:
            self._wrong("ends", "is before starts")
        for other in others:
            apart = activity.ends < other.starts or other.ends < activity.starts
            if other.board == activity.board and not apart:
                self._wrong("starts", "this course stands twice for the same board and days")

    def _wrong(self, column: str, message: str) -> None:
        self.problems.append(TableProblem(self._file, self._row.line, column, message))

    def _filled(self, column: str) -> str:
        if not self._row.cells[column]:
            self._wrong(column, "is blank")
        return self._row.cells[column]

    def _own_name(self) -> str:
        """Course 37 of one LMS is not course 37 of another."""
        site, course = self._row.cells["site"], self._filled("course")
        return f"{site}/{course}" if site else course

    def _pars_activity_id(self) -> str:
        value = self._row.cells["pars_activity_id"]
        ours = self._row.cells["profile"].lower() != NOT_OURS
        if ours and not re.fullmatch(r"\d{9}", value, re.ASCII):
            self._wrong("pars_activity_id", "nine digits are needed")
        return value

    def _credit_types(self, board: str) -> tuple[str, ...]:
        if board not in BOARDS:
            self._wrong("board", f"known boards: {', '.join(BOARDS)}")
            return ()
        types = tuple(filter(None, map(str.strip, self._row.cells["credit_types"].split(";"))))
        known = BOARDS[board].certifications
        if not types or any(t not in known for t in types) or len({*types}) < len(types):
            self._wrong("credit_types", f"one or more of: {'; '.join(known)}")
        return types

    def _max_points(self) -> Decimal:
        try:
            points = Decimal(self._row.cells["max_points"])
            reasons = [*points_rules(points, points)]
        except InvalidOperation:  # no number, or one too large to reckon with
            self._wrong("max_points", "a number is needed, such as 1.5")
            return Decimal(0)
        for reason in reasons:
            self._wrong("max_points", reason.detail or "must be above zero")
        return points

    def _points_basis(self) -> str:
        basis = self._row.cells["points_basis"].lower() or POINTS_BASES[0]
        if basis not in POINTS_BASES:
            self._wrong("points_basis", f"one of: {', '.join(POINTS_BASES)}")
        return basis

    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self._row.cells["zone"])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._wrong("zone", "a time zone such as America/New_York is needed")
            return ZoneInfo("UTC")

    def _day(self, column: str, blank: date) -> date:
        try:
            return date.fromisoformat(self._row.cells[column]) if self._row.cells[column] else blank
        except ValueError:
            self._wrong(column, "a date such as 2026-01-31 is needed")
            return blank

    def _yes_or_no(self, column: str) -> bool:
        value = self._row.cells[column].lower()
        if value not in {"", "yes", "no"}:
            self._wrong(column, "yes or no")
        return value == "yes"
