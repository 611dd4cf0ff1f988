"""The intake pump: a batch from the bus, one transaction, then the commit of its positions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from consumer.bus.port import BusUnavailable, CommitRefused, Listener, Message, Partition
from consumer.clock import Clock
from consumer.fate import Refused
from consumer.journey import Heard, hear
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.ledger import Ledger, LedgerUnavailable, set_positions
from consumer.premises import Premises


class IntakePump:
    """Owns the listener; a batch stays in hand until the ledger has it."""

    name = "intake"

    def __init__(
        self,
        connect: Callable[[], Listener],
        ledger: Ledger,
        premises: Premises,
        batch_size: int,
        poll_timeout_seconds: float,
        retry_seconds: float,
        clock: Clock,
    ) -> None:
        self._connect, self._ledger, self._premises = connect, ledger, premises
        self._batch_size, self._poll_timeout = batch_size, poll_timeout_seconds
        self._retry_seconds, self._clock = retry_seconds, clock
        self._listener: Listener | None = None
        self._batch: list[Message] = []
        self.fates: Counter[str] = Counter()
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop; then leave the group."""
        try:
            while not stop.is_set():
                self._try_turn(stop)
        finally:
            if self._listener is not None:
                self._listener.close()

    def _try_turn(self, stop: threading.Event) -> None:
        try:
            self.turn()
        except BusUnavailable as error:
            self._log.warning("bus.unavailable", cause=str(error))
            self._clock.wait(stop, self._retry_seconds)
        except LedgerUnavailable as error:
            self._log.warning("ledger.unavailable", cause=str(error))
            self._clock.wait(stop, self._retry_seconds)

    def turn(self) -> int:
        """Hear one batch, write it, commit it; gives the number of messages.

        Raises BusUnavailable, LedgerUnavailable; the next turn goes on where this one stopped.
        """
        if self._listener is None:
            self._listener = self._connect()
        if not self._batch:
            self._batch = self._listener.poll(self._batch_size, self._poll_timeout)
        if not self._batch:
            return 0
        batch, positions = self._batch, _next_offsets(self._batch)
        self._write(batch, positions)
        self._batch = []
        try:
            self._listener.commit(positions)
        except CommitRefused:
            self._log.info("bus.commit_refused")
        return len(batch)

    def _write(self, batch: Sequence[Message], positions: dict[Partition, int]) -> None:
        # The tables may not change between judging and writing: what is held by the old ones
        # must be in the ledger before the new ones go through it.
        with self._premises.unchanged() as house:
            now = self._clock.now()
            heard = [(message, hear(message, house, now)) for message in batch]
            with self._ledger.begin() as db:
                book = Bookkeeper(db, self._ledger, now)
                book.take_all(heard)
                set_positions(db, positions)
        self.fates += book.fates
        self._say(heard)

    def _say(self, heard: Sequence[tuple[Message, Heard]]) -> None:
        for message, what in heard:
            if isinstance(what.judgement, Refused):
                self._log.warning(
                    "letter.written",
                    topic=message.topic,
                    partition=message.partition,
                    offset=message.offset,
                    mapping=what.mapping,
                    stage=what.judgement.reasons[0].stage.value,
                    reason=what.judgement.reasons[0].code,
                )


def _next_offsets(batch: Sequence[Message]) -> dict[Partition, int]:
    return {message.strand: message.offset + 1 for message in batch}
