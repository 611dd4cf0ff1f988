"""The activities table: what a course is in PARS, per board and period."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from consumer.board import DEFAULT_BOARD, Board, Boards
from consumer.mapping.said import STEPS, Kind
from consumer.rules import points_rules
from consumer.steps import ALONE, DateRule
from consumer.tables.csvfile import CsvRow, TableProblem, TableProblems, iter_csv

COLUMNS = frozenset(
    "site course occurrence activity pars_activity_id profile title board credit_types max_points"
    " total_points points_basis zone starts ends repeats requires date_rule".split()
)
REQUIRED = frozenset({"course", "pars_activity_id", "title", "credit_types", "max_points", "zone"})
NOT_OURS = "not ours"
NO_COMPLETION = "no completion"
"""In `requires`: the LMS sends no completion of the course, its other steps are all there is."""
_WITHOUT = frozenset({NO_COMPLETION})
_ORDER = (Kind.COMPLETION, Kind.EVALUATION, Kind.CLAIM)
POINTS_BASES = ("registered", "claimed")


class Repeats(StrEnum):
    """What makes a learner's second credit in one activity another credit (design 5)."""

    NONE = "none"  # nothing: one credit per learner
    SESSION = "session"  # another session of a series
    CLAIM = "claim"  # another claim of a part, up to the whole
    DATE = "date"  # another day, named by a field that the LMS does not change


_REPEATS = {"": Repeats.NONE, "no": Repeats.NONE, "yes": Repeats.SESSION} | {
    one.value: one for one in Repeats
}


@dataclass(frozen=True, slots=True)
class Activity:
    """One course, for one board, in one period; `occurrence` is blank unless it is for one alone.

    `max_points` bounds one credit, `at_most` all of a learner's, None if nothing does. `requires`
    are the steps without which there is no credit, `date_rule` says which of them dates it.
    """

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
    repeats: Repeats = Repeats.NONE
    at_most: Decimal | None = None
    occurrence: str = ""
    requires: tuple[Kind, ...] = ALONE
    date_rule: DateRule = DateRule.COMPLETION

    @property
    def ours(self) -> bool:
        """False for a course whose credit another provider, or another system, reports."""
        return self.profile != NOT_OURS


class Activities:
    """All activities, found by site and course, compared as strings, exactly."""

    def __init__(self, rows: dict[tuple[str, str], tuple[Activity, ...]]) -> None:
        self._rows = rows

    def find(self, site: str, course: str, occurrence: str = "") -> tuple[Activity, ...]:
        """The rows of the course, all boards and periods; empty when unknown.

        For a board, rows for this occurrence alone come before those for any.
        """
        rows = self._rows.get((site, course)) or self._rows.get(("", course), ())
        own = [row for row in rows if row.occurrence and row.occurrence == occurrence]
        served = {row.board for row in own}
        return (*own, *(row for row in rows if not row.occurrence and row.board not in served))

    def profiles(self) -> set[str]:
        """The provider profiles that the table names."""
        return {a.profile for rows in self._rows.values() for a in rows if a.ours}

    def __iter__(self) -> Iterator[tuple[str, str, Activity]]:
        """Every row with its site and course."""
        return ((*key, row) for key, rows in self._rows.items() for row in rows)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))


def load_activities(path: Path, boards: Boards) -> Activities:
    """The table in `path`. Raises TableProblems with all of them."""
    return activities_of(path.name, iter_csv(path, COLUMNS, REQUIRED), boards)


def activities_of(file: str, lines: Iterable[CsvRow], boards: Boards) -> Activities:
    """The table that these rows make; `file` is named in what is wrong. Raises TableProblems."""
    found: dict[tuple[str, str], list[Activity]] = defaultdict(list)
    problems: list[TableProblem] = []
    for row in lines:
        reader = ActivityReader(file, row, boards)
        activity = reader.activity()
        rows = found[row.cells["site"], row.cells["course"]]
        reader.periods(activity, rows)
        problems += reader.problems
        rows.append(activity)
    if problems:
        raise TableProblems(problems)
    return Activities({key: tuple(rows) for key, rows in found.items()})


