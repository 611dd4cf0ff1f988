"""The pace of one provider profile: requests per second, whatever the number of workers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """A bucket that fills with `per_second` permits up to `burst`; a new one is full."""

    per_second: float
    burst: float = 1.0
    permits: float = 1.0
    filled_at: datetime | None = None

    def at(self, now: datetime) -> Pace:
        """The bucket as it stands at this moment; time that another clock has given is not given
        again."""
        if self.filled_at is None:
            return replace(self, permits=self.burst, filled_at=now)
        gained = max(0.0, (now - self.filled_at).total_seconds()) * self.per_second
        permits = min(self.burst, self.permits + gained)
        return replace(self, permits=permits, filled_at=max(self.filled_at, now))

    @property
    def whole(self) -> int:
        """Requests that may leave now."""
        return int(self.permits + 1e-9)

    def spend(self, count: int) -> Pace:
        """The bucket after `count` requests."""
        return replace(self, permits=self.permits - count)
