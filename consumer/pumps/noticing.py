"""The pump of notices: finds what somebody should know of, and tells it, each once."""

from __future__ import annotations

import threading

import structlog

from consumer.clock import Clock
from consumer.desk.noticing import Notices, digest_in
from consumer.ledger.noticebook import Claimed
from consumer.notices.handing import Hands
from consumer.notices.mail import CannotTell
from consumer.notices.matter import Role
from consumer.pumps.backoff import Backoff
from consumer.pumps.minding import minding_ledger
from consumer.telemetry.readiness import Readiness

LEASE_SECONDS = 600.0
"""A notice is ours for so long: far longer than a mail server or a webhook may take."""


class NoticingPump:
    """A mail server that is away holds up nothing but notices: they wait, and are told later.

    A notice is told at least once: killed between telling it and writing that down, another
    process tells it again when the lease is over, under the same Message-ID.
    """

    name = "notices"

    def __init__(
        self,
        notices: Notices,
        hands: Hands,
        backoff: Backoff,
        look_seconds: float,
        clock: Clock,
        readiness: Readiness,
    ) -> None:
        self._notices, self._hands, self._backoff = notices, hands, backoff
        self._look_seconds, self._clock, self._readiness = look_seconds, clock, readiness
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Look and tell until told to stop."""
        while not stop.is_set():
            with minding_ledger(self._readiness, self.name):
                self.turn(stop)
            self._clock.wait(stop, self._look_seconds)

    def turn(self, stop: threading.Event | None = None) -> int:
        """Tell everything that is due; gives how many were told. Raises LedgerUnavailable."""
        self._notices.look()
        told = 0
        while not (stop and stop.is_set()) and (claimed := self._notices.claim(LEASE_SECONDS)):
            told += self._tell(claimed)
            self._readiness.turned(self.name)
        self._say_trouble()
        return told

    def _tell(self, claimed: Claimed) -> bool:
        what, digest = claimed.what, digest_in(claimed.content)
        place = (Role(what.role), what.way)
        try:
            refused = self._hands.tell(*place, digest, claimed.message_id, claimed.created_at)
        except CannotTell as error:
            delay = self._backoff.delay(claimed.tries)
            self._notices.failed(claimed, str(error), delay)
            self._log.warning("notice.failed", kind=what.kind, role=what.role, cause=str(error))
            return False
        self._notices.sent(claimed)
        self._log.info("notice.sent", kind=what.kind, role=what.role, refused=refused)
        return True

    def _say_trouble(self) -> None:
        count, cause = self._notices.trouble()
        if count:
            waits = f"{count} notice{'s' * (count != 1)} could not be sent yet"
            self._readiness.bad(self.name, self.name, f"{cause}; {waits}: moc-consumer notice list")
        else:
            self._readiness.good(self.name, self.name)
