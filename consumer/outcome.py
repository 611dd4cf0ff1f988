"""What a credit's row becomes once PARS, or the sheet a person brings back, has spoken."""

from __future__ import annotations

from datetime import datetime

from consumer.credit import State
from consumer.fate import Found, Verdict
from consumer.ledger.claims import Attempt, Claim, Settlement
from consumer.reason import Reason, Stage

FRESH: dict[str, object] = {"tries": 0, "first_try_at": None, "absent_at": None}
"""A row whose tries begin anew."""


def gone(claim: Claim, attempts: tuple[Attempt, ...], now: datetime) -> Settlement:
    """PARS has it no more: withdrawn, or ready under the next revision if it was corrected."""
    values = FRESH | {"reasons": "[]", "four_fields": None, "report_action": None}
    if not claim.resend:
        return Settlement(claim, State.WITHDRAWN, values, (), attempts)
    values |= {"resend": False, "ask": False, "submitted_at": None, "due_at": now}
    values |= {"revision": claim.revision + 1, "credit_id": None, "accepted_too": False}
    return Settlement(claim, State.READY, values, (), attempts)


def found(
    claim: Claim, fate: Found, attempts: tuple[Attempt, ...], now: datetime, next_ask: datetime
) -> Settlement:
    """PARS has it: the board's decision, or the wait for it until `next_ask`."""
    named = _named(claim, fate.credit_id)
    if claim.state is _DECIDED.get(fate.verdict):
        return Settlement(claim, claim.state, named, (), attempts, is_later(claim, fate))
    values = FRESH | {"submitted_at": claim.submitted_at or now, "reasons": "[]"} | named
    state = _DECIDED.get(fate.verdict, State.SUBMITTED)
    values |= {"due_at": next_ask} if state is State.SUBMITTED else {"decided_at": now}
    refused = state is State.REJECTED
    reasons = (fate.reason or Reason(Stage.BOARD, "board_rejected"),) if refused else ()
    return Settlement(claim, state, values, reasons, attempts, is_later(claim, fate))


_DECIDED = {Verdict.ACCEPTED: State.ACCEPTED, Verdict.REJECTED: State.REJECTED}


def is_later(claim: Claim, fate: Found) -> bool:
    """Whether PARS has a later revision than the ledger, put back from a backup, knows of."""
    revision = _revision(claim, fate.credit_id)
    return revision is not None and revision > claim.revision


def _named(claim: Claim, credit_id: str) -> dict[str, object]:
    """The ID of ours that PARS has it under: from now on it is asked about by that."""
    values: dict[str, object] = {"restored_at": None}
    revision = _revision(claim, credit_id)
    if revision is not None and revision >= claim.revision:
        values |= {"credit_id": credit_id, "revision": revision, "four_fields": None}
    return values


def _revision(claim: Claim, credit_id: str) -> int | None:
    stem, _, number = credit_id.rpartition("-r")
    ours = stem == claim.credit_id.rpartition("-r")[0] and number.isdecimal()
    return int(number) if ours else None
