"""What processes take between two moments of a run, seen from outside, at no cost to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lean import Lean

LOOK_SECONDS, PATIENCE_SECONDS = 0.005, 3600.0


@dataclass(frozen=True)
class Window:
    """The steady part of a run: after the first posts, until the last is settled."""

    count: int
    seconds: float
    cpu_seconds: float
    pars_seconds: float

    @property
    def per_second(self) -> float:
        """Completions a second."""
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor, user and system, of all threads, for each."""
        return self.cpu_seconds / self.count * 1e6

    @property
    def pars_us(self) -> float:
        """The same of the server that answered."""
        return self.pars_seconds / self.count * 1e6


@dataclass(frozen=True)
class Run:
    """What is watched: so many records on their way to `pars`, sent by these processes.

    `settled` says whether all is written down too, `ended` what a process said that ended too soon.
    """

    pars: Lean
    pids: Sequence[int]
    records: int
    warm: int
    settled: Callable[[], bool]
    ended: Callable[[], str]

    def watch(self) -> Window:
        """The window from the post number `warm` until everything is settled.

        What comes before is left out: threads, connections and their TLS contexts are made once.
        Raises SystemExit when a process ends, or the run takes an hour.
        """
        self._until(lambda: self.pars.posts >= self.warm)
        first, began = self.pars.posts, time.monotonic()
        used, answering = self._cpu_seconds(), cpu_seconds(self.pars.pid)
        self._until(lambda: self.pars.answered >= self.records and self.settled())
        seconds = time.monotonic() - began
        spent, answered = self._cpu_seconds() - used, cpu_seconds(self.pars.pid) - answering
        self.pars.check(self.records)
        return Window(self.records - first, seconds, spent, answered)

    def _cpu_seconds(self) -> float:
        return sum(map(cpu_seconds, self.pids))

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            if said := self.ended():
                raise SystemExit(f"ended too soon:\n{said}")
            if time.monotonic() > deadline:
                raise SystemExit("the run takes too long")
            time.sleep(LOOK_SECONDS)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, by its own CPU clock."""
    # As clock_getcpuclockid(3) composes it; Python has no name for it.
    return time.clock_gettime((~pid << 3) | 2)


def memory_mb(pid: int, field: str = "VmHWM") -> float:
    """Resident memory of a process: its peak, or with VmRSS what it has now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = (one for one in lines if one.startswith(f"{field}:"))
    return round(int(line.split()[1]) / 1024, 1)
