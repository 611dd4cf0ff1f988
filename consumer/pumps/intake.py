"""The intake pump: a batch from the bus, one transaction, then the commit of its positions."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from consumer.bus.port import BusUnavailable, CommitRefused, Listener, Message, Partition
from consumer.clock import Clock
from consumer.decoding.frame import schemas_named
from consumer.decoding.schemas import SchemasAway
from consumer.journey import Heard, House, hear
from consumer.ledger.creditnames import names_behind
from consumer.ledger.goinground import Rounds
from consumer.ledger.ledger import Ledger, LedgerUnavailable, set_positions
from consumer.ledger.surges import Noticed, Settled, notice
from consumer.limits import SurgeLimits
from consumer.premises import Premises
from consumer.pumps.silence import Silence
from consumer.pumps.tracking import Tracks
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.spans import RECEIVE, SILENT, Tracing
from consumer.trace import traces_in

_COUNT_SECONDS = 15.0
MOST_EVENTS = 10_000
"""In one transaction, and in memory, however many the messages of a batch hold; the last message
may bring as many again. They take some three seconds."""


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
        limits: SurgeLimits,
        readiness: Readiness | None = None,
        silent_seconds: float = 60.0,
        meters: Meters | None = None,
        tracing: Tracing = SILENT,
        domains: Mapping[str, str] | None = None,
    ) -> None:
        """`domains`: what each profile's CreditIDs are issued under, to name them in the log."""
        self._connect, self._ledger, self._premises = connect, ledger, premises
        self._batch_size, self._poll_timeout = batch_size, poll_timeout_seconds
        self._retry_seconds, self._clock, self._limits = retry_seconds, clock, limits
        self._listener: Listener | None = None
        self._batch: list[Message] = []
        self._quiet_since: float | None = None
        self.fates: Counter[str] = Counter()
        self._readiness = readiness or Readiness(clock)
        self._meters, self._count_at = meters or Meters(), clock.monotonic()
        self._silence = Silence(silent_seconds, self._readiness, clock)
        self._log = structlog.get_logger().bind(pump=self.name)
        self._tracing, self._domains = tracing, domains or {}

    def run(self, stop: threading.Event) -> None:
        """Turn until told to stop; then leave the group."""
        try:
            while not stop.is_set():
                self._try_turn(stop)
                self._readiness.turned(self.name)
        finally:
            self._stop_listening()

    def _try_turn(self, stop: threading.Event) -> None:
        try:
            self.turn()
        except BusUnavailable as error:
            self._readiness.bad("bus", self.name, str(error))
            self._quiet_since = None
            self._clock.wait(stop, self._retry_seconds)
        except LedgerUnavailable as error:
            self._readiness.bad("ledger", self.name, str(error))
            self._clock.wait(stop, self._retry_seconds)
        except SchemasAway as error:
            self._readiness.bad("registry", self.name, str(error))
            self._clock.wait(stop, self._retry_seconds)
        else:
            self._readiness.good("bus", self.name)
            self._readiness.good("ledger", self.name)

    def turn(self) -> int:
        """Hear one batch, write it, commit it; gives the number of messages.

        Of messages that hold many events it takes as many as one transaction should hold.

        Raises BusUnavailable, LedgerUnavailable, SchemasAway; the next turn goes on where this one
        stopped.
        """
        if self._listener is None:
            self._listener = self._connect()
        self._count_waiting(self._listener)
        if not self._batch:
            self._batch = self._listener.poll(self._batch_size, self._poll_timeout)
        if not self._batch:
            self._mind_silence(self._listener)
            self._note_quiet()
            return 0
        self._quiet_since = None
        self._silence.broken()
        self._know_schemas(self._batch)
        links = traces_in(self._batch) if self._tracing.on else ()
        with self._tracing.span(RECEIVE, links=links, count=len(self._batch)):
            written = self._write(self._batch)
        positions = _next_offsets(self._batch[:written])
        self._batch = self._batch[written:]
        try:
            self._listener.commit(positions)
        except CommitRefused:
            self._log.info("bus.commit_refused")
        return written

    def _note_quiet(self) -> None:
        if self._silence.is_false:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = self._clock.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """For how long nothing more has been on the bus to hear; 0 while there is, or may be."""
        since = self._quiet_since
        return 0.0 if since is None else self._clock.monotonic() - since

    def _know_schemas(self, batch: Sequence[Message]) -> None:
        """Ask the registry before anything is locked: it may take seconds to answer, or not do."""
        numbers = {number for message in batch for number in schemas_named(message)}
        schemas = self._premises.house.reading.schemas
        if numbers and schemas.know(numbers):
            self._readiness.good("registry", self.name)

    def _count_waiting(self, listener: Listener) -> None:
        """Only a figure: a bus that does not tell it is the next poll's to complain of."""
        now = self._clock.monotonic()
        if now < self._count_at:
            return
        self._count_at = now + _COUNT_SECONDS
        try:
            self._meters.bus_waits(listener.waiting_by_topic())
        except BusUnavailable:
            self._meters.bus_waits({})

    def _mind_silence(self, listener: Listener) -> None:
        try:
            if not self._silence.goes_on(listener):
                return
        except BusUnavailable:
            self._stop_listening()  # that a new listener can be had shows that it is back
            raise
        self._log.warning("bus.listening_anew")
        self._stop_listening()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _write(self, batch: Sequence[Message]) -> int:
        """Write what fits into one transaction; gives the number of messages."""
        # The tables may not change between judging and writing: what is held by the old ones
        # must be in the ledger before the new ones go through it.
        with self._premises.unchanged() as house:
            now = self._clock.now()
            began, tracks = self._tracing.now(), Tracks(self._tracing)
            heard, messages = _hear(batch, house, now)
            heard = tracks.begin(heard, began)
            with self._ledger.begin() as db:
                book = Rounds(db, self._ledger, house, now)
                book.take_all(heard)
                noticed = notice(db, book.settled, self._limits, now)
                set_positions(db, _next_offsets(batch[:messages]))
                names = self._names(db, book.settled)
        self.fates += book.fates
        self._meters.heard(book.settled, book.fates)
        tracks.end(book.settled, names)
        self._say(book.settled, noticed, names)
        return messages

    def _names(self, db: Connection, settled: Sequence[Settled]) -> dict[int, str]:
        """The CreditIDs that these led to, where anybody is told them."""
        if not (self._tracing.on or self._log.is_enabled_for(logging.DEBUG)):
            return {}
        numbers = {one.completion for one in settled if one.completion is not None}
        return names_behind(db, self._ledger.identity, self._domains, numbers)

    def _say(self, settled: Sequence[Settled], noticed: Noticed, names: Mapping[int, str]) -> None:
        for one in settled:
            place = {"topic": one.topic, "partition": one.partition, "offset": one.offset}
            name = names.get(one.completion or 0, "")
            named = {"credit_id": name} if name else {}
            self._log.debug("event.heard", **place, mapping=one.mapping, state=one.fate, **named)
            if one.refused and (one.source, one.what) not in noticed.quiet:
                self._log.warning(
                    "letter.written",
                    **place,
                    mapping=one.mapping,
                    stage=one.refused[0].stage.value,
                    reason=one.refused[0].code,
                )
        self._say_noticed(noticed)

    def _say_noticed(self, noticed: Noticed) -> None:
        for surge in noticed.surges:
            self._log.error(
                "source.held",
                source=surge.source,
                mapping=surge.mapping,
                stage=surge.reason.stage.value,
                reason=surge.reason.code,
                field=surge.reason.field,
                count=surge.count,
            )
        for again in noticed.reemissions:
            self._log.warning(
                "intake.reemission",
                source=again.source,
                mapping=again.mapping,
                count=again.count,
                seconds=self._limits.surge_seconds,
            )


def _hear(
    batch: Sequence[Message], house: House, now: datetime
) -> tuple[list[tuple[Message, Heard]], int]:
    """What became of the messages, up to so many events; and how many messages that were."""
    heard: list[tuple[Message, Heard]] = []
    for number, message in enumerate(batch, 1):
        heard += [(message, what) for what in hear(message, house, now)]
        if len(heard) >= MOST_EVENTS:
            return heard, number
    return heard, len(batch)


def _next_offsets(batch: Sequence[Message]) -> dict[Partition, int]:
    return {message.strand: message.offset + 1 for message in batch}
