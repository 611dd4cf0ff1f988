"""The submit and the follow pump: claim, carry to PARS, settle; many at once, commits in groups."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

import structlog
from sqlalchemy import Connection

from consumer.clock import Clock
from consumer.credit import State
from consumer.dealings import Exchange, given_back
from consumer.dispatch import Dispatcher
from consumer.ledger import linebook
from consumer.ledger.claims import Claim, Claims
from consumer.ledger.ledger import LedgerUnavailable
from consumer.pumps.line import Line
from consumer.pumps.telling import tell_lines, tell_readiness, tell_settled
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.spans import CREDIT, SILENT, Tracing

SUBMITTING = (State.READY, State.SUBMITTING, State.WITHDRAWING)
FOLLOWING = (State.SUBMITTED, State.REPORTED)
GATHER_SECONDS, _MOST_AHEAD = 0.25, 96
_FIRST_PAUSE_SECONDS = 0.02

DispatcherFor = Callable[[str], Dispatcher]
"""Makes a dispatcher for a profile, with an HTTP client of its own."""


class SendingPump:
    """One thread that owns the ledger's side, and workers that only speak HTTP.

    Credits are claimed ahead of the workers, where the pace allows it and as many as PARS is quick
    to take: so the workers go on while what came back is written, some in each transaction.
    """

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
        readiness: Readiness | None = None,
        meters: Meters | None = None,
        tracing: Tracing = SILENT,
        before_claiming: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._states, self._claims, self._lines = states, claims, dict(lines)
        self._dispatcher_for, self._workers = dispatcher_for, workers
        self._idle_seconds, self._clock = idle_seconds, clock
        self._readiness, self._meters = readiness or Readiness(clock), meters or Meters()
        self._tracing = tracing
        self._under_way: dict[Future[Exchange], Claim] = {}
        self._back: deque[Future[Exchange]] = deque()
        self._came, self._enough = threading.Event(), 1
        self._unsettled: list[Exchange] = []
        self._started = False
        self._threads = threading.local()
        self._before_claiming = before_claiming
        self._log = structlog.get_logger().bind(pump=name)

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop; then settle what is under way."""
        pause = _FIRST_PAUSE_SECONDS
        with ThreadPoolExecutor(self._workers, f"{self.name}-worker") as pool:
            while not stop.is_set():
                if self.turn(pool):
                    pause = _FIRST_PAUSE_SECONDS
                else:
                    # Soon at first: where one credit has come, more are on their way.
                    self._clock.wait(stop, min(pause, self._idle_seconds))
                    pause = min(2 * pause, self._idle_seconds)
                self._readiness.turned(self.name)
            for waiting in self._under_way:
                waiting.cancel()
            wait(self._under_way)
            self.turn(pool, claim=False)

    def turn(self, pool: ThreadPoolExecutor, *, claim: bool = True) -> bool:
        """Settle what has come back, claim what is due, hand it out; False when idle."""
        self._collect()
        try:
            claimed = self._settle_and_claim(claim=claim)
        except LedgerUnavailable as error:
            self._readiness.bad("ledger", self.name, str(error))
            return False
        self._readiness.good("ledger", self.name)
        for one in claimed:
            under_way = pool.submit(self._carry, one, self._lines[one.profile].is_open)
            self._under_way[under_way] = one
            under_way.add_done_callback(self._put_back)
        if self._under_way:
            self._await_some()
        return bool(self._under_way or self._unsettled)

    # ------------------------------------------------------------ what comes back

    def _put_back(self, done: Future[Exchange]) -> None:
        self._back.append(done)
        if len(self._back) >= self._enough:
            self._came.set()

    def _await_some(self) -> None:
        """Wait for one to come back; while there is work ahead, for more, but not for long."""
        self._enough = max(1, (len(self._under_way) - self._workers) // 2)
        if len(self._back) < self._enough:
            self._came.wait(min(self._idle_seconds, GATHER_SECONDS))
        self._came.clear()
        self._collect()

    def _collect(self) -> None:
        while self._back:
            done = self._back.popleft()
            claim = self._under_way.pop(done)
            never = done.cancelled()
            back = given_back(claim, self._clock.now()) if never else done.result()
            self._unsettled.append(back)

    # ------------------------------------------------------------ the ledger's side

    def _settle_and_claim(self, *, claim: bool) -> list[Claim]:
        if not self._unsettled and not (claim and self._any_due()):
            return []
        if claim:
            self._before_claiming()
        settlements = [exchange.settlement for exchange in self._unsettled]
        with self._claims.ledger.begin() as db:
            now = self._clock.now()
            before = self._lines_now(db)
            settled = self._claims.settle(db, settlements, now)
            after = _learned(before, self._unsettled, now)
            claimed = self._claim(db, after, now) if claim else []
            linebook.write(db, (line for name, line in after.items() if line != before[name]))
        tell_settled(self._log, self._unsettled, settled)
        tell_lines(self._log, before, after, self._unsettled)
        tell_readiness(self._readiness, after, self._unsettled)
        self._meters.ended(self._unsettled, now)
        self._lines, self._started = after, True
        self._unsettled.clear()
        return claimed

    def _lines_now(self, db: Connection) -> dict[str, Line]:
        lines, now = linebook.stand(db, self._lines), self._clock.now()
        if self._started:
            return lines
        return {name: line.resumed(now) for name, line in lines.items()}

    def _claim(self, db: Connection, lines: dict[str, Line], now: datetime) -> list[Claim]:
        claimed: list[Claim] = []
        for name, line in lines.items():
            allowed = line.allows(self._room(line) - len(claimed), now)
            mine = self._claims.claim(db, name, self._states, allowed, now) if allowed > 0 else []
            lines[name] = line.started(len(mine), now) if mine else line
            claimed += mine
        return claimed

    def _room(self, line: Line) -> int:
        """How many may be claimed: ahead of the workers too, while PARS serves."""
        ahead = min(_MOST_AHEAD, self._workers + 2 * len(self._unsettled))
        return self._workers + (ahead if line.is_steady else 0) - len(self._under_way)

    def _any_due(self) -> bool:
        now = self._clock.now()
        with self._claims.ledger.read() as db:
            lines = self._lines_now(db).values()
            may_claim = any(line.allows(self._room(line), now) > 0 for line in lines)
            return may_claim and self._claims.any_due(db, self._states, now)

    # ------------------------------------------------------------ workers

    def _carry(self, claim: Claim, probe: bool) -> Exchange:
        dispatchers: dict[str, Dispatcher] = self._threads.__dict__
        if claim.profile not in dispatchers:
            dispatchers[claim.profile] = self._dispatcher_for(claim.profile)
        line = self._lines[claim.profile]
        if line.is_open and not probe:
            return given_back(claim, self._clock.now())  # claimed when PARS still served
        with self._tracing.span(
            CREDIT,
            after=claim.traces[0] if claim.traces else "",
            links=claim.traces[1:],
            profile=claim.profile,
            credit_id=claim.credit_id,
        ) as tell:
            exchange = dispatchers[claim.profile].carry(claim, line.last_success_at)
            done = exchange.settlement
            outcome = done.attempts[-1].outcome if done.attempts else ""
            tell(state=done.state.value, outcome=outcome)
            return exchange


def _learned(
    lines: Mapping[str, Line], exchanges: Sequence[Exchange], now: datetime
) -> dict[str, Line]:
    of: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        of.setdefault(exchange.settlement.claim.profile, []).append(exchange)
    return {n: line.ended(of[n], now) if n in of else line for n, line in lines.items()}
