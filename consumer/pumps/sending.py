"""The submit and the follow pump: claim, carry to PARS, settle; many at once, commits in groups."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog

from consumer.clock import Clock
from consumer.credit import State
from consumer.dealings import Exchange
from consumer.dispatch import Dispatcher
from consumer.ledger.claims import Claim, Claims
from consumer.ledger.ledger import LedgerUnavailable
from consumer.pumps.line import Line
from consumer.reason import Reason

SUBMITTING = (State.READY, State.SUBMITTING, State.WITHDRAWING)
FOLLOWING = (State.SUBMITTED, State.REPORTED)

DispatcherFor = Callable[[str], Dispatcher]
"""Makes a dispatcher for a profile, with an HTTP client of its own."""


class SendingPump:
    """One thread that owns the ledger's side, and workers that only speak HTTP."""

    def __init__(
        self,
        name: str,
        states: Sequence[State],
        claims: Claims,
        lines: Mapping[str, Line],
        dispatcher_for: DispatcherFor,
        workers: int,
        idle_seconds: float,
        clock: Clock,
    ) -> None:
        self.name = name
        self._states, self._claims, self._lines = states, claims, lines
        self._dispatcher_for, self._workers = dispatcher_for, workers
        self._idle_seconds, self._clock = idle_seconds, clock
        self._under_way: dict[Future[Exchange], Claim] = {}
        self._unsettled: list[Exchange] = []
        self._threads = threading.local()
        self._log = structlog.get_logger().bind(pump=name)

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop; then settle what is under way."""
        with ThreadPoolExecutor(self._workers, f"{self.name}-worker") as pool:
            while not stop.is_set():
                if not self.turn(pool):
                    self._clock.wait(stop, self._idle_seconds)
            wait(self._under_way)
            self.turn(pool, claim=False)

    def turn(self, pool: ThreadPoolExecutor, *, claim: bool = True) -> bool:
        """Settle what has come back, claim what is due, hand it out; False when idle."""
        self._collect()
        try:
            claimed = self._settle_and_claim(claim=claim)
        except LedgerUnavailable as error:
            self._log.warning("ledger.unavailable", cause=str(error))
            return False
        for one in claimed:
            self._under_way[pool.submit(self._carry, one)] = one
        if self._under_way:
            wait(self._under_way, timeout=self._idle_seconds, return_when=FIRST_COMPLETED)
        return bool(self._under_way)

    def _collect(self) -> None:
        for future in [f for f in self._under_way if f.done()]:
            claim = self._under_way.pop(future)
            exchange = future.result()
            self._lines[claim.profile].ended(exchange)
            self._unsettled.append(exchange)

    def _settle_and_claim(self, *, claim: bool) -> list[Claim]:
        free = self._workers - len(self._under_way) if claim else 0
        may_claim = any(line.allow(free) for line in self._lines.values())
        if not self._unsettled and not (may_claim and self._any_due()):
            return []
        settlements = [exchange.settlement for exchange in self._unsettled]
        with self._claims.ledger.begin() as db:
            now = self._clock.now()
            fresh = self._claims.settle(db, settlements, now).words
            claimed: list[Claim] = []
            for line in self._lines.values():
                allowed = line.allow(free - len(claimed))
                claimed += self._claims.claim(db, line.profile, self._states, allowed, now)
        for one in claimed:
            self._lines[one.profile].started(1)
        self._say(self._unsettled)
        for heard in fresh:
            # Once for each word, not for each credit: it is a question for ACCME.
            self._log.error("pars.word_unknown", profile=heard.profile, word=heard.word)
        self._unsettled.clear()
        return claimed

    def _any_due(self) -> bool:
        with self._claims.ledger.read() as db:
            return self._claims.any_due(db, self._states, self._clock.now())

    def _carry(self, claim: Claim) -> Exchange:
        dispatchers: dict[str, Dispatcher] = self._threads.__dict__
        if claim.profile not in dispatchers:
            dispatchers[claim.profile] = self._dispatcher_for(claim.profile)
        last_success_at = self._lines[claim.profile].last_success_at
        return dispatchers[claim.profile].carry(claim, last_success_at)

    def _say(self, exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            settled = exchange.settlement
            if settled.state is not settled.claim.state or settled.refused:
                self._log.info(
                    f"credit.{settled.state.value}",
                    credit_id=settled.claim.credit_id,
                    reason=_first_code(settled.refused),
                )


def _first_code(reasons: Sequence[Reason]) -> str:
    return reasons[0].code if reasons else ""
