"""What every pump does about a ledger that is away: tell it, turn on, and tell when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consumer.ledger.ledger import LedgerUnavailable
from consumer.telemetry.readiness import Readiness


@contextmanager
def minding_ledger(readiness: Readiness, pump: str) -> Iterator[None]:
    """One turn of a pump: it has ended even where the ledger could not be reached."""
    try:
        yield
    except LedgerUnavailable as error:
        readiness.bad("ledger", pump, str(error))
    else:
        readiness.good("ledger", pump)
    readiness.turned(pump)
