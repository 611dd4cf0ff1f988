"""When to ask PARS for the board's decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to ask PARS for the board's decision (dossier 6); all in seconds after sending."""

    first_seconds: float = 3600
    every_seconds: float = 4 * 3600
    until_seconds: float = 48 * 3600
    later_seconds: float = 24 * 3600
    absent_seconds: float = 24 * 3600
    upload_seconds: float = 7 * 24 * 3600

    def next_ask(self, sent_at: datetime, now: datetime) -> datetime:
        """The next time to ask; it never stops, a late verdict is a verdict."""
        age = (now - sent_at).total_seconds()
        if age < self.first_seconds:
            return sent_at + timedelta(seconds=self.first_seconds)
        step = self.every_seconds if age < self.until_seconds else self.later_seconds
        return now + timedelta(seconds=step)
