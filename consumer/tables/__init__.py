"""Tables that the office keeps: learners and activities, joined to events by the journey."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from consumer.board import Boards
from consumer.tables.activities import Activities, load_activities
from consumer.tables.boards import shipped_boards
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.learners import Learners, load_learners

__all__ = [
    "TableProblem",
    "TableProblems",
    "Tables",
    "load_tables",
    "tables_mark",
    "tables_version",
]

FILES = ("learners.csv", "activities.csv")
LOOKED_UP = "learners.lms.csv"
"""What LMSs said of learners; there only where they are asked, and after the office's own table."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables as they stood at one moment; `version` changes when a byte does.

    `boards` are those they were read by; a change of theirs needs a new start.
    """

    learners: Learners
    activities: Activities
    version: str = ""
    boards: Boards = field(default_factory=shipped_boards)


def load_tables(folder: Path, profiles: Collection[str], boards: Boards | None = None) -> Tables:
    """`learners.csv` and `activities.csv` of `folder`; `profiles` are those there are settings for.

    `boards` are those in force, by default those that ship. Raises TableProblems with all of both.
    """
    boards = shipped_boards() if boards is None else boards
    version = tables_version(folder)
    problems: list[TableProblem] = []
    learners, activities = Learners({}), Activities({})
    try:
        learners = load_learners(folder / FILES[0], boards)
        if (folder / LOOKED_UP).exists():
            learners = learners.before(load_learners(folder / LOOKED_UP, boards))
    except TableProblems as found:
        problems += found.problems
    try:
        activities = checked_activities(folder, profiles, boards)
    except TableProblems as found:
        problems += found.problems
    if problems:
        raise TableProblems(problems)
    return Tables(learners, activities, version, boards)


def tables_mark(folder: Path) -> tuple[object, ...]:
    """What changes whenever a file is replaced or written to; far quicker than its version."""
    return tuple(_mark(folder / name) for name in (*FILES, LOOKED_UP))


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def checked_activities(folder: Path, profiles: Collection[str], boards: Boards) -> Activities:
    """`activities.csv` alone, which is read in no time. Raises TableProblems with all of them."""
    activities = load_activities(folder / FILES[1], boards)
    if unknown := activities.profiles() - {*profiles}:
        message = f"no provider profile is set up for: {', '.join(sorted(unknown))}"
        raise TableProblems([TableProblem(FILES[1], 1, "profile", message)])
    return activities


def tables_version(folder: Path) -> str:
    """A digest of the files' bytes; blank while one cannot be read."""
    names = [*FILES, *([LOOKED_UP] if (folder / LOOKED_UP).exists() else [])]
    try:
        parts = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]
    except OSError:
        return ""
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]
