"""What is wrong with mapping files: file, line, field, code and a sentence, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. `field` is the target or the place in the file, `line` counts from 1."""

    file: str
    line: int
    field: str
    code: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.field, self.code, self.message) if part)


class MappingProblems(Exception):
    """Raised with every problem of every file, so that all can be mended at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Report:
    """The problems of one file, as they are found."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, line: int, where: str, code: str, message: str) -> None:
        """Note one problem and go on."""
        self.problems.append(Problem(self.file, line, where, code, message))

    @property
    def clean(self) -> bool:
        """Whether nothing has been found so far."""
        return not self.problems


def hint(name: str, known: Sequence[str]) -> str:
    """`; did you mean …?` for a misspelt name, or nothing."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
