"""Opens the ledger at the start of the service, as often as it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

from consumer.clock import Clock
from consumer.ledger.ledger import Ledger, LedgerRefused, LedgerUnavailable
from consumer.telemetry.readiness import Readiness

_HEEDING_SECONDS = 0.2


def opened(
    open_ledger: Callable[[], Ledger],
    readiness: Readiness,
    stop: threading.Event,
    clock: Clock,
    retry_seconds: float,
) -> Ledger | None:
    """The ledger, once it can be opened; None when `stop` is set before that.

    A database that is away or a full disk is waited for. What no waiting mends is raised: another
    secret, keys or settings that are wrong, LedgerRefused.
    """
    readiness.expect("ledger")
    while not stop.is_set():
        attempt = _beginning(open_ledger)
        while not attempt.done():
            wait([attempt], timeout=_HEEDING_SECONDS)
            if stop.is_set():
                # Safe: a migration is one transaction, and begins anew at the next start.
                return None
        try:
            ledger = attempt.result()
        except LedgerRefused:
            raise
        except LedgerUnavailable as error:
            readiness.bad("ledger", "start", str(error))
            clock.wait(stop, retry_seconds)
        else:
            readiness.good("ledger", "start")
            return ledger
    return None


def _beginning(open_ledger: Callable[[], Ledger]) -> Future[Ledger]:
    """In a thread of its own: it may hang in a driver, or migrate for minutes."""
    attempt: Future[Ledger] = Future()

    def run() -> None:
        try:
            attempt.set_result(open_ledger())
        except BaseException as error:  # noqa: BLE001  raised again by whoever waits
            attempt.set_exception(error)

    threading.Thread(target=run, daemon=True, name="opening").start()
    return attempt
