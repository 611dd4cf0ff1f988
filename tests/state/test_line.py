"""The line to PARS, beside a few counters: one probe at a time, and never faster than the pace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.credit import State
from consumer.dealings import Exchange, Signal
from consumer.ledger.claims import Attempt, Claim, Settlement
from consumer.pumps.breaker import Breaker
from consumer.pumps.line import Line
from consumer.pumps.pace import Pace
from tests.fakes import MORNING, FakeClock
from tests.state.walk import FREELY
from tests.unit.samples import RECORD

THRESHOLD, PAUSE, STOPPED_PAUSE, PROBE = 3, 60.0, 900.0, 20.0
ASK, ADD = Attempt("ask", 404, "absent"), Attempt("add", 200, "done")
HAIR = 1e-6
CLAIM = Claim(
    row=1,
    fence=1,
    lease_until=MORNING + timedelta(seconds=300),
    profile="main",
    state=State.READY,
    ask=False,
    credit_id="ccid:example.org:abc-r1",
    revision=1,
    record=RECORD,
    sent=RECORD,
    resend=False,
    accepted_too=False,
    reasons=(),
    tries=0,
    absent_at=None,
    first_try_at=None,
    last_try_at=None,
    submitted_at=None,
)


@dataclass(frozen=True, slots=True)
class Left:
    """Requests that left us, when we knew of them."""

    at: float
    count: int


class OneLine(RuleBasedStateMachine):
    """Senders of one profile; `shut_until` is when a probe may leave, None while all may.

    `away_until` is when a probe that is away is given up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.under_way = 0
        self.failures = 0
        self.shut_until: float | None = None
        self.away_until = 0.0
        self.left: list[Left] = []

    @initialize(rate=st.sampled_from([0.5, 1.0, 4.0, 50.0]), burst=st.sampled_from([1.0, 8.0]))
    def open(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        breaker = Breaker(THRESHOLD, PAUSE, STOPPED_PAUSE, PROBE)
        self.line = Line("main", breaker, Pace(rate, burst))

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    # ------------------------------------------------------------ what happens

    @rule(wanted=st.integers(0, 12))
    def send(self, wanted: int) -> None:
        allowed = self.allows(wanted)
        assert 0 <= allowed <= wanted
        if self.shut_until is not None:
            assert self.now >= self.shut_until or allowed == 0, "sent into an outage"
            assert allowed <= (self.now >= self.away_until), "two probes"
            if allowed:
                self.away_until = self.now + PROBE
        self.line = self.line.started(allowed, self.clock.now())
        self.under_way += allowed
        self.left.append(Left(self.now, allowed))
        if allowed:
            self.no_window_is_too_full()

    def no_window_is_too_full(self) -> None:
        """What leaves now is within the pace, whichever moment we count from."""
        count = 0
        for left in reversed(self.left):
            count += left.count
            assert count <= self.burst + self.rate * (self.now - left.at) + HAIR

    @precondition(lambda self: self.under_way)
    @rule(
        what=st.sampled_from(["serves", "serves", "fails", "fails", "refuses", "is not asked"]),
        requests=st.integers(1, 3),
        retry_after=st.sampled_from([None, None, 0.0, 5.0, 600.0]),
    )
    def pars(self, what: str, requests: int, retry_after: float | None) -> None:
        match what:
            case "serves":
                self.serves(requests)
            case "fails":
                self.fails(requests, retry_after)
            case "refuses":
                self.refuses_the_profile()
            case _:
                self.is_not_asked()

    def serves(self, requests: int) -> None:
        self.end(Signal.WELL, (*(ASK,) * (requests - 1), ADD))
        self.failures, self.shut_until, self.away_until = 0, None, 0.0
        assert self.line.last_success_at == self.clock.now()

    def fails(self, requests: int, retry_after: float | None) -> None:
        self.end(Signal.FAILED, (ASK,) * requests, retry_after)
        self.failures += 1
        if self.failures >= THRESHOLD or retry_after is not None or self.shut_until is not None:
            self.shut(max(PAUSE, retry_after or 0.0))

    def refuses_the_profile(self) -> None:
        self.end(Signal.STOPPED, (ASK,))
        self.failures += 1
        self.shut(STOPPED_PAUSE)

    def is_not_asked(self) -> None:
        """The lease had become too short."""
        self.end(Signal.SILENT, ())

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, PAUSE, STOPPED_PAUSE]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(retry_after=st.sampled_from([None, 5.0, 600.0]), failing=st.integers(1, 4))
    def an_outage_hits_a_crowd(self, retry_after: float | None, failing: int) -> None:
        """Some have failed, others are still under way when the pause is over."""
        self.send(8)
        for after in [retry_after, *[None] * (min(failing, self.under_way) - 1)]:
            if self.under_way:
                self.fails(1, after)
        if self.shut_until is not None and self.shut_until > self.now + 1:
            self.clock.advance(self.shut_until - self.now - 1)
            assert self.allows(9) == 0
            self.clock.advance(1)
            self.send(9)

    @precondition(lambda self: self.shut_until is not None)
    @rule()
    def the_outage_ends(self) -> None:
        """Whatever went before: when all are back and the pause is over, one probe reopens it."""
        while self.under_way:
            self.is_not_asked()
        self.clock.advance(
            max(0.0, (self.shut_until or 0.0) - self.now, self.away_until - self.now)
        )
        self.clock.advance(len(self.left) * 3 / self.rate + 1)
        assert self.allows(5) == 1
        self.send(5)
        self.serves(1)
        self.clock.advance(1 / self.rate)
        assert self.allows(5) >= 1

    @precondition(lambda self: self.shut_until is not None)
    @rule()
    def a_service_starts(self) -> None:
        """Whoever put refused credentials right does not wait for the long pause to end."""
        stopped = self.line.breaker.stopped
        self.line = self.line.resumed(self.clock.now())
        if stopped:
            self.shut_until, self.away_until = self.now, 0.0

    # ------------------------------------------------------------ the model

    def allows(self, wanted: int) -> int:
        return self.line.allows(wanted, self.clock.now())

    def end(
        self, signal: Signal, attempts: tuple[Attempt, ...], retry_after: float | None = None
    ) -> None:
        settlement = Settlement(CLAIM, State.SUBMITTING, attempts=attempts)
        exchange = Exchange(settlement, signal, retry_after)
        self.line = self.line.ended([exchange], self.clock.now())
        self.under_way -= 1
        self.left.append(Left(self.now, max(0, len(attempts) - 1)))

    def shut(self, seconds: float) -> None:
        self.away_until = 0.0
        self.shut_until = max(self.shut_until or 0.0, self.now + seconds)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def it_says_whether_it_is_shut(self) -> None:
        assert self.line.is_open == (self.shut_until is not None)

    @precondition(lambda self: self.shut_until is not None and self.now < self.shut_until)
    @invariant()
    def nothing_leaves_while_it_is_shut(self) -> None:
        assert self.allows(9) == 0


TestOneLine = OneLine.TestCase
TestOneLine.settings = FREELY
