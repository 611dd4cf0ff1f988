"""A table as it is beside what has arrived: what would be added, changed, removed, or is wrong."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from consumer.board import DEFAULT_BOARD, Boards
from consumer.rules import parse_birth_date
from consumer.tables.cell import Arrived, Line
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.day import Wrong
from consumer.tables.heading import Headings
from consumer.tables.kind import LEARNERS, TableKind
from consumer.tables.scrutiny import OnePersonEach, Origin, Periods, learner_faults
from consumer.tables.value import BLANK, Values

Key = tuple[str, ...]
Rows = dict[Key, tuple[int, str]]
"""Rows by their key: the line, and the cells as one text, which takes a tenth of a dict."""

AWAITED = frozenset({"board_id", "birth_date", "consent"})
"""Columns of the learners table without which completions wait."""

_SIGN = "\x1f"


class Action(StrEnum):
    """What an import does to a row."""

    ADD = "added"
    CHANGE = "changed"
    REMOVE = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One row that an import adds, changes or removes; `after` is empty when it is removed."""

    action: Action
    line: int
    before: Mapping[str, str]
    after: Mapping[str, str]

    def columns(self) -> list[str]:
        """The columns that change."""
        return [name for name, text in self.after.items() if self.before.get(name, "") != text]


@dataclass(slots=True)
class Incoming:
    """What the file holds, as the table would hold it."""

    rows: Rows = field(default_factory=dict)
    wrong: dict[int, list[TableProblem]] = field(default_factory=dict)
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    read: int = 0
    held: set[Key] = field(default_factory=set)
    """Rows of the table that a wrong row of the file means: they stay whatever happens."""
    keyless: int = 0
    """Wrong rows of which nobody can tell which row of the table they mean."""

    def refuse(self, line: int, *problems: TableProblem) -> None:
        """The row is wrong, for these reasons too."""
        self.wrong.setdefault(line, []).extend(problems)

    def drop(self, lines: Collection[int]) -> None:
        """Leave these rows out; what the table has of them stays."""
        gone = [key for key, (line, _) in self.rows.items() if line in lines]
        for key in gone:
            del self.rows[key]
        self.held.update(gone)


@dataclass(slots=True)
class Comparison:
    """Everything a preview shows, and the new table row by row."""

    kind: TableKind
    current: Rows
    incoming: Incoming
    columns: frozenset[str]
    """Those that the file has."""
    replace: bool
    counts: Counter[Action] = field(default_factory=Counter)
    changed_columns: Counter[str] = field(default_factory=Counter)
    emptied: int = 0
    unchanged: int = 0
    untouched: int = 0

    def count(self) -> None:
        """Go through it all once."""
        for key in self.current:
            self.untouched += key not in self.incoming.rows and self._stays(key)
        for change in self.changes():
            self.counts[change.action] += 1
            if change.action is Action.CHANGE:
                self.changed_columns.update(change.columns())
                self.emptied += sum(not change.after[name] for name in change.columns())
        self.unchanged = len(self.incoming.rows) - self.counts[Action.ADD]
        self.unchanged -= self.counts[Action.CHANGE]

    def changes(self) -> Iterator[Change]:
        """Every row that is added, changed or removed; in the table's order, then the file's."""
        for key, (line, packed) in self.current.items():
            arrived = self.incoming.rows.get(key)
            before = unpacked(self.kind, packed)
            if arrived is None:
                if not self._stays(key):
                    yield Change(Action.REMOVE, line, before, {})
                continue
            after = self._merged(packed, arrived[1])
            if after != packed:
                yield Change(Action.CHANGE, arrived[0], before, unpacked(self.kind, after))
        for key, (line, packed) in self.incoming.rows.items():
            if key not in self.current:
                yield Change(Action.ADD, line, {}, unpacked(self.kind, packed))

    @property
    def removed_share(self) -> float:
        """Which part of the table would go, 0 to 1."""
        return self.counts[Action.REMOVE] / len(self.current) if self.current else 0.0

    @property
    def changes_anything(self) -> bool:
        """Whether the table would be another."""
        return any(self.counts.values())

    def rows(self, file: str) -> Iterator[tuple[Origin, str]]:
        """The new table's rows, each with where it comes from; `file` is what has arrived."""
        for key, (line, packed) in self.current.items():
            arrived = self.incoming.rows.get(key)
            if arrived is not None:
                yield Origin(file, arrived[0]), self._merged(packed, arrived[1])
            elif self._stays(key):
                yield Origin(self.kind.file, line), packed
        for key, (line, packed) in self.incoming.rows.items():
            if key not in self.current:
                yield Origin(file, line), packed

    def _stays(self, key: Key) -> bool:
        """Whether a row that did not arrive stays."""
        return not self.replace or key in self.incoming.held

    def _merged(self, before: str, after: str) -> str:
        """Columns that the file has not stay as they are, and so does one date in another form."""
        if before == after:
            return after
        pairs = zip(self.kind.columns, before.split(_SIGN), after.split(_SIGN), strict=True)
        return _SIGN.join(
            old if name not in self.columns or _same(name, old, new) else new
            for name, old, new in pairs
        )


def matched(kind: TableKind, current: Rows, incoming: Incoming, columns: frozenset[str]) -> None:
    """A file without periods means the row that there is, where a course has but one."""
    if "starts" not in kind.key or "starts" in columns:
        return
    periods = Counter(key[:-1] for key in current)
    ours = {key[:-1]: key for key in current if periods[key[:-1]] == 1}
    incoming.rows = {ours.get(key[:-1], key): row for key, row in incoming.rows.items()}
    incoming.held = {ours.get(key[:-1], key) for key in incoming.held}


