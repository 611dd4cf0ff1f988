"""A list of completions, as a file or a query gives it, row by row into events like any other.

The events have one shape whatever LMS the list is of (schemas/list/completed.json), and the site,
learner and course that the LMS's own events have: so both come to the same completion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from consumer.bus.port import Headers, Outgoing
from consumer.lms.listmoment import ListMoments
from consumer.tables.cell import Arrived, Cell, Line, Spoilt
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.day import Wrong
from consumer.tables.heading import IGNORED, Heading, Headings, Said, find_headings, known_counter
from consumer.tables.kind import TableKind

COMPLETIONS = TableKind(
    "completions",
    tuple("site learner course completed occurrence points title id".split()),
    frozenset({"site", "learner", "course", "completed"}),
    ("site", "learner", "course", "occurrence"),
    "learner",
)
LIST_HEADER = "moc-list"
"""Header of such an event: the name of the list that it came from."""
_MOST_TOLD = 20
_LONGEST = 255
_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE][+-]?\d+|\d+[.,]0+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listed:
    """One completion as a list says it; `line` is where it stands, from 1.

    `completed` is an aware instant, or a plain date where the list has no time.
    """

    site: str
    learner: str
    course: str
    completed: datetime | date
    occurrence: str = ""
    points: Decimal | None = None
    title: str = ""
    id: str = ""
    line: int = 0

    @property
    def instant(self) -> datetime:
        """When that was; of a plain date its beginning, UTC."""
        at = self.completed
        return at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)


@dataclass(frozen=True, slots=True)
class ListForm:
    """How a list is written: what its headings mean, what stands in every row, how times look.

    `columns` are ours by the list's headings, blank for one that is not taken.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    set: Mapping[str, str] = field(default_factory=dict)
    moments: ListMoments = field(default_factory=ListMoments)

    @property
    def said(self) -> Said:
        """What is known of the headings; an LMS's report has many that nobody asked for."""
        return Said(self.columns, ignore_others=True)


@dataclass(frozen=True, slots=True)
class CompletionList:
    """A whole list: its completions, and how many rows are of courses not completed yet.

    `passed` are site, learner and course of completions that were not asked about, since they are
    known here for long; `courses` are those the list is about, where not only its rows say so.
    """

    rows: tuple[Listed, ...]
    not_completed: int = 0
    passed: frozenset[tuple[str, str, str]] = frozenset()
    courses: frozenset[str] = frozenset()


def list_counter(form: ListForm) -> Callable[[Line], int]:
    """Counts the known headings in a row, for `tables.arrival.open_file`."""
    return known_counter(COMPLETIONS, form.said)


def read_list(arrived: Arrived, form: ListForm) -> CompletionList:
    """Every completion of a list. A row without a time of completion is none, and is counted.

    Raises TableProblems with file, line and column of what is wrong, never a value: of a list of
    which one row cannot be read nothing is taken. SourceAway where a query breaks off.
    """
    headings = find_headings(arrived, COMPLETIONS, form.said, Said())
    _check_columns(arrived, headings, form)
    reader = _Reader(arrived, headings, form)
    rows = [row for line in arrived.lines if (row := reader.row(line))]
    if problems := [*reader.problems, *arrived.late()]:
        raise TableProblems(problems[:_MOST_TOLD])
    return CompletionList(tuple(rows), reader.not_completed)


def event_of(listed: Listed, name: str, topic: str, *headers: tuple[str, bytes]) -> Outgoing:
    """The event that says this completion; `name` is the list's, as people call it.

    The key is the list's name, as posted events have their source's: nobody's data, and an LMS and
    its list that are called alike keep their order on Kafka.
    """
    own: Headers = (("content-type", b"application/json"), (LIST_HEADER, name.encode()))
    return Outgoing(topic, name.encode(), orjson.dumps(_body(listed, name)), (*own, *headers))


