"""A CSV file as an office has it: rows as text with their line numbers, problems with theirs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class TableProblem:
    """What is wrong with a table, by file and line; never a value."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return (
            f"{place}: {self.column}: {self.message}" if self.column else f"{place}: {self.message}"
        )


class TableProblems(Exception):
    """The tables cannot be used; holds every problem found."""

    def __init__(self, problems: Iterable[TableProblem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__(f"{len(self.problems)} problem(s) in the tables")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row; `cells` has every column of the table, blank where the file has none."""

    line: int
    cells: dict[str, str]


def read_csv(path: Path, columns: frozenset[str], required: frozenset[str]) -> list[CsvRow]:
    """The rows of `path`, keys lower-case, cells stripped. Raises TableProblems."""
    return [*iter_csv(path, columns, required)]


def iter_csv(path: Path, columns: frozenset[str], required: frozenset[str]) -> Iterator[CsvRow]:
    """The same, row by row: a table of 100,000 rows need not be held twice."""
    yield from iter_text(path, _text(path), columns, required)


def iter_text(
    path: Path, text: str, columns: frozenset[str], required: frozenset[str]
) -> Iterator[CsvRow]:
    """The rows of a file whose text was read already."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        head = [name.strip().lower().replace(" ", "_") for name in next(lines, [])]
        _check_head(path, head, columns, required)
        for row in lines:
            if any(cell.strip() for cell in row):
                cells = dict.fromkeys(columns, "") | _cells(path, lines, head, row)
                yield CsvRow(lines.line_num, cells)
    except csv.Error as error:
        raise _fault(path, lines.line_num, f"not a CSV file: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _fault(path, 0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _fault(path, line, "not UTF-8: save it as 'CSV UTF-8'") from None


def _delimiter(text: str) -> str:
    """Excel writes semicolons where the decimal sign is a comma."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _check_head(
    path: Path, head: list[str], columns: frozenset[str], required: frozenset[str]
) -> None:
    known = ", ".join(sorted(columns))
    problems = [
        TableProblem(path.name, 1, name, "column is missing") for name in required - {*head}
    ]
    # By its number: in a file without headings this is where the first person stands.
    problems += [
        TableProblem(path.name, 1, f"column {number}", f"unknown heading; known: {known}")
        for number, name in enumerate(head, 1)
        if name not in columns
    ]
    problems += [
        TableProblem(path.name, 1, name, "column stands twice")
        for name in {*head} & columns
        if head.count(name) > 1
    ]
    if problems:
        raise TableProblems(problems)


def _cells(path: Path, lines: object, head: list[str], row: list[str]) -> dict[str, str]:
    if len(row) > len(head):
        raise _fault(path, lines.line_num, f"{len(row)} cells under {len(head)} headings")  # type: ignore[attr-defined]
    return {name: cell.strip() for name, cell in zip(head, row, strict=False)}


def _fault(path: Path, line: int, message: str) -> TableProblems:
    return TableProblems([TableProblem(path.name, line, "", message)])
