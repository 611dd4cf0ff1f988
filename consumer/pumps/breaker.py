"""The breaker of one provider profile: an outage is PARS's, not the records' (design 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Breaker:
    """Closed while PARS answers; open for a while after a row of failures; then one probe.

    `open_until` is set while it is open. `stopped` says that PARS refuses the whole profile (401,
    403, contract): the same waiting, longer, and loud. While a probe is away no other leaves, until
    `probe_until`: who sent it may have been killed.
    """

    threshold: int
    pause_seconds: float
    stopped_pause_seconds: float
    probe_seconds: float
    failures: int = 0
    open_until: datetime | None = None
    probe_until: datetime | None = None
    stopped: bool = False
    last_success_at: datetime | None = None

    def allowance(self, now: datetime, wanted: int) -> int:
        """How many requests may be under way from now on: all, one probe, or none."""
        if self.open_until is None:
            return wanted
        waits = now < self.open_until or (self.probe_until is not None and now < self.probe_until)
        return 0 if waits else min(1, wanted)

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self.open_until is not None

    def succeeded(self, now: datetime, *, saved: bool = True) -> Breaker:
        """PARS answered: everything flows again.

        Only a report that it `saved` counts as having served others: where saving fails and
        asking works, no waiting credit is to blame.
        """
        last = max(now, self.last_success_at or now) if saved else self.last_success_at
        if last == self.last_success_at and not (self.failures or self.is_open):
            return self
        return Breaker(
            self.threshold,
            self.pause_seconds,
            self.stopped_pause_seconds,
            self.probe_seconds,
            last_success_at=last,
        )

    def failed(self, now: datetime, retry_after_seconds: float | None = None) -> Breaker:
        """PARS did not serve; after `threshold` in a row, or when it asked for it, wait."""
        failures = self.failures + 1
        # A failed probe waits anew, however few the failures.
        waits = failures >= self.threshold or retry_after_seconds is not None or self.is_open
        pause = max(self.pause_seconds, retry_after_seconds or 0.0)
        until = self._until(now, pause) if waits else None
        return replace(self, failures=failures, open_until=until, probe_until=None)

    def refused(self, now: datetime) -> Breaker:
        """PARS refuses the profile itself: stop, and probe once in a long while."""
        until = self._until(now, self.stopped_pause_seconds)
        failures = self.failures + 1
        return replace(self, failures=failures, open_until=until, probe_until=None, stopped=True)

    def probing(self, now: datetime) -> Breaker:
        """A probe leaves: no other one, from whatever process, until it is back or given up."""
        return replace(self, probe_until=now + timedelta(seconds=self.probe_seconds))

    def at_once(self, now: datetime) -> Breaker:
        """What is open may be probed now: a person has mended something."""
        return replace(self, open_until=now, probe_until=None) if self.is_open else self

    def _until(self, now: datetime, seconds: float) -> datetime:
        """A request that was under way already does not shorten the pause."""
        until = now + timedelta(seconds=seconds)
        return max(until, self.open_until or until)
