"""The sending half of the way, top to bottom: from a claimed credit to what PARS made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from consumer.clock import Clock
from consumer.credit import State
from consumer.fate import (
    Absent,
    Done,
    Found,
    Refused,
    Retry,
    SendFate,
    StatusFate,
    StopLine,
    Unclear,
    Verdict,
)
from consumer.ledger.claims import Attempt, Claim, Settlement
from consumer.pars.port import Action, Pars
from consumer.pars.verdicts import fate_of_save, fate_of_status
from consumer.pumps.backoff import Backoff
from consumer.reason import Reason, Stage, Stopped, pack_reasons

MAYBE_NOT_OURS = "duplicate_answer"
"""Reason code of the fate table's duplicate row: asking must find our record (design 6)."""


class Signal(StrEnum):
    """What an exchange says about PARS itself, for the profile's breaker."""

    WELL = "well"
    FAILED = "failed"
    STOPPED = "stopped"
    SILENT = "silent"  # nothing was asked of it


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to ask PARS for the board's decision (dossier 6); all in seconds after sending."""

    first_seconds: float = 3600
    every_seconds: float = 4 * 3600
    until_seconds: float = 48 * 3600
    later_seconds: float = 24 * 3600
    absent_seconds: float = 24 * 3600

    def next_ask(self, sent_at: datetime, now: datetime) -> datetime:
        """The next time to ask; it never stops, a late verdict is a verdict."""
        age = (now - sent_at).total_seconds()
        if age < self.first_seconds:
            return sent_at + timedelta(seconds=self.first_seconds)
        step = self.every_seconds if age < self.until_seconds else self.later_seconds
        return now + timedelta(seconds=step)


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds of sending."""

    backoff: Backoff
    schedule: Schedule
    request_seconds: float
    grace_seconds: float
    max_tries: int
    max_retry_seconds: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """One claim's dealings with PARS: what to write, and how PARS itself seems."""

    settlement: Settlement
    signal: Signal
    retry_after_seconds: float | None = None


