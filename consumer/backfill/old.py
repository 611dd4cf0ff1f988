"""What a backfill reads: events of before, each with the place that it is known by ever after."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from consumer.bus.port import Message, Partition


@dataclass(frozen=True, slots=True)
class Broken:
    """What is no event: where it stands, and what is wrong with it, never a value of it."""

    place: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.place}:{self.line}: {self.why}"


@dataclass(frozen=True, slots=True)
class Lines:
    """What lies in one file, whose lines are counted from 1; `topic` is the file's own, made up.

    How far it was taken is known for each `source` that was asked for: another run for another LMS
    begins at the first line, and what was taken in before is known by its place.
    """

    topic: str
    source: str

    can_be_mended = True

    @property
    def subject(self) -> str:
        """Its place in the ledger: its name may be a person's."""
        return self.topic

    @property
    def strand(self) -> Partition:
        """The one there is."""
        return Partition(f"{self.topic}.{self.source}" if self.source else self.topic, 0)

    @property
    def strands(self) -> Collection[Partition]:
        """That one."""
        return (self.strand,)

    def strand_of(self, message: Message) -> Partition:
        """That one, whichever line it is."""
        return self.strand


class Old(Protocol):
    """Events of before, in their order."""

    @property
    def name(self) -> str:
        """What people call it: a file's name, or a topic."""
        ...

    @property
    def subject(self) -> str:
        """What the audit trail calls it: without a name that people chose."""
        ...

    @property
    def strands(self) -> Collection[Partition]:
        """Where the ledger keeps how far it was taken."""
        ...

    @property
    def can_be_mended(self) -> bool:
        """Whether what is no event is for who backfills to mend, as a line of a file is.

        On a topic it stands as it is: it becomes a dead letter, as when it is heard.
        """
        ...

    @property
    def overrules(self) -> bool:
        """Whether they say anything of completions that were heard of before."""
        ...

    def read(self, after: Mapping[Partition, int]) -> Iterator[Message | Broken]:
        """Everything from these places on. Raises BusUnavailable, OSError."""
        ...

    def strand_of(self, message: Message) -> Partition:
        """Which of `strands` this message counts for."""
        ...
