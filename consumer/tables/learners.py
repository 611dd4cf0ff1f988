"""The learners table: who an LMS account is, to the boards; as the office keeps it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from consumer.board import DEFAULT_BOARD, Boards
from consumer.tables.csvfile import CsvRow, TableProblem, TableProblems, iter_csv

COLUMNS = frozenset(
    "site learner given_name family_name email birth_date board board_id npi"
    " licence_state licence consent consent_on consent_how consent_boards".split()
)
REQUIRED = frozenset({"learner", "given_name", "family_name", "birth_date", "board_id", "consent"})


@dataclass(frozen=True, slots=True)
class Learner:
    """One person with one board, as text: what is wrong with a value is the rules' to say."""

    given_name: str
    family_name: str
    email: str
    birth_date: str
    board: str
    board_id: str
    npi: str
    consent: str
    consent_boards: frozenset[str]
    licence_state: str = ""
    licence: str = ""
    consent_on: str = ""
    consent_how: str = ""

    def consents_to(self, board: str) -> bool:
        """Whether this learner's consent is there and covers `board` (dossier 5)."""
        given = self.consent.lower() in {"yes", "y", "true", "1"}
        return given and (not self.consent_boards or board in self.consent_boards)


class Learners:
    """All learners, found by site and LMS user id, compared as strings, exactly."""

    def __init__(
        self, rows: dict[tuple[str, str], tuple[Learner, ...]], after: Learners | None = None
    ) -> None:
        """`after` serves for whom `rows` has nothing."""
        self._rows, self._after = rows, after

    def find(self, site: str, learner: str) -> tuple[Learner, ...]:
        """One row per board; a row without a site serves every site. Empty when unknown."""
        own = self._rows.get((site, learner)) or self._rows.get(("", learner), ())
        return own or (self._after.find(site, learner) if self._after else ())

    def kept(self, site: str, learner: str) -> bool:
        """Whether the office itself keeps this learner."""
        return (site, learner) in self._rows or ("", learner) in self._rows

    def before(self, other: Learners) -> Learners:
        """These, and for whom they do not know, the other's."""
        return Learners(self._rows, other)

    def __iter__(self) -> Iterator[tuple[str, str, tuple[Learner, ...]]]:
        """Site, LMS user id and rows of everybody, each as `find` gives them."""
        for (site, learner), rows in self._rows.items():
            yield site, learner, rows
        for site, learner, rows in self._after or ():
            if not self.kept(site, learner):
                yield site, learner, rows

    def in_place_of(self, other: Learners) -> Learners:
        """These, and after them whoever serves after the other's."""
        return Learners(self._rows, other._after)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))


def load_learners(path: Path, boards: Boards) -> Learners:
    """The table in `path`. Raises TableProblems with all of them."""
    return learners_of(path.name, iter_csv(path, COLUMNS, REQUIRED), boards)


def learners_of(file: str, lines: Iterable[CsvRow], boards: Boards) -> Learners:
    """The table that these rows make; `file` is named in what is wrong. Raises TableProblems."""
    found: dict[tuple[str, str], list[Learner]] = defaultdict(list)
    problems: list[TableProblem] = []
    for row in lines:
        learner = _learner(row)
        rows = found[row.cells["site"], row.cells["learner"]]
        problems += _problems(file, row, learner, rows, boards)
        rows.append(learner)
    if problems:
        raise TableProblems(problems)
    return Learners({key: tuple(rows) for key, rows in found.items()})


def _learner(row: CsvRow) -> Learner:
    cells = row.cells
    return Learner(
        given_name=cells["given_name"],
        family_name=cells["family_name"],
        email=cells["email"],
        birth_date=cells["birth_date"],
        board=cells["board"].upper() or DEFAULT_BOARD,
        board_id=cells["board_id"],
        npi=cells["npi"],
        consent=cells["consent"],
        consent_boards=frozenset(re.split(r"[\s,;]+", cells["consent_boards"].upper())) - {""},
        licence_state=cells["licence_state"],
        licence=cells["licence"],
        consent_on=cells["consent_on"],
        consent_how=cells["consent_how"],
    )


def _problems(
    file: str, row: CsvRow, learner: Learner, others: list[Learner], boards: Boards
) -> list[TableProblem]:
    problems = []
    if not row.cells["learner"]:
        problems.append(TableProblem(file, row.line, "learner", "is blank"))
    if learner.board not in boards:
        problems.append(TableProblem(file, row.line, "board", f"known boards: {', '.join(boards)}"))
    if any(other.board == learner.board for other in others):
        problems.append(TableProblem(file, row.line, "learner", "stands twice for the same board"))
    return problems
