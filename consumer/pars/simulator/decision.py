"""What a board will decide on a record, and when (dossier 4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from consumer.pars.simulator.faults import REASONS, Kind, Rule

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """Settled when the record is stored; `rejected_for` is "" when the board will accept it.

    `says` is a status of its own that questions are answered with, whatever was decided.
    """

    stored_at: datetime
    at: datetime
    rejected_for: str
    says: str = ""


def decision(
    now: datetime, delay_seconds: float, rejected_for: str, faults: Iterable[Rule]
) -> Decision:
    """The decision on a record stored now; faults delay and overrule it."""
    late, never, says = delay_seconds, False, ""
    for rule in faults:
        match rule.kind:
            case Kind.BOARD_LATE:
                late += rule.amount
            case Kind.BOARD_NEVER:
                never = True
            case Kind.BOARD_REJECTS:
                rejected_for = rule.text or REASONS[rule.reason]
            case Kind.BOARD_SAYS:
                says = rule.text or ""
    at = NEVER if never else now + timedelta(seconds=late)
    return Decision(now, at, rejected_for, says)
