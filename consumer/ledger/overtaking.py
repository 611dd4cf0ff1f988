"""Credits that were taken out of a sender's hands: killed, frozen or only slow (design 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from consumer.credit import State


def overtaken_at(row: Row[Any], now: datetime) -> datetime | None:
    """When a hand that was to post this credit lost it last; `now`, if one does this moment.

    Until long after, what it had in hand may still arrive at PARS.
    """
    losing = row.state == State.SUBMITTING and row.lease_until is not None
    return now if losing else row.overtaken_at