class Dispatcher:
    """Carries one claim to PARS and says what is to be written; one per worker thread."""

    def __init__(self, pars: Pars, policy: Policy, clock: Clock) -> None:
        self._pars, self._policy, self._clock = pars, policy, clock

    def carry(self, claim: Claim, last_success_at: datetime | None) -> Exchange:
        """Ask, send or withdraw, as the claim's state wants. Never raises for what PARS does."""
        if self._lease_too_short(claim):
            return self._give_back(claim)
        if claim.state is State.SUBMITTED:
            return self._follow(claim)
        if claim.state is State.WITHDRAWING:
            return self._withdraw(claim, last_success_at)
        return self._submit(claim, last_success_at)

    # ------------------------------------------------------------ submit

    def _submit(self, claim: Claim, last_success_at: datetime | None) -> Exchange:
        if not claim.ask:
            return self._post(claim, last_success_at, ())
        fate, attempt = self._ask(claim)
        match fate:
            case Found():
                return self._found(claim, fate, attempt)
            case Absent() if not self._surely_absent(claim):
                return self._ask_again(claim, attempt)
            case Absent() if MAYBE_NOT_OURS in {reason.code for reason in claim.reasons}:
                reason = Reason(Stage.PARS, "duplicate_not_ours")
                return self._refuse(claim, (reason,), (attempt,))
            case Absent():
                return self._post(claim, last_success_at, (attempt,))
            case Retry() | StopLine():
                return self._not_now(claim, fate, (attempt,), last_success_at)

    def _post(
        self, claim: Claim, last_success_at: datetime | None, before: tuple[Attempt, ...]
    ) -> Exchange:
        try:
            fate, attempt = self._save(claim, Action.ADD)
        except Stopped as stopped:
            return self._refuse(claim, stopped.reasons, before, Signal.SILENT)
        attempts = (*before, attempt)
        match fate:
            case Done():
                return self._sent(claim, attempts)
            case Refused(reasons):
                return self._refuse(claim, reasons, attempts)
            case Unclear(reason):
                return self._unclear(claim, reason, attempts)
            case Retry() | StopLine():
                return self._not_now(claim, fate, attempts, last_success_at)

    def _sent(self, claim: Claim, attempts: tuple[Attempt, ...]) -> Exchange:
        now = self._clock.now()
        due = self._policy.schedule.next_ask(now, now)
        values = {
            "submitted_at": now,
            "due_at": due,
            "tries": 0,
            "absent_at": None,
            "reasons": "[]",
        }
        settlement = Settlement(claim, State.SUBMITTED, values, (), attempts, posted=True)
        return Exchange(settlement, Signal.WELL)

    def _found(self, claim: Claim, fate: Found, attempt: Attempt) -> Exchange:
        now = self._clock.now()
        if claim.state is not State.SUBMITTED and claim.record != claim.sent:
            # PARS has what was sent before the correction: take that back, then send this.
            values: dict[str, object] = {"resend": True, "absent_at": None, "due_at": now}
            return self._exchange(claim, State.WITHDRAWING, values, (attempt,))
        sent_at = claim.submitted_at or now
        values = {"submitted_at": sent_at, "tries": 0, "absent_at": None, "reasons": "[]"}
        match fate.verdict:
            case Verdict.ACCEPTED:
                decided = values | {"decided_at": now}
                return self._exchange(claim, State.ACCEPTED, decided, (attempt,))
            case Verdict.REJECTED:
                reasons = (fate.reason or Reason(Stage.BOARD, "board_rejected"),)
                decided = values | {"decided_at": now}
                return self._exchange(claim, State.REJECTED, decided, (attempt,), reasons)
            case Verdict.PENDING | Verdict.UNKNOWN:
                values["due_at"] = self._policy.schedule.next_ask(sent_at, now)
                return self._exchange(claim, State.SUBMITTED, values, (attempt,))

    def _unclear(self, claim: Claim, reason: Reason, attempts: tuple[Attempt, ...]) -> Exchange:
        if self._exhausted(claim, claim.tries + 1):
            return self._refuse(claim, (reason,), attempts)
        values = self._tried(claim, claim.tries + 1) | {
            "ask": True,
            "absent_at": None,
            "due_at": self._after(self._policy.grace_seconds),
            "reasons": pack_reasons((reason,)),
        }
        return self._exchange(claim, State.SUBMITTING, values, attempts)

    # ------------------------------------------------------------ withdraw

    def _withdraw(self, claim: Claim, last_success_at: datetime | None) -> Exchange:
        fate, attempt = self._ask(claim)
        match fate:
            case Found():
                return self._delete(claim, attempt, last_success_at)
            case Absent() if not self._surely_absent(claim):
                return self._ask_again(claim, attempt)
            case Absent():
                return self._gone(claim, attempt)
            case Retry() | StopLine():
                return self._not_now(claim, fate, (attempt,), last_success_at)

    def _delete(self, claim: Claim, asked: Attempt, last_success_at: datetime | None) -> Exchange:
        fate, attempt = self._save(claim, Action.DELETE)
        attempts = (asked, attempt)
        match fate:
            case Done() | Unclear():
                # Only asking, and finding nothing, proves a withdrawal.
                values = {"absent_at": None, "due_at": self._after(self._policy.grace_seconds)}
                return self._exchange(claim, State.WITHDRAWING, values, attempts)
            case Refused(reasons):
                return self._still_there(claim, reasons, attempts)
            case Retry() | StopLine():
                return self._not_now(claim, fate, attempts, last_success_at)

    def _still_there(
        self, claim: Claim, reasons: tuple[Reason, ...], attempts: tuple[Attempt, ...]
    ) -> Exchange:
        # A person sees it now; PARS is asked again tomorrow, should somebody delete it by hand.
        values = {"absent_at": None, "due_at": self._after(24 * 3600)}
        return self._exchange(claim, State.WITHDRAWING, values, attempts, reasons)

    def _gone(self, claim: Claim, attempt: Attempt) -> Exchange:
        values: dict[str, object] = {"absent_at": None, "tries": 0, "reasons": "[]"}
        if not claim.resend:
            return self._exchange(claim, State.WITHDRAWN, values, (attempt,))
        values |= {"resend": False, "ask": False, "due_at": self._clock.now()}
        values |= {"revision": _revision(claim) + 1, "credit_id": None, "submitted_at": None}
        return self._exchange(claim, State.READY, values, (attempt,))

    # ------------------------------------------------------------ follow

    def _follow(self, claim: Claim) -> Exchange:
        fate, attempt = self._ask(claim)
        match fate:
            case Found():
                return self._found(claim, fate, attempt)
            case Absent():
                return self._vanished(claim, attempt)
            case Retry() | StopLine():
                return self._not_now(claim, fate, (attempt,), None)

    def _vanished(self, claim: Claim, attempt: Attempt) -> Exchange:
        now, schedule = self._clock.now(), self._policy.schedule
        sent_at = claim.submitted_at or now
        if (now - sent_at).total_seconds() >= schedule.absent_seconds:
            reason = Reason(Stage.PARS, "vanished", detail="PARS took it and no longer knows it")
            return self._refuse(claim, (reason,), (attempt,))
        values = {"due_at": schedule.next_ask(sent_at, now)}
        return self._exchange(claim, State.SUBMITTED, values, (attempt,))

    # ------------------------------------------------------------ what they share

    def _ask(self, claim: Claim) -> tuple[StatusFate, Attempt]:
        reply = self._pars.status(claim.credit_id)
        fate = fate_of_status(reply, claim.credit_id)
        return fate, Attempt("ask", reply.status, _named(fate))

    def _save(self, claim: Claim, action: Action) -> tuple[SendFate, Attempt]:
        record = claim.sent if action is Action.DELETE else claim.record
        reply = self._pars.save(record, claim.credit_id, action)
        fate = fate_of_save(reply)
        return fate, Attempt(action.value, reply.status, _named(fate))

    def _surely_absent(self, claim: Claim) -> bool:
        """An early "not found" proves nothing: it counts when it is still so after the grace."""
        if claim.absent_at is None:
            return False
        return self._clock.now() >= claim.absent_at + timedelta(seconds=self._policy.grace_seconds)

    def _ask_again(self, claim: Claim, attempt: Attempt) -> Exchange:
        now = self._clock.now()
        first = claim.absent_at or now
        values = {
            "absent_at": first,
            "due_at": first + timedelta(seconds=self._policy.grace_seconds),
        }
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
        served = last_success_at is not None and last_success_at > claim.last_try_at
        return claim.tries + served

    def _exhausted(self, claim: Claim, tries: int) -> bool:
        started = claim.first_try_at or self._clock.now()
        elapsed = (self._clock.now() - started).total_seconds()
        return tries >= self._policy.max_tries or elapsed >= self._policy.max_retry_seconds

    def _tried(self, claim: Claim, tries: int) -> dict[str, object]:
        now = self._clock.now()
        return {"tries": tries, "first_try_at": claim.first_try_at or now, "last_try_at": now}

    def _refuse(
        self,
        claim: Claim,
        reasons: tuple[Reason, ...],
        attempts: tuple[Attempt, ...],
        signal: Signal = Signal.WELL,
    ) -> Exchange:
        values = {"last_try_at": self._clock.now(), "absent_at": None}
        settlement = Settlement(claim, State.ATTENTION, values, reasons, attempts)
        return Exchange(settlement, signal)

    def _exchange(
        self,
        claim: Claim,
        state: State,
        values: Mapping[str, object],
        attempts: tuple[Attempt, ...],
        refused: tuple[Reason, ...] = (),
    ) -> Exchange:
        return Exchange(Settlement(claim, state, values, refused, attempts), Signal.WELL)

    def _lease_too_short(self, claim: Claim) -> bool:
        needed = timedelta(seconds=self._policy.request_seconds)
        return self._clock.now() + needed >= claim.lease_until

    def _give_back(self, claim: Claim) -> Exchange:
        state = State.SUBMITTING if claim.state is State.READY and claim.ask else claim.state
        values = {"ask": claim.ask, "due_at": self._clock.now()}
        return Exchange(Settlement(claim, state, values), Signal.SILENT)

    def _after(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)


def _named(fate: SendFate | StatusFate) -> str:
    match fate:
        case Found(verdict):
            return f"found_{verdict.value}"
        case Refused(reasons):
            return reasons[0].code
        case Unclear(reason) | Retry(reason) | StopLine(reason):
            return reason.code
        case Done():
            return "done"
        case Absent():
            return "absent"


def _revision(claim: Claim) -> int:
    return int(claim.credit_id.rpartition("-r")[2])
