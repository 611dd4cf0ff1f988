"""Slows down guessing at passwords: by user name, whether there is such a user or not, and by peer.

Kept in the memory of each process: a restart forgets it, two processes allow twice the tries.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from consumer.clock import Clock

_WINDOW_SECONDS = 15 * 60.0
_MOST_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many tries are free within a quarter of an hour; each further one doubles the wait."""

    free: int
    first_seconds: float
    longest_seconds: float

    def wait(self, tries: int) -> float:
        """Seconds from the last try until the next may be made."""
        if tries < self.free:
            return 0.0
        doublings = min(tries - self.free, 20)
        return min(self.first_seconds * 2.0**doublings, self.longest_seconds)


# A name is shared by who owns it and who guesses at it: five minutes must not lock out its owner.
NAME = Allowance(free=5, first_seconds=5, longest_seconds=300)
PEER = Allowance(free=30, first_seconds=5, longest_seconds=600)


class Throttle:
    """Counts tries that failed, or are under way; safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._tries: dict[tuple[str, str], list[float]] = {}

    def try_now(self, name: str, peer: str) -> float:
        """0 and the try is counted, or the seconds until one may try again."""
        now = self._clock.monotonic()
        keys = ((("name", name), NAME), (("peer", peer), PEER))
        with self._lock:
            wait = max(self._wait(key, allowed, now) for key, allowed in keys)
            if wait <= 0:
                for key, _ in keys:
                    self._tries.setdefault(key, []).append(now)
                self._shrink(now)
        return max(0.0, wait)

    def succeeded(self, name: str, peer: str) -> None:
        """The password was right: the name starts anew, the peer has one try back."""
        with self._lock:
            self._tries.pop(("name", name), None)
            tries = self._tries.get(("peer", peer), [])
            if tries:
                tries.pop()

    def _wait(self, key: tuple[str, str], allowed: Allowance, now: float) -> float:
        tries = [at for at in self._tries.get(key, ()) if now - at < _WINDOW_SECONDS]
        if not tries:
            self._tries.pop(key, None)
            return 0.0
        self._tries[key] = tries
        return tries[-1] + allowed.wait(len(tries)) - now

    def _shrink(self, now: float) -> None:
        """Forget what is over, so that a million names do not fill the memory."""
        if len(self._tries) <= _MOST_KEYS:
            return
        fresh = {k: v for k, v in self._tries.items() if now - v[-1] < _WINDOW_SECONDS}
        self._tries = dict(sorted(fresh.items(), key=lambda one: -len(one[1]))[: _MOST_KEYS // 2])
