"""The way of posted events: onto the bus, or into the spool while the bus is away.

What waits in the spool goes first: nothing may overtake it. So while anything is there, be it
another process's, all that comes is put behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from consumer.bus.port import BusError, MessageTooLarge, Outgoing, Publisher
from consumer.gateway.spool import Spool, SpoolUnavailable
from consumer.telemetry.readiness import GATEWAY, Readiness
from consumer.telemetry.spans import PUBLISH, SILENT, Tracing
from consumer.trace import traces_in

CONDITION, ONTO_THE_BUS = GATEWAY, f"{GATEWAY}.bus"
"""Whether posts can be kept, and whether what is kept goes onto the bus: it may wait."""
_TAKING, _FORWARDING = "taking", "forwarding"
_BATCH = 500


class Road:
    """Shared by the thread that takes, the one that forwards, and nobody else.

    Only the one that forwards connects.
    """

    def __init__(
        self,
        connect: Callable[[], Publisher],
        spool: Spool,
        readiness: Readiness,
        tracing: Tracing = SILENT,
    ) -> None:
        self._connect, self.spool, self._readiness = connect, spool, readiness
        self._tracing = tracing
        self._publisher: Publisher | None = None
        self._sent: list[int] = []
        self.is_stuck = self._has_failed = False
        self._log = structlog.get_logger()
        self.something_waits, self.was_tried = threading.Event(), threading.Event()

    def put(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are durable, on the bus or in the spool.

        Raises SpoolUnavailable, and MessageTooLarge where some may be on the bus already.
        """
        if not self._onto_the_bus(messages):
            self._into_the_spool(messages)
        if self._has_failed:
            self._has_failed = False
            self._readiness.good(CONDITION, _TAKING)

    def _onto_the_bus(self, messages: Sequence[Outgoing]) -> bool:
        publisher = self._publisher
        if publisher is None or not self._is_empty():
            return False
        try:
            self._publish(publisher, messages)
        except MessageTooLarge:
            raise
        except BusError as error:
            self._readiness.bad(ONTO_THE_BUS, _FORWARDING, _away(error))
            return False
        return True

    def _publish(self, publisher: Publisher, messages: Sequence[Outgoing]) -> None:
        links = traces_in(messages) if self._tracing.on else ()
        with self._tracing.span(PUBLISH, links=links, count=len(messages)):
            publisher.publish(messages)

    def _is_empty(self) -> bool:
        try:
            return self.spool.is_empty()
        except SpoolUnavailable as error:
            self._cannot_take(error)
            raise

    def _into_the_spool(self, messages: Sequence[Outgoing]) -> None:
        try:
            self.spool.append(messages)
        except SpoolUnavailable as error:
            self._cannot_take(error)
            raise
        self.something_waits.set()

    def _cannot_take(self, error: SpoolUnavailable) -> None:
        self._has_failed = True
        self._readiness.bad(CONDITION, _TAKING, str(error))

    def try_to_keep(self) -> None:
        """Say whether posts can be kept, before the first one comes, and after one could not be.

        Who sends none to what is not ready would otherwise never see it ready again.
        """
        try:
            self.spool.try_write()
        except SpoolUnavailable as error:
            self._cannot_take(error)
        else:
            self._has_failed = False
            self._readiness.good(CONDITION, _TAKING)

    def recover(self) -> None:
        """After a post that could not be kept: try whether one could be now."""
        if self._has_failed:
            self.try_to_keep()

    # ------------------------------------------------------------ from the spool onto the bus

    def connect(self) -> bool:
        """Whether there is a way to the bus; tries to make one."""
        if self._publisher is None:
            try:
                self._publisher = self._connect()
            except BusError as error:
                self._readiness.bad(ONTO_THE_BUS, _FORWARDING, _away(error))
                return False
        return True

    def forward(self) -> bool:
        """Forward the oldest of what waits; whether there may be more to do at once."""
        self.is_stuck = True
        if not self.connect() or self._publisher is None:
            return False
        try:
            with self.spool.alone() as ours:
                count = self._forward_oldest(self._publisher) if ours else 0
            if ours or self.spool.is_empty():
                self._readiness.good(ONTO_THE_BUS, _FORWARDING)
            self._readiness.good(CONDITION, _FORWARDING)
        except SpoolUnavailable as error:
            self._readiness.bad(CONDITION, _FORWARDING, str(error))
            return False
        except BusError as error:
            self._readiness.good(CONDITION, _FORWARDING)  # it was read, or nothing was published
            self._readiness.bad(ONTO_THE_BUS, _FORWARDING, _away(error))
            return False
        self.is_stuck = False
        return bool(count)

    def _forward_oldest(self, publisher: Publisher) -> int:
        # On a full disk what was published cannot be crossed out: it must not go out every time.
        self._cross_out()
        rows = self.spool.oldest(_BATCH)
        if not rows:
            return 0
        try:
            self._publish(publisher, [message for _, message in rows])
            self._sent = [number for number, _ in rows]
        except MessageTooLarge:
            self._one_by_one(publisher, rows)
        self._cross_out()
        self._log.info("events.forwarded", count=len(rows))
        return len(rows)

    def _cross_out(self) -> None:
        if self._sent:
            self.spool.drop(self._sent)
            self._sent = []

    def _one_by_one(self, publisher: Publisher, rows: list[tuple[int, Outgoing]]) -> None:
        for number, message in rows:
            try:
                publisher.publish([message])
                self._sent.append(number)
            except MessageTooLarge:
                self.spool.set_aside(number)
                self._log.error("event.set_aside", topic=message.topic, cause="too large")

    def close(self) -> None:
        """Release what is held; never raises."""
        if self._publisher is not None:
            self._publisher.close()
        self.spool.close()


def _away(error: BusError) -> str:
    return f"{error}; what is posted waits in the spool, and goes on by itself"
