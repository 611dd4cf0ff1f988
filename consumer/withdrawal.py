"""Withdrawing, top to bottom: from a credit that has to go to PARS's word that it is gone."""

from __future__ import annotations

from datetime import datetime

from consumer.credit import State
from consumer.dealings import Dealings, Exchange
from consumer.fate import Absent, Done, Doubtful, Found, Refused, Retry, StopLine, Unclear, Verdict
from consumer.ledger.claims import Attempt, Claim
from consumer.pars.port import Action
from consumer.reason import Reason, Stage


class Withdrawal(Dealings):
    """Has PARS delete what it was sent; only asking, and finding nothing, proves that."""

    def carry(self, claim: Claim, last_success_at: datetime | None) -> Exchange:
        """Ask first, delete what is there, ask again. Raises Stopped for a bad document."""
        fate, attempt = self._ask(claim)
        match fate:
            case Found(Verdict.ACCEPTED) if not claim.accepted_too:
                return self._accepted_meanwhile(claim, attempt)
            case Found(credit_id=credit_id) if credit_id:
                return self._delete(claim, credit_id, attempt, last_success_at)
            case Found():
                return self._refuse(claim, (Reason(Stage.PARS, "no_credit_id"),), (attempt,))
            case Absent() if not self._surely_absent(claim):
                return self._ask_again(claim, attempt)
            case Absent() if claim.ask and claim.submitted_at is not None:
                # PARS took this once, and was never told to delete it: a wrong "not found" must
                # not bring the next revision in beside a record that is there.
                return self._delete(claim, claim.credit_id, attempt, last_success_at)
            case Absent():
                return self._gone(claim, (attempt,))
            case Doubtful(reason):
                return self._refuse(claim, (reason,), (attempt,))
            case Retry() | StopLine():
                return self._not_now(claim, fate, (attempt,), last_success_at)

    def _delete(
        self, claim: Claim, credit_id: str, asked: Attempt, last_success_at: datetime | None
    ) -> Exchange:
        if self._lease_too_short(claim):
            return self._give_back(claim, (asked,))
        fate, attempt = self._save(claim.sent, credit_id, Action.DELETE)
        attempts = (asked, attempt)
        match fate:
            case Unclear(Reason(code="record_unknown")) if asked.outcome == "absent":
                return self._gone(claim, attempts)
            case Done() | Unclear():
                # Only asking, and finding nothing, proves a withdrawal.
                if self._exhausted(claim, claim.tries + 1):
                    return self._refuse(claim, (Reason(Stage.PARS, "still_there"),), attempts)
                values = self._tried(claim, claim.tries + 1) | {"absent_at": None, "ask": False}
                values["due_at"] = self._after(self._policy.grace_seconds)
                return self._exchange(claim, State.WITHDRAWING, values, attempts)
            case Refused(reasons):
                return self._refuse(claim, reasons, attempts)
            case Retry() | StopLine():
                return self._not_now(claim, fate, attempts, last_success_at)
