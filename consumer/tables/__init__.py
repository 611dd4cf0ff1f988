"""Tables that the office keeps: learners and activities, joined to events by the journey."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from consumer.tables.activities import Activities, load_activities
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.learners import Learners, load_learners

__all__ = ["TableProblem", "TableProblems", "Tables", "load_tables", "tables_version"]

FILES = ("learners.csv", "activities.csv")


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables as they stood at one moment; `version` changes when a byte does."""

    learners: Learners
    activities: Activities
    version: str = ""


def load_tables(folder: Path, profiles: Collection[str]) -> Tables:
    """`learners.csv` and `activities.csv` of `folder`; `profiles` are those there are settings for.

    Raises TableProblems with all of both.
    """
    version = tables_version(folder)
    problems: list[TableProblem] = []
    learners, activities = Learners({}), Activities({})
    try:
        learners = load_learners(folder / FILES[0])
    except TableProblems as found:
        problems += found.problems
    try:
        activities = load_activities(folder / FILES[1])
    except TableProblems as found:
        problems += found.problems
    if unknown := activities.profiles() - {*profiles}:
        message = f"no provider profile is set up for: {', '.join(sorted(unknown))}"
        problems.append(TableProblem(FILES[1], 1, "profile", message))
    if problems:
        raise TableProblems(problems)
    return Tables(learners, activities, version)


def tables_version(folder: Path) -> str:
    """A digest of both files' bytes; blank while one cannot be read."""
    try:
        parts = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES]
    except OSError:
        return ""
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]
