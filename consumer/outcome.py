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
    values = FRESH | {"submitted_at": claim.submitted_at or now, "reasons": "[]"}
    match fate.verdict:
        case Verdict.ACCEPTED:
            values["decided_at"] = now
            return Settlement(claim, State.ACCEPTED, values, (), attempts)
        case Verdict.REJECTED:
            values["decided_at"] = now
            reasons = (fate.reason or Reason(Stage.BOARD, "board_rejected"),)
            return Settlement(claim, State.REJECTED, values, reasons, attempts)
        case Verdict.PENDING | Verdict.UNKNOWN:
            values["due_at"] = next_ask
            return Settlement(claim, State.SUBMITTED, values, (), attempts)
