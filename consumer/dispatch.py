"""The sending half of the way, top to bottom: from a claimed credit to what PARS made of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from consumer.clock import Clock
from consumer.credit import State
from consumer.dealings import Dealings, Exchange, Policy, Signal
from consumer.fate import Absent, Done, Doubtful, Found, Refused, Retry, StopLine, Unclear, Verdict
from consumer.ledger.claims import Attempt, Claim, Settlement
from consumer.outcome import FRESH, is_later
from consumer.pars.port import Action, Pars
from consumer.pars.verdicts import credits_shown
from consumer.reason import Reason, Stage, Stopped, pack_reasons
from consumer.withdrawal import Withdrawal

MAYBE_NOT_OURS = "duplicate_answer"
"""Reason code of the fate table's duplicate row: asking must find our record (design 6)."""
NOT_UNDERSTOOD = "answer_not_understood"
FOLLOWED = {State.SUBMITTED, State.REPORTED, State.ACCEPTED, State.REJECTED}
"""Decided ones too: a ledger that was put back from a backup asks about them again."""
USED_UP = "credit_id_used_up"
"""Reason code: PARS let go of this ID once; a ledger that was lost since cannot know."""


class Dispatcher(Dealings):
    """Carries one claim to PARS and says what is to be written; one per worker thread."""

    def __init__(self, pars: Pars, policy: Policy, clock: Clock) -> None:
        super().__init__(pars, policy, clock)
        self._withdrawal = Withdrawal(pars, policy, clock)

    def carry(self, claim: Claim, last_success_at: datetime | None) -> Exchange:
        """Ask, send or withdraw, as the claim's state wants. Never raises for what PARS does."""
        if self._lease_too_short(claim):
            return self._give_back(claim)
        try:
            return self._carry(claim, last_success_at)
        except Stopped as stopped:
            # Our own document is at fault: it was not sent.
            return self._refuse(claim, stopped.reasons, (), Signal.SILENT)

    def _carry(self, claim: Claim, last_success_at: datetime | None) -> Exchange:
        if claim.state in FOLLOWED:
            return self._follow(claim)
        if claim.state is State.WITHDRAWING:
            return self._withdrawal.carry(claim, last_success_at)
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
            case Absent() if claim.record != claim.sent:
                return self._start_over(claim, attempt)
            case Absent():
                return _undoubted(self._post(claim, last_success_at, (attempt,)))
            case Doubtful(reason):
                return self._refuse(claim, (reason,), (attempt,))
            case Retry() | StopLine():
                return self._not_now(claim, fate, (attempt,), last_success_at)

    def _start_over(self, claim: Claim, attempt: Attempt) -> Exchange:
        """PARS has nothing of it: the next claim writes down the corrected record, and sends it.

        A crash after a post must find written what PARS has: a delete has to repeat it.
        """
        values = {"ask": False, "absent_at": None, "due_at": self._clock.now()}
        return _undoubted(self._exchange(claim, State.READY, values, (attempt,)))

    def _post(
        self, claim: Claim, last_success_at: datetime | None, before: tuple[Attempt, ...]
    ) -> Exchange:
        if before and self._lease_too_short(claim):
            return self._give_back(claim, before)
        fate, attempt = self._save(claim.record, claim.credit_id, Action.ADD)
        attempts = (*before, attempt)
        match fate:
            case Done():
                return self._sent(claim, attempts)
            case Refused(reasons) if reasons[0].code == USED_UP:
                return self._used_up(claim, reasons, attempts)
            case Refused(reasons):
                return self._refuse(claim, reasons, attempts)
            case Unclear(reason):
                return self._unclear(claim, reason, attempts)
            case Retry() | StopLine():
                return self._not_now(claim, fate, attempts, last_success_at)

    def _used_up(
        self, claim: Claim, reasons: tuple[Reason, ...], attempts: tuple[Attempt, ...]
    ) -> Exchange:
        """Go on with the revision that PARS has, or with the next; it is asked about first."""
        tries = claim.tries + 1
        if self._exhausted(claim, tries):
            return self._refuse(claim, reasons, attempts)
        values = self._tried(claim, tries) | {"ask": True, "absent_at": None}
        values |= {"revision": self._revision_there(claim), "credit_id": None}
        return self._exchange(claim, State.READY, values | {"due_at": self._clock.now()}, attempts)

    def _revision_there(self, claim: Claim) -> int:
        stem = claim.credit_id.rpartition("-r")[0] + "-r"
        try:
            shown = credits_shown(self._pars.status_by_learner(claim.record))
        except Stopped:
            shown = ()  # without a birth date the revisions are asked about one after the other
        ids = [one.credit_id for one in shown] if isinstance(shown, tuple) else []
        ours = [one.removeprefix(stem) for one in ids if one.startswith(stem)]
        return max((int(one) for one in ours if one.isdecimal()), default=claim.revision + 1)

    def _sent(self, claim: Claim, attempts: tuple[Attempt, ...]) -> Exchange:
        now = self._clock.now()
        values = FRESH | {"submitted_at": now, "reasons": "[]"}
        values["due_at"] = self._policy.schedule.next_ask(now, now)
        settlement = Settlement(claim, State.SUBMITTED, values, (), attempts, posted=True)
        return Exchange(settlement, Signal.WELL)

    def _found(self, claim: Claim, fate: Found, attempt: Attempt) -> Exchange:
        differs = claim.record != claim.sent and not is_later(claim, fate)
        if claim.state not in FOLLOWED and differs:
            return self._found_uncorrected(claim, fate, attempt)
        return self._stands(claim, fate, attempt)

    def _found_uncorrected(self, claim: Claim, fate: Found, attempt: Attempt) -> Exchange:
        """PARS has what was sent before the correction: take that back, then send this."""
        if fate.verdict is Verdict.ACCEPTED and not claim.accepted_too:
            return self._accepted_meanwhile(claim, attempt)
        values = FRESH | {"resend": True, "due_at": self._clock.now()}
        return self._exchange(claim, State.WITHDRAWING, values, (attempt,))

    def _unclear(self, claim: Claim, reason: Reason, attempts: tuple[Attempt, ...]) -> Exchange:
        # An answer that nobody understands is a gateway's or a maintenance page's, as a rule.
        signal = Signal.FAILED if reason.code == NOT_UNDERSTOOD else Signal.WELL
        if self._exhausted(claim, claim.tries + 1):
            return self._refuse(claim, (reason,), attempts, signal)
        values = self._tried(claim, claim.tries + 1) | {
            "ask": True,
            "absent_at": None,
            "due_at": self._after(self._policy.grace_seconds),
            "reasons": pack_reasons((reason,)),
        }
        return Exchange(Settlement(claim, State.SUBMITTING, values, (), attempts), signal)

    # ------------------------------------------------------------ follow

    def _follow(self, claim: Claim) -> Exchange:
        fate, attempt = self._ask(claim)
        match fate:
            case Found():
                return self._found(claim, fate, attempt)
            case Absent():
                by_file = claim.state is State.REPORTED
                reason = Reason(Stage.PARS, "not_uploaded" if by_file else "vanished")
                return self._vanished(claim, attempt, reason)
            case Doubtful(reason):
                return self._vanished(claim, attempt, reason)
            case Retry() | StopLine():
                return self._not_now(claim, fate, (attempt,), None)

    def _vanished(self, claim: Claim, attempt: Attempt, reason: Reason) -> Exchange:
        now, schedule = self._clock.now(), self._policy.schedule
        sent_at, by_file = claim.submitted_at or now, claim.state is State.REPORTED
        patience = schedule.upload_seconds if by_file else schedule.absent_seconds
        if (now - sent_at).total_seconds() >= patience:
            return self._refuse(claim, (reason,), (attempt,))
        values = {"due_at": schedule.next_ask(sent_at, now)}
        return self._exchange(claim, claim.state, values, (attempt,))


def _undoubted(exchange: Exchange) -> Exchange:
    """PARS surely has nothing of it: from here on the ledger knows itself what became of it."""
    settlement = exchange.settlement
    values = {**settlement.values, "restored_at": None}
    return replace(exchange, settlement=replace(settlement, values=values))
