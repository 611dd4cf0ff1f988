"""The desk's mappings: which there are, which are in force, what is wrong with their files."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions
from consumer.mapping.advice import next_step
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import Example
from consumer.mapping.loader import (
    examples_of,
    find_mapping,
    load_catalogue,
    load_mapping,
    load_some,
    mapping_files,
    mappings_version,
)
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import MappingProblems, Problem
from consumer.mapping.rehearsal import Rehearsal, rehearse

LATELY = 10_000
"""Of how many of the latest completions it is counted who read them."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with a file, and what to do about it."""

    problem: Problem
    next_step: str


@dataclass(frozen=True, slots=True)
class Shelved:
    """One mapping file. `version` is the file's, 0 if it cannot be read; `in_force` what counts."""

    name: str
    kind: str
    version: int
    in_force: int
    examples: int
    read_lately: int
    faults: tuple[Flaw, ...] = ()

    @property
    def lms(self) -> str:
        """Whose events it reads."""
        return self.name.partition("/")[0]

    @property
    def event(self) -> str:
        """Which event of theirs."""
        return self.name.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Shelf:
    """All of them. `refused`: the files are others than those in force, and are not taken up.

    `strays` are faults of no mapping; `taking_up` says that good new files are about to count.
    """

    mappings: tuple[Shelved, ...]
    strays: tuple[Flaw, ...]
    refused: bool
    taking_up: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """One mapping in full: the file's text, its rows if it can be read, and how its examples go."""

    shelved: Shelved
    text: str
    mapping: Mapping | None
    rehearsals: tuple[tuple[Example, Rehearsal | None], ...]


@dataclass(frozen=True, slots=True)
class MappingDesk:
    """Whoever looks at the folder of mappings beside what is in force."""

    mappings_dir: Path
    schemas_dir: Path
    in_force: Catalogue
    ledger: Ledger

    def shelf(self) -> Shelf:
        """Every mapping, by name."""
        problems, files = self._problems(), self._files()
        by_name: defaultdict[str, list[Problem]] = defaultdict(list)
        for one in problems or ():
            by_name[self._name_of(one)].append(one)
        lately = read_lately(self.ledger)
        shelved = tuple(
            self._shelved(name, mapping, by_name.pop(name, []), lately)
            for name, mapping in sorted(files.items())
        )
        strays = tuple(_flaw(one) for left in by_name.values() for one in left)
        return Shelf(shelved, strays, bool(problems), problems is not None and not problems)

    def open(self, name: str) -> Opened:
        """One of them. Raises MappingProblems: there is none of this name."""
        file = find_mapping(name, self.mappings_dir)
        shelved = next(one for one in self.shelf().mappings if one.name == name)
        text = file.read_text(encoding="utf-8", errors="replace")
        try:
            mapping = load_mapping(file, self.mappings_dir, self.schemas_dir)
        except MappingProblems:
            mapping = None
        rehearsed = tuple((one, rehearse(mapping, one) if mapping else None)
                          for one in examples_of(file))  # fmt: skip
        return Opened(shelved, text, mapping, rehearsed)

    def example(self, name: str, example: str) -> bytes:
        """The event of an example; empty when there is none. Raises MappingProblems."""
        found = examples_of(find_mapping(name, self.mappings_dir))
        return next((one.event or b"" for one in found if one.name == example), b"")

    def _problems(self) -> list[Problem] | None:
        """What is wrong with the files; None when they are those in force, which were proved."""
        version = mappings_version(self.mappings_dir, self.schemas_dir)
        if version == self.in_force.version:
            return None
        try:
            load_catalogue(self.mappings_dir, self.schemas_dir)
        except MappingProblems as found:
            return [*found.problems]
        return []

    def _files(self) -> dict[str, Mapping | None]:
        catalogue, _ = load_some(self.mappings_dir, self.schemas_dir)
        read: dict[str, Mapping | None] = {one.name: one for one in catalogue.mappings}
        names = (self._name(file) for file in mapping_files(self.mappings_dir))
        return {name: read.get(name) for name in names}

    def _shelved(
        self, name: str, mapping: Mapping | None, problems: list[Problem], lately: Counter[str]
    ) -> Shelved:
        now = next((one for one in self.in_force.mappings if one.name == name), None)
        known = mapping or now
        tests = (self.mappings_dir / f"{name}.tests").glob("*.event.json")
        return Shelved(
            name=name,
            kind=known.kind.value if known else "",
            version=mapping.version if mapping else 0,
            in_force=now.version if now else 0,
            examples=sum(1 for _ in tests),
            read_lately=lately[name],
            faults=tuple(map(_flaw, problems)),
        )

    def _name(self, file: Path) -> str:
        return file.relative_to(self.mappings_dir).with_suffix("").as_posix()

    def _name_of(self, problem: Problem) -> str:
        """The mapping whose file a problem names, as from the folder of mappings on."""
        return Path(problem.file.partition("/")[2]).with_suffix("").as_posix()


def read_lately(ledger: Ledger) -> Counter[str]:
    """How many of the latest completions each mapping read."""
    c = completions.c
    with ledger.read() as db:
        last = db.scalar(select(func.max(c.id))) or 0
        query = select(c.mapping, func.count()).where(c.id > last - LATELY).group_by(c.mapping)
        return Counter({row.mapping: row[1] for row in db.execute(query)})


def _flaw(problem: Problem) -> Flaw:
    return Flaw(problem, next_step(problem.code))
