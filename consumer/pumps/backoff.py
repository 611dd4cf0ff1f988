"""How long to wait before a try is made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: anywhere from nothing to first x 2^tries, capped."""

    first_seconds: float
    longest_seconds: float
    random: Callable[[], float]

    def delay(self, tries: int) -> float:
        """Seconds to wait after `tries` failed tries; the first wait is within `first_seconds`."""
        ceiling = min(self.longest_seconds, self.first_seconds * 2.0 ** min(max(tries - 1, 0), 60))
        return ceiling * self.random()
