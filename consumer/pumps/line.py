"""The line to PARS of one provider profile: breaker and pace, shared by all who send for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from consumer.dealings import Exchange, Signal
from consumer.pars.port import Action
from consumer.pumps.breaker import Breaker
from consumer.pumps.pace import Pace


@dataclass(frozen=True, slots=True)
class Line:
    """Says how many requests may leave now, and what it becomes by what came of them.

    Its state stands in the ledger: whoever claims a credit takes the permit in the same
    transaction, so the workers of all pumps and processes keep one pace and send one probe.
    """

    profile: str
    breaker: Breaker
    pace: Pace

    @property
    def last_success_at(self) -> datetime | None:
        """When PARS last took a report of this profile."""
        return self.breaker.last_success_at

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self.breaker.is_open

    @property
    def is_steady(self) -> bool:
        """Whether nothing has failed lately."""
        return not self.is_open and not self.breaker.failures

    def allows(self, wanted: int, now: datetime) -> int:
        """How many of `wanted` exchanges may start now."""
        return min(self.breaker.allowance(now, wanted), max(0, self.pace.at(now).whole))

    def started(self, count: int, now: datetime) -> Line:
        """The line once `count` exchanges are under way."""
        probing = count > 0 and self.is_open
        breaker = self.breaker.probing(now) if probing else self.breaker
        return replace(self, breaker=breaker, pace=self.pace.at(now).spend(count))

    def ended(self, exchanges: Iterable[Exchange], now: datetime) -> Line:
        """The line once it has learned from these exchanges, in the order they came back."""
        breaker, more = self.breaker, 0
        for exchange in exchanges:
            breaker = _learned(breaker, exchange, now)
            # An exchange may have asked before it sent: every request counts for the pace.
            more += max(0, len(exchange.settlement.attempts) - 1)
        # The time before is filled in first, or it would pay for requests that came after it.
        return replace(self, breaker=breaker, pace=self.pace.at(now).spend(more))

    def resumed(self, now: datetime) -> Line:
        """The line at a start: credentials that were refused may have been put right."""
        return replace(self, breaker=self.breaker.at_once(now)) if self.breaker.stopped else self


def _learned(breaker: Breaker, exchange: Exchange, now: datetime) -> Breaker:
    match exchange.signal:
        case Signal.WELL:
            saved = any(one.action in _SAVES for one in exchange.settlement.attempts)
            return breaker.succeeded(now, saved=saved)
        case Signal.FAILED:
            return breaker.failed(now, exchange.retry_after_seconds)
        case Signal.STOPPED:
            return breaker.refused(now)
        case Signal.SILENT:
            return breaker


_SAVES = {*Action}
