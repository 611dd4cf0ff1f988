"""The steps of a plan: plain values, each of which says in words what it does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.end_to_end.harness.moments import Spoiling


class Setting(StrEnum):
    """What a round is played on."""

    EMBEDDED = "sqlite-embedded"
    KAFKA = "sqlite-kafka"
    SERVER = "postgresql-kafka"


class Part(StrEnum):
    """What the service leans on, and what can be away."""

    PARS = "PARS"
    BROKER = "the broker"
    DATABASE = "the database server"


@dataclass(frozen=True, slots=True)
class Tell:
    """The next act of these threads: their LMS says it, or the office does it."""

    threads: tuple[int, ...]

    def __str__(self) -> str:
        return f"next act of threads {', '.join(map(str, self.threads))}"


@dataclass(frozen=True, slots=True)
class Start:
    """A process starts."""

    name: str
    spoiling: Spoiling | None = None
    pumps: tuple[str, ...] = ()

    def __str__(self) -> str:
        spoilt = f", which {self.spoiling}" if self.spoiling else ""
        pumps = f" with {', '.join(self.pumps)} alone" if self.pumps else ""
        return f"process {self.name} starts{pumps}{spoilt}"


@dataclass(frozen=True, slots=True)
class Struck:
    """Wait, within bounds, until a process has struck itself."""

    name: str
    seconds: float = 15.0

    def __str__(self) -> str:
        return f"{self.name} comes to its moment"


@dataclass(frozen=True, slots=True)
class Pause:
    """Let things go on for a while."""

    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s pass"


@dataclass(frozen=True, slots=True)
class Settled:
    """Wait, within bounds, until what was told so far is heard and sent."""

    seconds: float = 8.0

    def __str__(self) -> str:
        return "until all told so far is settled"


class Hit(StrEnum):
    """What is done to a process from outside."""

    KILL = "is killed"
    FREEZE = "is frozen"
    THAW = "is thawed"
    STOP = "is told to stop (SIGTERM)"


@dataclass(frozen=True, slots=True)
class Strike:
    """Something is done to a process from outside."""

    name: str
    hit: Hit

    def __str__(self) -> str:
        return f"{self.name} {self.hit}"


@dataclass(frozen=True, slots=True)
class Away:
    """A part goes away; `hard` as if its plug were pulled."""

    part: Part
    hard: bool = True

    def __str__(self) -> str:
        return f"{self.part} {'is killed' if self.hard else 'is stopped'}"


@dataclass(frozen=True, slots=True)
class Back:
    """A part comes back with all that it knew."""

    part: Part

    def __str__(self) -> str:
        return f"{self.part} comes back"


@dataclass(frozen=True, slots=True)
class Weather:
    """PARS has a bad time: one rule of docs/simulator.md."""

    kind: str
    times: int
    seconds: float | None = None
    on: str = "save"

    def __str__(self) -> str:
        lasting = f" for {self.seconds:g} s" if self.seconds else ""
        return f"PARS: {self.kind} of {self.on}{lasting}, {self.times} times"


@dataclass(frozen=True, slots=True)
class Tidy:
    """The office answers what it is asked and replays what was mended; perhaps half of it."""

    spoiling: Spoiling | None = None

    def __str__(self) -> str:
        spoilt = f"; its first command {self.spoiling}" if self.spoiling else ""
        return f"the office goes through its dead letters{spoilt}"


@dataclass(frozen=True, slots=True)
class Backup:
    """The ledger is copied, beside the service."""

    spoiling: Spoiling | None = None

    def __str__(self) -> str:
        spoilt = f", first by a command that {self.spoiling}" if self.spoiling else ""
        return f"the ledger is backed up{spoilt}"


@dataclass(frozen=True, slots=True)
class Restore:
    """The service stopped, the backup is put in the ledger's place."""

    spoiling: Spoiling | None = None

    def __str__(self) -> str:
        spoilt = f", first by a command that {self.spoiling}" if self.spoiling else ""
        return f"the backup is put back{spoilt}"


Step = Tell | Start | Struck | Pause | Settled | Strike | Away | Back | Weather
Step |= Tidy | Backup | Restore