def packed(kind: TableKind, cells: Mapping[str, str]) -> str:
    """A row as one text."""
    return _SIGN.join(cells[name] for name in kind.columns)


def unpacked(kind: TableKind, text: str) -> dict[str, str]:
    """The cells of a packed row."""
    return dict(zip(kind.columns, text.split(_SIGN), strict=True))


def written(kind: TableKind, rows: Iterator[str]) -> Iterator[bytes]:
    """The table as a CSV file, some hundred rows at a time."""
    text = io.StringIO(newline="")
    out = csv.writer(text, lineterminator="\n")
    out.writerow(kind.columns)
    for number, row in enumerate(rows):
        out.writerow(row.split(_SIGN))
        if number % 500 == 499:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _same(column: str, old: str, new: str) -> bool:
    """Whether both mean one value; what an office wrote is not rewritten for its form."""
    if column == "board":
        return (old.upper() or DEFAULT_BOARD) == (new.upper() or DEFAULT_BOARD)
    if column != "birth_date" or not (old and new) or old == new:
        return old == new
    try:
        return parse_birth_date(old) == parse_birth_date(new)
    except ValueError:
        return False


class RowReader:
    """Turns what has arrived into rows of the table, and tells what is wrong by row and cell."""

    def __init__(
        self,
        kind: TableKind,
        arrived: Arrived,
        headings: Headings,
        constants: Mapping[str, str],
        values: Values,
        tell: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._kind, self._arrived, self._headings = kind, arrived, headings
        self._values, self._tell = values, tell
        # The board first: it says what form the ID has.
        self._taken = sorted(headings.taken, key=lambda one: one.column != "board")
        self._awaited = AWAITED & {one.column for one in headings.taken}
        self._blank = dict.fromkeys(kind.columns, "") | dict(constants)

    def read(self) -> Incoming:
        """All rows. Raises TableProblems when the file breaks off."""
        incoming = Incoming()
        for line in self._arrived.lines:
            incoming.read += 1
            self._row(line, incoming)
            if incoming.read % 1000 == 0:
                self._tell(incoming.read)
        for number, column, why in self._values.in_doubt():
            incoming.refuse(number, TableProblem(self._arrived.name, number, column, why))
        for problem in self._arrived.late():
            if problem.line > self._headings.line:  # a merged title above them does no harm
                incoming.refuse(problem.line, problem)
        incoming.drop(incoming.wrong.keys())
        incoming.notes = self._values.notes
        return incoming

    def _row(self, line: Line, incoming: Incoming) -> None:
        cells, wrong = dict(self._blank), list[str]()
        for heading in self._taken:
            cell = line.cells[heading.index] if heading.index < len(line.cells) else None
            if cell is None:
                continue
            column = heading.column
            try:
                cells[column] = self._values.read(column, cell, line.number, cells.get("board", ""))
            except Wrong as why:
                wrong.append(column)
                place = self._arrived.place(heading.index, column, line.number)
                incoming.refuse(line.number, self._problem(line.number, place, str(why)))
        if not self._arrived.lettered and len(line.cells) > self._headings.width:
            message = f"{len(line.cells)} cells under {self._headings.width} headings"
            incoming.refuse(line.number, self._problem(line.number, "", message))
        for column in self._awaited - {*wrong}:
            if not cells[column]:
                self._values.note(column, BLANK)
        if {*wrong} & {*self._kind.key}:
            incoming.keyless += 1
        elif not cells[self._kind.identity]:
            incoming.keyless += 1
            blank = self._problem(line.number, self._kind.identity, "is blank")
            incoming.refuse(line.number, blank)
        else:
            self._keep(cells, line.number, incoming)

    def _keep(self, cells: dict[str, str], line: int, incoming: Incoming) -> None:
        key = self._kind.key_of(cells)
        other = incoming.rows.setdefault(key, (line, packed(self._kind, cells)))
        if other[0] == line:
            return
        for one, two in ((line, other[0]), (other[0], line)):
            message = f"stands twice, in row {two} too"
            incoming.refuse(one, self._problem(one, self._kind.identity, message))

    def _problem(self, line: int, place: str, message: str) -> TableProblem:
        return TableProblem(self._arrived.name, line, place, message)


def scrutinise(
    kind: TableKind,
    rows: Iterable[tuple[Origin, str]],
    file: str,
    boards: Boards,
    profiles: Collection[str],
) -> list[TableProblem]:
    """What is wrong with the rows of `file` among `rows`, a whole table.

    A problem of a row that was there before, and that the file does not touch, is not the file's.
    """
    found: list[TableProblem] = []
    people, periods = OnePersonEach(boards), Periods(boards, profiles)
    for origin, row in rows:
        cells = unpacked(kind, row)
        if kind is LEARNERS:
            if origin.file == file:
                faults = learner_faults(cells, boards)
                found += (origin.problem(column, message) for column, message in faults)
            found += people.check(cells, origin)
        else:
            found += periods.check(cells, origin)
    return [one for one in found if one.file == file]


def read_current(kind: TableKind, rows: Iterator[tuple[int, Mapping[str, str]]]) -> Rows:
    """The table as it is. Raises TableProblems when a row stands there twice."""
    current: Rows = {}
    for line, cells in rows:
        key = kind.key_of(dict(cells))
        if key in current:
            message = f"stands twice, in row {current[key][0]} too: mend it first"
            raise TableProblems([TableProblem(kind.file, line, kind.identity, message)])
        current[key] = (line, packed(kind, cells))
    return current
