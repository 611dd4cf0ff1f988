"""The outbox pump: publishes dead letters and outcomes from the ledger, at least once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from consumer.bus.port import BusUnavailable, MessageTooLarge, Outgoing, Publisher
from consumer.clock import Clock
from consumer.ledger import outbox
from consumer.ledger.database import OUTBOX_LOCK
from consumer.ledger.ledger import Ledger, LedgerUnavailable
from consumer.ledger.letterbook import LetterBook
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.spans import PUBLISH, SILENT, Tracing
from consumer.trace import traces_in

_LIMIT = 200


class PublishingPump:
    """If the bus is away, what is to be published waits in the ledger."""

    name = "outbox"

    def __init__(
        self,
        connect: Callable[[], Publisher],
        ledger: Ledger,
        topics: dict[str, str],
        idle_seconds: float,
        retry_seconds: float,
        clock: Clock,
        readiness: Readiness | None = None,
        tracing: Tracing = SILENT,
    ) -> None:
        self._connect, self._ledger, self._topics = connect, ledger, topics
        self._idle_seconds, self._retry_seconds = idle_seconds, retry_seconds
        self._clock, self._tracing = clock, tracing
        self._publisher: Publisher | None = None
        self._doubtful: set[str] = set()
        self._log = structlog.get_logger().bind(pump=self.name)
        self._readiness = readiness or Readiness(clock)

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop."""
        try:
            while not stop.is_set():
                wait = self._try_turn()
                self._readiness.turned(self.name)
                if wait:
                    self._clock.wait(stop, wait)
        finally:
            if self._publisher is not None:
                self._publisher.close()

    def _try_turn(self) -> float:
        try:
            published = self.turn()
        except BusUnavailable as error:
            self._readiness.bad("bus", self.name, str(error))
            return self._retry_seconds
        except LedgerUnavailable as error:
            self._readiness.bad("ledger", self.name, str(error))
            return self._retry_seconds
        self._readiness.good("bus", self.name)
        self._readiness.good("ledger", self.name)
        return 0.0 if published else self._idle_seconds

    def turn(self) -> int:
        """Publish the oldest messages, then forget them; gives their number.

        One process at a time does, or an old state of a letter might follow its new one. Raises
        BusUnavailable, LedgerUnavailable.
        """
        with self._ledger.alone(OUTBOX_LOCK) as ours:
            return self._publish_oldest(ours) if ours() else 0

    def _publish_oldest(self, ours: Callable[[], bool]) -> int:
        self._tell_again()
        with self._ledger.read() as db:
            rows = outbox.take(db, self._ledger.seal, _LIMIT)
        if not rows:
            return 0
        publisher = self._publisher = self._publisher or self._connect()
        renamed = [replace(m, topic=self._topics.get(m.topic, m.topic)) for _, m in rows]
        try:
            links = traces_in(renamed) if self._tracing.on else ()
            with self._tracing.span(PUBLISH, links=links, count=len(renamed)):
                _publish(publisher, renamed)
        finally:
            if not ours():
                # Frozen meanwhile: another process may have told newer states before these.
                letters = [m for _, m in rows if m.topic == outbox.DEAD_LETTERS]
                self._doubtful |= {letter.key.decode() for letter in letters if letter.key}
        with self._ledger.begin() as db:
            outbox.drop(db, [number for number, _ in rows])
        return len(rows)

    def _tell_again(self) -> None:
        """Letters of which an old state may have been told last: how they stand now, once more."""
        if not self._doubtful:
            return
        now = self._clock.now()
        with self._ledger.begin() as db:
            LetterBook(db, self._ledger, now).publish_letters(self._doubtful)
        self._doubtful = set()


def _publish(publisher: Publisher, messages: Sequence[Outgoing]) -> None:
    try:
        publisher.publish(messages)
    except MessageTooLarge:
        for message in messages:
            _publish_one(publisher, message)


def _publish_one(publisher: Publisher, message: Outgoing) -> None:
    try:
        publisher.publish([message])
    except MessageTooLarge:
        # Too large for this bus: the letter goes without its bytes, which the ledger keeps.
        headers = (*message.headers, outbox.KEPT_IN_LEDGER)
        publisher.publish([replace(message, value=b"", headers=headers)])
