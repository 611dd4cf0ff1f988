"""One credit's dealings with PARS: what sending, withdrawing and following share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from consumer.clock import Clock
from consumer.credit import State
from consumer.fate import Found, Retry, SendFate, StatusFate, StopLine
from consumer.ledger.claims import Attempt, Claim, Settlement
from consumer.outcome import FRESH, found, gone
from consumer.pars.port import Action, Pars
from consumer.pars.verdicts import fate_of_save, fate_of_status
from consumer.participant import Record
from consumer.pumps.backoff import Backoff
from consumer.pumps.schedule import Schedule
from consumer.reason import Reason, Stage
from consumer.search import search


class Signal(StrEnum):
    """What an exchange says about PARS itself, for the profile's breaker."""

    WELL = "well"
    FAILED = "failed"
    STOPPED = "stopped"
    SILENT = "silent"  # nothing was asked of it


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds of sending."""

    backoff: Backoff
    schedule: Schedule
    request_seconds: float
    grace_seconds: float
    max_tries: int
    max_retry_seconds: float
    overtaken_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One claim's dealings with PARS: what to write, and how PARS itself seems."""

    settlement: Settlement
    signal: Signal
    retry_after_seconds: float | None = None


class Dealings:
    """Asks and posts for one claim, and says what is to be written; one per worker thread."""

    def __init__(self, pars: Pars, policy: Policy, clock: Clock) -> None:
        self._pars, self._policy, self._clock = pars, policy, clock

    def _ask(self, claim: Claim) -> tuple[StatusFate, Attempt]:
        if claim.restored and not (claim.state is State.WITHDRAWING and claim.resend):
            return search(self._pars, claim)
        by_fields = claim.among and self._pars.status_by_learner(claim.sent)
        reply = by_fields or self._pars.status(claim.credit_id)
        fate = fate_of_status(reply, claim.credit_id, claim.among)
        return fate, Attempt.of("ask", reply, fate, claim.credit_id)

    def _save(self, record: Record, credit_id: str, action: Action) -> tuple[SendFate, Attempt]:
        reply = self._pars.save(record, credit_id, action)
        fate = fate_of_save(reply)
        return fate, Attempt.of(action.value, reply, fate, credit_id)

    def _surely_absent(self, claim: Claim) -> bool:
        """An early "not found" proves nothing: it counts when it is still so after the grace."""
        if claim.absent_at is None:
            return False
        return self._clock.now() >= claim.absent_at + timedelta(seconds=self._policy.grace_seconds)

    def _ask_again(self, claim: Claim, attempt: Attempt) -> Exchange:
        first = claim.absent_at or self._clock.now()
        grace = timedelta(seconds=self._policy.grace_seconds)
        values = {"absent_at": first, "due_at": first + grace}
        state = State.SUBMITTING if claim.state is State.READY else claim.state
        return self._exchange(claim, state, values, (attempt,))

    def _not_now(
        self,
        claim: Claim,
        fate: Retry | StopLine,
        attempts: tuple[Attempt, ...],
        last_success_at: datetime | None,
    ) -> Exchange:
        signal = Signal.FAILED if isinstance(fate, Retry) else Signal.STOPPED
        tries = self._counted(claim, last_success_at)
        if isinstance(fate, Retry) and tries > claim.tries and self._exhausted(claim, tries):
            gave_up = Reason(Stage.PARS, "gave_up", detail=fate.reason.code)
            return self._refuse(claim, (gave_up, fate.reason), attempts, signal)
        after = fate.after_seconds if isinstance(fate, Retry) else None
        wait = max(self._policy.backoff.delay(tries), after or 0.0)
        values = self._tried(claim, tries) | {"due_at": self._after(wait)}
        state = claim.state
        if claim.state in {State.READY, State.SUBMITTING}:
            maybe_sent = claim.ask or not isinstance(fate, Retry) or fate.maybe_sent
            state = State.SUBMITTING if maybe_sent else State.READY
            values |= {"ask": maybe_sent, "absent_at": None}
        settlement = Settlement(claim, state, values, (), attempts)
        return Exchange(settlement, signal, after)

    def _counted(self, claim: Claim, last_success_at: datetime | None) -> int:
        """A try counts against the credit only if PARS served others since its last one.

        So an outage, however long, dead-letters nothing; a credit that PARS chokes on does end.
        """
        if claim.last_try_at is None:
            return 1
        served = last_success_at is not None and last_success_at >= claim.last_try_at
        return claim.tries + served

    def _exhausted(self, claim: Claim, tries: int) -> bool:
        elapsed = (self._clock.now() - self._started(claim, tries)).total_seconds()
        return tries >= self._policy.max_tries or elapsed >= self._policy.max_retry_seconds

    def _tried(self, claim: Claim, tries: int) -> dict[str, object]:
        started, now = self._started(claim, tries), self._clock.now()
        return {"tries": tries, "first_try_at": started, "last_try_at": now}

    def _started(self, claim: Claim, tries: int) -> datetime:
        """Since when this credit has been tried; an outage before now is not its own time."""
        now = self._clock.now()
        if claim.first_try_at is None or claim.last_try_at is None or tries == claim.tries:
            return now
        idle = (now - claim.last_try_at).total_seconds()
        return now if idle > self._policy.backoff.longest_seconds else claim.first_try_at

    def _refuse(
        self,
        claim: Claim,
        reasons: tuple[Reason, ...],
        attempts: tuple[Attempt, ...],
        signal: Signal = Signal.WELL,
    ) -> Exchange:
        values = {"last_try_at": self._clock.now(), "absent_at": None}
        state = State.ATTENTION
        if claim.state is State.WITHDRAWING:
            # It still has to go: asked again tomorrow, should somebody delete it by hand.
            state, values["due_at"] = State.WITHDRAWING, self._after(24 * 3600)
        return Exchange(Settlement(claim, state, values, reasons, attempts), signal)

    def _exchange(
        self,
        claim: Claim,
        state: State,
        values: Mapping[str, object],
        attempts: tuple[Attempt, ...],
        refused: tuple[Reason, ...] = (),
    ) -> Exchange:
        return Exchange(Settlement(claim, state, values, refused, attempts), Signal.WELL)

    def _stands(self, claim: Claim, fate: Found, attempt: Attempt) -> Exchange:
        """The credit stands where PARS says that it stands."""
        now = self._clock.now()
        next_ask = self._policy.schedule.next_ask(claim.submitted_at or now, now)
        return Exchange(found(claim, fate, (attempt,), now, next_ask), Signal.WELL)

    def _gone(self, claim: Claim, attempts: tuple[Attempt, ...]) -> Exchange:
        """PARS has it no more, and nobody who lost this credit will bring it in again."""
        if claim.overtaken_at is not None:
            until = claim.overtaken_at + timedelta(seconds=self._policy.overtaken_seconds)
            if self._clock.now() < until:
                values = {"absent_at": None, "due_at": until}
                return self._exchange(claim, State.WITHDRAWING, values, attempts)
        return Exchange(gone(claim, attempts, self._clock.now()), Signal.WELL)

    def _accepted_meanwhile(self, claim: Claim, attempt: Attempt) -> Exchange:
        """Nothing that the board accepted is withdrawn without a person (design 6)."""
        now = self._clock.now()
        values = FRESH | {"resend": False, "decided_at": now}
        values["submitted_at"] = claim.submitted_at or now
        reasons = (Reason(Stage.REVIEW, "accepted_meanwhile"),)
        return self._exchange(claim, State.ACCEPTED, values, (attempt,), reasons)

    def _lease_too_short(self, claim: Claim) -> bool:
        needed = timedelta(seconds=self._policy.request_seconds)
        return self._clock.now() + needed >= claim.lease_until

    def _give_back(self, claim: Claim, attempts: tuple[Attempt, ...] = ()) -> Exchange:
        return given_back(claim, self._clock.now(), attempts)

    def _after(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)


def given_back(claim: Claim, now: datetime, attempts: tuple[Attempt, ...] = ()) -> Exchange:
    """What was not sent, as it was, for whoever claims it next."""
    state = State.SUBMITTING if claim.state is State.READY and claim.ask else claim.state
    values = {"ask": claim.ask, "due_at": now}
    signal = Signal.WELL if attempts else Signal.SILENT
    return Exchange(Settlement(claim, state, values, (), attempts), signal)