def _body(listed: Listed, name: str) -> dict[str, Any]:
    told = {
        "occurrence": listed.occurrence,
        "points": str(listed.points) if listed.points is not None else "",
        "title": listed.title,
        "id": listed.id,
    }
    return {
        "listed": "completion",
        "list": name,
        "site": listed.site,
        "learner": listed.learner,
        "course": listed.course,
        "completed": listed.completed.isoformat(),
    } | {column: text for column, text in told.items() if text}


def _check_columns(arrived: Arrived, headings: Headings, form: ListForm) -> None:
    there = {one.column for one in headings.taken} | {k for k, v in form.set.items() if v}
    missing = sorted(COMPLETIONS.required - there)
    if missing:
        advice = "no column for it: say under columns which heading means it, or set its value"
        raise TableProblems(
            [TableProblem(arrived.name, headings.line, column, advice) for column in missing]
        )


class _Reader:
    """Reads one list's rows, and keeps what is wrong with them."""

    def __init__(self, arrived: Arrived, headings: Headings, form: ListForm) -> None:
        self._arrived, self._form = arrived, form
        self._taken = [one for one in headings.taken if one.column != IGNORED]
        self.problems: list[TableProblem] = []
        self.not_completed = 0
        self._constants = {
            column: self._constant(column, text) for column, text in form.set.items()
        }

    def row(self, line: Line) -> Listed | None:
        """The row's completion; None for a course not completed yet, or one with a problem."""
        found: dict[str, Any] = dict(self._constants)
        before = len(self.problems)
        for heading in self._taken:
            self._take(heading, line, found)
        if len(self.problems) > before:
            return None
        if not found.get("completed"):
            self.not_completed += 1
            return None
        for column in sorted(COMPLETIONS.required):
            if not found.get(column):
                self._wrong(line, column, "is blank")
        return Listed(**found, line=line.number) if len(self.problems) == before else None

    def _take(self, heading: Heading, line: Line, found: dict[str, Any]) -> None:
        cell = line.cells[heading.index] if heading.index < len(line.cells) else None
        try:
            value = self._read(heading.column, cell)
        except Wrong as wrong:
            place = self._arrived.place(heading.index, heading.column, line.number)
            self._wrong(line, place, str(wrong))
            return
        if value not in ("", None):
            found[heading.column] = value

    def _read(self, column: str, cell: Cell) -> Any:
        if isinstance(cell, Spoilt):
            raise Wrong(cell.why)
        if column == "completed":
            return self._form.moments.read(cell)
        return _points(cell) if column == "points" else _text(cell)

    def _constant(self, column: str, text: str) -> Any:
        try:
            return self._read(column, text)
        except Wrong as wrong:
            message = f"the value that is set for every row: {wrong}"
            raise TableProblems([TableProblem(self._arrived.name, 0, column, message)]) from None

    def _wrong(self, line: Line, place: str, message: str) -> None:
        self.problems.append(TableProblem(self._arrived.name, line.number, place, message))


def _text(cell: Cell) -> str:
    """An id or a name, exactly as it stands: ids are compared as text. Raises Wrong."""
    if cell is None:
        return ""
    if isinstance(cell, bool | date) or not isinstance(cell, str | int | float | Decimal):
        raise Wrong("a date, a time or yes and no, where text belongs")
    if isinstance(cell, float | Decimal):
        if cell != int(cell):
            raise Wrong("a number with decimals, where an id belongs")
        cell = int(cell)
    text = str(cell).strip()
    if _ROUNDED.fullmatch(text):
        raise Wrong(
            "a number that a spreadsheet has rewritten: digits may be lost; keep it as text"
        )
    if len(text) > _LONGEST or not text.isprintable():
        raise Wrong(
            f"longer than {_LONGEST} characters, or holds a line break or control character"
        )
    return text


def _points(cell: Cell) -> Decimal | None:
    text = "" if cell is None else str(cell).strip()
    if not text:
        return None
    try:
        points = Decimal(text)
    except InvalidOperation:
        points = Decimal(-1)
    if not points.is_finite() or points < 0:
        raise Wrong("no number of points, such as 1.5")
    return points
