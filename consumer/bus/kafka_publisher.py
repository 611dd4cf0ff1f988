"""Publishing to Kafka: an idempotent producer behind our port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from consumer.bus.kafka_client import Connected, KafkaConfig, common, connect, producing
from consumer.bus.port import BusUnavailable, MessageTooLarge, Outgoing

SLICE_BYTES = 4 * 1024 * 1024


class KafkaPublisher:
    """An idempotent producer that is replaced once an error has spoiled it."""

    def __init__(self, config: KafkaConfig) -> None:
        """Connect. Raises BusUnavailable."""
        self._config = config
        self._lock = threading.Lock()
        self._producer: Connected | None = self._connected()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are acknowledged by all in-sync replicas, in the order given.

        They go in slices, so that the delivery timeout is one slice's, however many there are.
        Raises BusUnavailable (publish all again), MessageTooLarge (before anything was sent,
        unless the topic's own limit is smaller than ours).
        """
        for message in messages:
            self._check(message)
        for part in _slices(messages):
            self._publish(part)

    def _publish(self, messages: Sequence[Outgoing]) -> None:
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
            self._end(producer)

    def _check(self, message: Outgoing) -> None:
        # Before sending: an error of the client's own would spoil the producer for the others.
        if message.size_bytes > self._config.max_message_bytes:
            limit = self._config.max_message_bytes
            raise MessageTooLarge(f"{message.size_bytes} bytes are more than {limit}")

    def _deliver(self, producer: Any, messages: Sequence[Outgoing]) -> KafkaError | None:
        """The first failure. Nothing is under way any more when this returns: a message that
        arrived after its repetition would undo the order."""
        failure: KafkaError | None = None
        deadline = time.monotonic() + 2 * self._config.delivery_timeout_seconds
        sent = []
        try:
            for message in messages:
                sent.append(_send(producer, message))  # noqa: PERF401 - what was sent before a failure counts
        except KafkaError as error:
            failure = error
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
        self._end(producer)

    def _end(self, producer: Connected) -> None:
        client, release = producer
        with suppress(Exception):
            client.close(timeout=self._config.close_timeout_seconds)
        release()


def _slices(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    start, size = 0, 0
    for at, message in enumerate(messages):
        if size and size + message.size_bytes > SLICE_BYTES:
            yield messages[start:at]
            start, size = at, 0
        size += message.size_bytes
    yield messages[start:]


def _send(producer: Any, message: Outgoing) -> Any:
    return producer.send(
        message.topic, key=message.key, value=message.value, headers=list(message.headers)
    )
