"""The pace of one provider profile: requests per second, whatever the number of workers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """A bucket that fills with `per_second` permits up to `burst`; times are monotonic seconds."""

    per_second: float
    burst: float = 1.0
    permits: float = 1.0
    filled_at: float | None = None

    def at(self, monotonic: float) -> Pace:
        """The bucket as it stands at this moment."""
        if self.filled_at is None:
            return Pace(self.per_second, self.burst, self.burst, monotonic)
        gained = max(0.0, monotonic - self.filled_at) * self.per_second
        return Pace(self.per_second, self.burst, min(self.burst, self.permits + gained), monotonic)

    @property
    def whole(self) -> int:
        """Requests that may leave now."""
        return int(self.permits + 1e-9)

    def spend(self, count: int) -> Pace:
        """The bucket after `count` requests."""
        return Pace(self.per_second, self.burst, self.permits - count, self.filled_at)
