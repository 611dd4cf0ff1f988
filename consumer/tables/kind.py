"""The two tables of an office, and what makes a row of each the same row tomorrow."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.board import DEFAULT_BOARD
from consumer.tables import activities, learners


@dataclass(frozen=True, slots=True)
class TableKind:
    """A table's name, its columns in the order in which they are written, and its key."""

    name: str
    columns: tuple[str, ...]
    required: frozenset[str]
    key: tuple[str, ...]
    identity: str
    """The column without which a row is nobody's."""

    @property
    def file(self) -> str:
        """The file's name in the tables folder."""
        return f"{self.name}.csv"

    def key_of(self, cells: dict[str, str]) -> tuple[str, ...]:
        """What tells this row from all others; a blank board is the default one."""
        return tuple(_keyed(column, cells[column]) for column in self.key)


def _keyed(column: str, text: str) -> str:
    return (text.upper() or DEFAULT_BOARD) if column == "board" else text


LEARNERS = TableKind(
    "learners",
    tuple(
        "site learner given_name family_name email birth_date board board_id npi licence_state"
        " licence consent consent_on consent_how consent_boards".split()
    ),
    learners.REQUIRED,
    ("site", "learner", "board"),
    "learner",
)
ACTIVITIES = TableKind(
    "activities",
    tuple(
        "site course occurrence activity pars_activity_id profile title board credit_types"
        " max_points total_points points_basis zone starts ends repeats requires date_rule".split()
    ),
    activities.REQUIRED,
    ("site", "course", "board", "occurrence", "starts"),
    "course",
)
KINDS = {kind.name: kind for kind in (LEARNERS, ACTIVITIES)}
HIDDEN = frozenset(
    "given_name family_name email birth_date board_id npi licence_state licence"
    " consent_on consent_how".split()
)
"""Columns of the learners table whose values are covered unless somebody asks to see them."""
