"""The Kafka bus: kafka-python's consumer group and idempotent producer behind our port."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    KafkaError,
    MessageSizeTooLargeError,
    RebalanceInProgressError,
    RecordListTooLargeError,
)
from kafka.structs import OffsetAndMetadata

from consumer.bus.kafka_client import (
    Connected,
    KafkaConfig,
    KafkaSecurity,
    common,
    connect,
    consuming,
    producing,
    typed,
)
from consumer.bus.kafka_topics import TopicSpec, ensure_topics
from consumer.bus.port import (
    BusUnavailable,
    CommitRefused,
    Message,
    MessageTooLarge,
    Outgoing,
    Partition,
    Remembered,
)

__all__ = [
    "KafkaConfig",
    "KafkaListener",
    "KafkaPublisher",
    "KafkaSecurity",
    "TopicSpec",
    "ensure_topics",
]

CLOSE_SECONDS = 5.0
_ASKING_MS = 5_000  # SIGTERM does not wait longer for what is only asked for the readiness

_REFUSALS = (CommitFailedError, RebalanceInProgressError, FencedInstanceIdError)


class KafkaListener:
    """One member of the consumer group `config.group`."""

    def __init__(
        self, config: KafkaConfig, topics: Collection[str], remembered: Remembered | None = None
    ) -> None:
        """Connect; the first poll joins the group. Raises BusUnavailable."""
        self._config = config
        self._topics = tuple(topics)
        self._remembered = remembered
        self._timeout_ms = int(config.request_timeout_seconds * 1000)
        # The membership whose partitions stand where they should; None: start them over.
        self._membership: tuple[int, str] | None = None
        self._client: Connected | None = self._connected()

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Up to `limit` messages, in order per partition; empty when none came in time.

        Raises BusUnavailable.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            left_ms = max(0, int((deadline - time.monotonic()) * 1000))
            heard = self._turn(limit, left_ms)
            if heard or time.monotonic() >= deadline:
                return heard

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make `positions` survive a restart.

        Raises CommitRefused (the next poll starts from what is committed), BusUnavailable.
        """
        offsets = {
            TopicPartition(*strand): OffsetAndMetadata(next_, "", -1)
            for strand, next_ in positions.items()
        }
        if self._member() != self._membership or not offsets.keys() <= self._consumer.assignment():
            self._membership = None
            raise CommitRefused("the group has changed since this batch was heard")
        with typed("commit"):
            try:
                self._consumer.commit(offsets, timeout_ms=self._timeout_ms)
            except _REFUSALS as error:
                self._membership = None
                raise CommitRefused(f"Kafka: {type(error).__name__}") from error

    def end_offsets(self) -> Mapping[Partition, int]:
        """Next offset to be written, for each partition assigned to us. Raises BusUnavailable."""
        with typed("end offsets"):
            assigned = self._consumer.assignment()
            ends = self._consumer.end_offsets(assigned, timeout_ms=self._timeout_ms)
        return {Partition(*strand): end for strand, end in ends.items()}

    def committed(self) -> Mapping[Partition, int]:
        """Next offset to hear after a restart, for those ever committed. Raises BusUnavailable."""
        with typed("committed offsets"):
            found = {strand: self._committed(strand) for strand in self._consumer.assignment()}
        return {Partition(*strand): next_ for strand, next_ in found.items() if next_ is not None}

    def waiting(self) -> int:
        """How many messages the client has not given us yet. Raises BusUnavailable.

        None before the first poll that joined the group.
        """
        with typed("waiting messages"):
            assigned = self._consumer.assignment()
            ends = self._consumer.end_offsets(assigned, timeout_ms=_ASKING_MS)
            places = [self._consumer.position(s, timeout_ms=_ASKING_MS) or 0 for s in assigned]
        return sum(max(0, ends[s] - place) for s, place in zip(assigned, places, strict=True))

    def close(self) -> None:
        """Leave the group at once; never raises, takes seconds at most."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client[0].close(autocommit=False, timeout_ms=int(CLOSE_SECONDS * 1000))
            client[1]()

    @property
    def _consumer(self) -> Any:
        if self._client is None:
            self._client = self._connected()
        return self._client[0]

    def _connected(self) -> Connected:
        options = common(self._config) | consuming(self._config)
        client = connect(lambda **own: KafkaConsumer(*self._topics, **own), options)
        try:
            with typed("connect"):
                for topic in self._topics:
                    # The group's leader gives out the partitions that it knows of. One that joins
                    # before it knows any may give out none, and never look again.
                    client[0].partitions_for_topic(topic)
        except BaseException:
            client[1]()
            raise
        return client

    def _turn(self, limit: int, timeout_ms: int) -> list[Message]:
        records = self._fetch(limit, timeout_ms)
        try:
            with typed("start"):
                if self._started_over():
                    return []
        except BaseException:
            self._membership = None  # what is dropped here must be heard again
            raise
        return [_message(record) for batch in records.values() for record in batch]

    def _fetch(self, limit: int, timeout_ms: int) -> Any:
        try:
            with typed("poll"):
                return self._consumer.poll(timeout_ms=timeout_ms, max_records=limit)
        except BaseException:
            # Once its poll has raised, the client's next poll may spin for ever: take a new one.
            self.close()
            self._membership = None
            raise

    def _started_over(self) -> bool:
        """Whether the group changed, and every partition was put where it has to start.

        Done here, not in a rebalance listener: those run where nothing may block. All partitions,
        also those that stayed with us: the client keeps their place, behind which an uncommitted
        batch would be lost.
        """
        member = self._member()
        if member == self._membership:
            return False
        assigned = self._consumer.assignment()
        older = self._remembered(_strands(assigned)) if self._remembered and assigned else None
        for strand in assigned:
            self._place(strand, older)
        self._membership = member
        return True

    def _place(self, strand: TopicPartition, older: Mapping[Partition, int] | None) -> None:
        start = self._committed(strand) or 0
        if older is not None:
            start = min(start, older.get(Partition(*strand), 0))
        with suppress(ValueError):  # no longer ours: the next turn sees another membership
            if start > 0:
                self._consumer.seek(strand, start)
            else:
                self._consumer.seek_to_beginning(strand)

    def _committed(self, strand: TopicPartition) -> int | None:
        found: int | None = self._consumer.committed(strand, timeout_ms=self._timeout_ms)
        return found

    def _member(self) -> tuple[int, str]:
        member = self._consumer.group_metadata()
        return member.generation_id, member.member_id


class KafkaPublisher:
    """An idempotent producer that is replaced once an error has spoiled it."""

    def __init__(self, config: KafkaConfig) -> None:
        """Connect. Raises BusUnavailable."""
        self._config = config
        self._lock = threading.Lock()
        self._producer: Connected | None = self._connected()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are acknowledged by all in-sync replicas, in the order given.

        Raises BusUnavailable (publish all again), MessageTooLarge (before anything was sent,
        unless the topic's own limit is smaller than ours).
        """
        for message in messages:
            self._check(message)
        with self._lock:
            producer = self._producer = self._producer or self._connected()
        failure = self._deliver(producer[0], messages)
        if failure is None:
            return
        self._discard(producer)
        if isinstance(failure, MessageSizeTooLargeError | RecordListTooLargeError):
            raise MessageTooLarge("the topic's max.message.bytes is smaller than ours") from failure
        raise BusUnavailable(f"Kafka, publish: {type(failure).__name__}") from failure

    def close(self) -> None:
        """Release connections; never raises, takes seconds at most."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            _end(producer)

    def _check(self, message: Outgoing) -> None:
        # Before sending: an error of the client's own would spoil the producer for the others.
        if message.size_bytes > self._config.max_message_bytes:
            limit = self._config.max_message_bytes
            raise MessageTooLarge(f"{message.size_bytes} bytes are more than {limit}")

    def _deliver(self, producer: Any, messages: Sequence[Outgoing]) -> KafkaError | None:
        """The first failure. Nothing is under way any more when this returns: a message that
        arrived after its repetition would undo the order."""
        failure: KafkaError | None = None
        sent = []
        try:
            for message in messages:
                sent.append(_send(producer, message))  # noqa: PERF401 - what was sent before a failure counts
        except KafkaError as error:
            failure = error
        deadline = time.monotonic() + 2 * self._config.delivery_timeout_seconds
        for future in sent:
            try:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
            except KafkaError as error:
                failure = failure or error
        return failure

    def _connected(self) -> Connected:
        return connect(KafkaProducer, common(self._config) | producing(self._config))

    def _discard(self, producer: Connected) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None
        _end(producer)


def _end(producer: Connected) -> None:
    client, release = producer
    with suppress(Exception):
        client.close(timeout=CLOSE_SECONDS)
    release()


def _send(producer: Any, message: Outgoing) -> Any:
    return producer.send(
        message.topic, key=message.key, value=message.value, headers=list(message.headers)
    )


def _message(record: Any) -> Message:
    # A header without a value is legal in Kafka; ours are bytes.
    headers = tuple((name, value or b"") for name, value in record.headers)
    place = (record.topic, record.partition, record.offset)
    return Message(*place, record.key, record.value, headers)


def _strands(partitions: Collection[TopicPartition]) -> list[Partition]:
    return [Partition(*strand) for strand in partitions]
