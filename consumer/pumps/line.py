"""The line to PARS of one provider profile: breaker and pace, shared by all its workers."""

from __future__ import annotations

import threading
from datetime import datetime

import structlog

from consumer.clock import Clock
from consumer.dealings import Exchange, Signal
from consumer.pars.port import Action
from consumer.pumps.breaker import Breaker
from consumer.pumps.pace import Pace


class Line:
    """Says how many requests may leave now, and learns from what came of them."""

    def __init__(self, profile: str, breaker: Breaker, pace: Pace, clock: Clock) -> None:
        self.profile = profile
        self._breaker, self._pace, self._clock = breaker, pace, clock
        self._under_way = 0
        self._lock = threading.Lock()
        self._log = structlog.get_logger().bind(profile=profile)

    @property
    def last_success_at(self) -> datetime | None:
        """When PARS last served this profile, in this process."""
        return self._breaker.last_success_at

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self._breaker.is_open

    def allow(self, wanted: int) -> int:
        """How many of `wanted` exchanges may start now; they count as under way from here."""
        with self._lock:
            self._pace = self._pace.at(self._clock.monotonic())
            allowed = self._breaker.allowance(self._clock.now(), wanted)
            if self._breaker.is_open:
                allowed -= self._under_way
            return max(0, min(allowed, self._pace.whole))

    def started(self, count: int) -> None:
        """`count` exchanges are under way."""
        with self._lock:
            self._pace = self._pace.spend(count)
            self._under_way += count

    def ended(self, exchange: Exchange) -> None:
        """Learn from one exchange."""
        with self._lock:
            self._under_way -= 1
            # An exchange may have asked before it sent: every request counts for the pace. The time
            # before is filled in first, or it would pay for requests that came after it.
            pace = self._pace.at(self._clock.monotonic())
            self._pace = pace.spend(max(0, len(exchange.settlement.attempts) - 1))
            self._learn(exchange)

    def _learn(self, exchange: Exchange) -> None:
        now, was_open = self._clock.now(), self._breaker.is_open
        match exchange.signal:
            case Signal.WELL:
                saved = any(a.action in {*Action} for a in exchange.settlement.attempts)
                self._breaker = self._breaker.succeeded(now, saved=saved)
            case Signal.FAILED:
                self._breaker = self._breaker.failed(now, exchange.retry_after_seconds)
            case Signal.STOPPED:
                self._breaker = self._breaker.refused(now)
            case Signal.SILENT:
                return
        self._say(was_open, exchange)

    def _say(self, was_open: bool, exchange: Exchange) -> None:
        if was_open and not self._breaker.is_open:
            self._log.info("line.reopened")
        elif self._breaker.is_open and not was_open:
            last = exchange.settlement.attempts[-1:]
            reason = last[0].outcome if last else ""
            event = "line.stopped" if self._breaker.stopped else "line.paused"
            self._log.warning(event, reason=reason)
