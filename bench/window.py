"""What processes take between two moments of a run, seen from outside, at no cost to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lean import Lean

LOOK_SECONDS = 0.005


@dataclass(frozen=True)
class Window:
    """The steady part of a run: after the first posts, until the last is settled."""

    count: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Completions a second."""
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor, user and system, of all threads, for each."""
        return self.cpu_seconds / self.count * 1e6


def watch(
    pars: Lean,
    pids: Sequence[int],
    records: int,
    warm: int,
    settled: Callable[[], bool],
    seconds: float,
) -> Window:
    """The window from the post number `warm` until everything is settled.

    What comes before is left out: threads, connections and their TLS contexts are made once.
    Raises SystemExit when the run takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    _wait(lambda: pars.posts >= warm, deadline)
    first, began, used = pars.posts, time.monotonic(), sum(map(cpu_seconds, pids))
    _wait(lambda: pars.answered >= records and settled(), deadline)
    ended, all_used = time.monotonic(), sum(map(cpu_seconds, pids))
    return Window(records - first, ended - began, all_used - used)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, by its own CPU clock."""
    # As clock_getcpuclockid(3) composes it; Python has no name for it.
    return time.clock_gettime((~pid << 3) | 2)


def memory_mb(pid: int, field: str = "VmHWM") -> float:
    """Resident memory of a process: its peak, or with VmRSS what it has now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = (one for one in lines if one.startswith(f"{field}:"))
    return round(int(line.split()[1]) / 1024, 1)


def _wait(reached: Callable[[], bool], deadline: float) -> None:
    while not reached():
        if time.monotonic() > deadline:
            raise SystemExit("the run takes too long")
        time.sleep(LOOK_SECONDS)
