"""On which lines of the tables' files the rows of a course, or of a learner, stand."""

from __future__ import annotations

from pathlib import Path

from consumer.board import DEFAULT_BOARD
from consumer.tables import activities, learners
from consumer.tables.csvfile import CsvRow, TableProblems, read_csv


def learner_lines(folder: Path, site: str, learner: str) -> list[int]:
    """Lines of learners.csv, in the order in which `Learners.find` gives their rows."""
    rows = _rows(folder / "learners.csv", learners.COLUMNS)
    return [row.line for row in _served(rows, site, "learner", learner)]


def activity_lines(folder: Path, site: str, course: str, occurrence: str) -> list[int]:
    """Lines of activities.csv, in the order in which `Activities.find` gives their rows."""
    rows = _served(_rows(folder / "activities.csv", activities.COLUMNS), site, "course", course)
    own = [row for row in rows if row.cells["occurrence"] and row.cells["occurrence"] == occurrence]
    served = {_board(row) for row in own}
    others = [row for row in rows if not row.cells["occurrence"] and _board(row) not in served]
    return [row.line for row in (*own, *others)]


def _board(row: CsvRow) -> str:
    return row.cells["board"].upper() or DEFAULT_BOARD


def _served(rows: list[CsvRow], site: str, column: str, value: str) -> list[CsvRow]:
    """A row without a site serves every site, unless some row names this one."""
    found = [row for row in rows if row.cells[column] == value]
    return [row for row in found if row.cells["site"] == site] or [
        row for row in found if not row.cells["site"]
    ]


def _rows(file: Path, columns: frozenset[str]) -> list[CsvRow]:
    try:
        return read_csv(file, columns, frozenset())
    except TableProblems:
        return []