class ActivityReader:
    """Reads one row and keeps every problem, so that all are shown at once."""

    def __init__(self, file: str, row: CsvRow, boards: Boards) -> None:
        self._file, self._row, self.problems = file, row, list[TableProblem]()
        self._boards = boards

    def activity(self) -> Activity:
        """The row as an activity; `problems` has what is wrong with it."""
        cells = self._row.cells
        board = self._board()
        max_points = self._points("max_points", board)
        repeats = self._repeats(board)
        requires = self._requires()
        return Activity(
            activity=cells["activity"] or self._own_name(),
            pars_activity_id=self._pars_activity_id(),
            profile=cells["profile"].lower() or "main",
            title=self._filled("title"),
            board=board.name if board else "",
            credit_types=self._credit_types(board),
            max_points=max_points,
            points_basis=self._points_basis(repeats),
            zone=self._zone(),
            starts=self._day("starts", date.min),
            ends=self._day("ends", date.max),
            repeats=repeats,
            at_most=self._at_most(repeats, max_points),
            occurrence=cells["occurrence"],
            requires=requires,
            date_rule=self._date_rule(requires),
        )

    def periods(self, activity: Activity, others: list[Activity]) -> None:
        """Adds to `problems` when the row's days overlap another's of the same course."""
        if activity.ends < activity.starts:
            self._wrong("ends", "is before starts")
        for other in others:
            apart = activity.ends < other.starts or other.ends < activity.starts
            same = (other.board, other.occurrence) == (activity.board, activity.occurrence)
            if same and not apart:
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

    def _board(self) -> Board | None:
        board = self._boards.get(self._row.cells["board"].upper() or DEFAULT_BOARD)
        if board is None:
            self._wrong("board", f"known boards: {', '.join(self._boards)}")
        return board

    def _credit_types(self, board: Board | None) -> tuple[str, ...]:
        types = tuple(filter(None, map(str.strip, self._row.cells["credit_types"].split(";"))))
        unknown = board is not None and any(board.certification(t) is None for t in types)
        if not types or unknown or len({*types}) < len(types) or len(max(types, key=len)) > 120:
            known = "; ".join(board.certifications) if board else ""
            self._wrong("credit_types", f"one or more of: {known}" if known else "is needed")
        return types

    def _points(self, column: str, board: Board | None) -> Decimal:
        try:
            points = Decimal(self._row.cells[column])
            reasons = [*points_rules(points, points, *([board.points_step] if board else []))]
        except InvalidOperation:  # no number, or one too large to reckon with
            self._wrong(column, "a number is needed, such as 1.5")
            return Decimal(0)
        for reason in reasons:
            self._wrong(column, reason.detail or "must be above zero")
        return points

    def _at_most(self, repeats: Repeats, max_points: Decimal) -> Decimal | None:
        """What is registered bounds all claims of a learner; sessions and days only if it says."""
        if not self._row.cells["total_points"]:
            return max_points if repeats is Repeats.CLAIM else None
        if repeats is Repeats.NONE:
            self._wrong("total_points", "only where the activity repeats")
        return self._points("total_points", None)

    def _repeats(self, board: Board | None) -> Repeats:
        repeats = _REPEATS.get(self._row.cells["repeats"].lower())
        if repeats is None:
            self._wrong("repeats", f"one of: {', '.join(Repeats)}")
        elif repeats is not Repeats.NONE and board is not None and not board.repeats:
            self._wrong("repeats", f"{board.name} gives one credit per learner and activity")
        elif repeats is Repeats.CLAIM and board is not None and not board.partial:
            self._wrong("repeats", f"{board.name} gives the whole credit of an activity or none")
        return repeats or Repeats.NONE

    def _points_basis(self, repeats: Repeats) -> str:
        basis = self._row.cells["points_basis"].lower() or POINTS_BASES[0]
        if basis not in POINTS_BASES:
            self._wrong("points_basis", f"one of: {', '.join(POINTS_BASES)}")
        elif repeats is Repeats.CLAIM and basis != "claimed":
            self._wrong("points_basis", "must be claimed where parts are claimed")
        return basis

    def _requires(self) -> tuple[Kind, ...]:
        """The completion and what the cell adds to it; without it only where the cell says so."""
        named = {one.strip().lower() for one in self._row.cells["requires"].split(";")} - {""}
        if not named <= {*_WITHOUT, Kind.COMPLETION, *STEPS}:
            self._wrong("requires", f"one or more of: evaluation; claim; {NO_COMPLETION}")
        wanted = {*named} if named & _WITHOUT else {*named, Kind.COMPLETION}
        requires = tuple(kind for kind in _ORDER if kind in wanted)
        if not requires:
            self._wrong("requires", f"{NO_COMPLETION} needs an evaluation or a claim beside it")
        elif named & _WITHOUT and Kind.COMPLETION in requires:
            self._wrong("requires", f"either completion or {NO_COMPLETION}")
        return requires or ALONE

    def _date_rule(self, requires: tuple[Kind, ...]) -> DateRule:
        """A blank cell means the completion; the last step where no completion is needed."""
        usual = DateRule.COMPLETION if Kind.COMPLETION in requires else DateRule.LAST_STEP
        text = self._row.cells["date_rule"].lower() or usual.value
        if text not in {*DateRule}:
            self._wrong("date_rule", f"one of: {', '.join(DateRule)}")
            return usual
        rule = DateRule(text)
        if rule is not DateRule.LAST_STEP and rule.value not in requires:
            self._wrong("date_rule", f"the {rule} is not among the required steps")
        return rule

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
