"""What is wrong with a row before it is in the table: the rules' own words, with row numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from consumer.board import DEFAULT_BOARD, Board, Boards
from consumer.reason import Reason
from consumer.rules import (
    board_id_rules,
    licence_rules,
    name_rules,
    npi_rules,
    parse_birth_date,
    plain_board_id,
)
from consumer.tables.activities import NOT_OURS, Activity, ActivityReader
from consumer.tables.csvfile import CsvRow, TableProblem
from consumer.tables.day import WRITE

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row comes from: a file, and its line there."""

    file: str
    line: int

    def problem(self, column: str, message: str) -> TableProblem:
        """Something wrong with this row."""
        return TableProblem(self.file, self.line, column, message)


def learner_faults(cells: Cells, boards: Boards) -> Iterator[tuple[str, str]]:
    """Column and message for whatever would stop this learner's records. Blanks only wait."""
    board = boards.get(cells["board"].upper() or DEFAULT_BOARD)
    if board is None:
        yield "board", f"known boards: {', '.join(boards)}"
    for reason in _broken(cells, board):
        yield reason.field, reason.detail or "is blank"
    if cells["birth_date"] and not _day_of(cells["birth_date"]):
        yield "birth_date", WRITE


def _broken(cells: Cells, board: Board | None) -> Iterator[Reason]:
    yield from name_rules("given_name", cells["given_name"])
    yield from name_rules("family_name", cells["family_name"])
    if board is not None and cells["board_id"]:
        yield from board_id_rules(board, plain_board_id(board, cells["board_id"]))
    if cells["npi"]:
        yield from npi_rules(cells["npi"])
    if cells["licence"] or cells["licence_state"]:
        yield from licence_rules(cells["licence_state"], cells["licence"])


@dataclass(slots=True)
class OnePersonEach:
    """Finds one board ID in the rows of two people, wherever in the table they stand."""

    boards: Boards
    _seen: dict[str, tuple[Origin, str, str]] = field(default_factory=dict)

    def check(self, cells: Cells, origin: Origin) -> list[TableProblem]:
        """Both rows, each naming the other; nothing when it may be one person.

        One person may have two accounts, or a new name: a name or the birth day has to differ.
        """
        if not cells["board_id"]:
            return []
        board = cells["board"].upper() or DEFAULT_BOARD
        known = self.boards.get(board)
        plain = plain_board_id(known, cells["board_id"]) if known else cells["board_id"]
        names = f"{cells['given_name']}\x1f{cells['family_name']}".casefold()
        told = (origin, names, _day_of(cells["birth_date"]))
        other, other_names, other_day = self._seen.setdefault(f"{board}\x1f{plain}", told)
        if other == origin or _maybe_one(names, told[2], other_names, other_day):
            return []
        return [
            origin.problem("board_id", f"the same as another person's in {_named(other, origin)}"),
            other.problem("board_id", f"the same as another person's in {_named(origin, other)}"),
        ]


def _maybe_one(names: str, day: str, other_names: str, other_day: str) -> bool:
    if day and other_day and day != other_day:
        return False
    return any(a == b for a, b in zip(names.split("\x1f"), other_names.split("\x1f"), strict=True))


def _day_of(birth_date: str) -> str:
    """Month and day, in whichever form the row has it; blank when there are none."""
    try:
        born = parse_birth_date(birth_date)
    except ValueError:
        return ""
    return f"{born.month}/{born.day}"


def _named(other: Origin, seen_from: Origin) -> str:
    return f"row {other.line}" if other.file == seen_from.file else f"{other.file}:{other.line}"


@dataclass(slots=True)
class Periods:
    """Checks activities one by one, and their periods against each other's."""

    boards: Boards
    profiles: Collection[str]
    _rows: defaultdict[tuple[str, str], list[Activity]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def check(self, cells: dict[str, str], origin: Origin) -> list[TableProblem]:
        """Everything that is wrong with the row, alone or beside the ones before."""
        reader = ActivityReader(origin.file, CsvRow(origin.line, cells), self.boards)
        activity = reader.activity()
        rows = self._rows[cells["site"], cells["course"]]
        reader.periods(activity, rows)
        rows.append(activity)
        if activity.profile not in {*self.profiles, NOT_OURS}:
            message = f"no such provider profile; there are: {', '.join(sorted(self.profiles))}"
            reader.problems.append(origin.problem("profile", message))
        return reader.problems
