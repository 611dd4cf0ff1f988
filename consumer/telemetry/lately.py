"""Figures that cost something to read: read every few seconds at most, never waited for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass

from consumer.clock import Clock
from consumer.ledger.ledger import LedgerUnavailable
from consumer.telemetry.metrics import Figure as Figure

KEPT_SECONDS = 5.0
PATIENCE_SECONDS = 3.0
"""Who scrapes gives up after ten seconds, as a rule: until then it is told what there is."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, when by the monotonic clock, and how many seconds it took."""

    figures: Sequence[Figure]
    at: float
    seconds: float


class Lately:
    """Reads in a thread of its own, one at a time: a ledger that hangs holds up nobody else."""

    def __init__(self, read: Callable[[], Sequence[Figure]], clock: Clock) -> None:
        self._read, self._clock, self._lock = read, clock, threading.Lock()
        self._kept: Read | None = None
        self._under_way: Future[Read] | None = None

    def figures(self) -> Read | None:
        """Of the last few seconds; None when the ledger cannot be read, or not in time."""
        with self._lock:
            kept = self._kept
            if kept is not None and self._clock.monotonic() - kept.at < KEPT_SECONDS:
                return kept
            under_way = self._under_way
            if under_way is None or under_way.done():
                under_way = self._under_way = self._begin()
        wait([under_way], PATIENCE_SECONDS)
        return self._ended(under_way)

    def _ended(self, under_way: Future[Read]) -> Read | None:
        if not under_way.done():
            return None
        try:
            read = under_way.result()
        except LedgerUnavailable:
            return None
        with self._lock:
            self._kept = read
        return read

    def _begin(self) -> Future[Read]:
        future: Future[Read] = Future()

        def run() -> None:
            began = self._clock.monotonic()
            try:
                found = self._read()
            except BaseException as error:  # noqa: BLE001  raised again by whoever asked
                future.set_exception(error)
            else:
                ended = self._clock.monotonic()
                future.set_result(Read(found, ended, ended - began))

        threading.Thread(target=run, daemon=True, name="figures").start()
        return future
