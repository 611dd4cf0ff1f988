"""Both buses behind one shape: one suite runs against each, and child processes reach them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from consumer.bus.embedded import EmbeddedListener, EmbeddedPublisher
from consumer.bus.embedded_past import EmbeddedPast
from consumer.bus.kafka import KafkaConfig, KafkaListener, KafkaPublisher, TopicSpec, ensure_topics
from consumer.bus.kafka_past import KafkaPast
from consumer.bus.past import Past
from consumer.bus.port import Listener, Message, Outgoing, Partition, Publisher, Remembered

LIMIT_BYTES = 1_100_000  # a value of 1 MiB with key and headers passes
SESSION_SECONDS = 6.0  # the least that a broker with default settings allows
PATIENCE_SECONDS = 30.0


class EmbeddedBus:
    """The embedded log in one file."""

    def __init__(self, path: Path) -> None:
        self.address = {"kind": "embedded", "path": str(path)}
        self._path = path

    def topic(self, partitions: int = 1) -> str:
        """A topic nobody has used; it has one partition, whatever is asked."""
        return unique("topic")

    def publisher(self) -> Publisher:
        """A new publisher."""
        return EmbeddedPublisher(self._path, max_message_bytes=LIMIT_BYTES)

    def listener(
        self, topics: Collection[str], group: str, remembered: Remembered | None = None
    ) -> Listener:
        """A new listener."""
        return EmbeddedListener(self._path, topics, group, remembered)

    def past(self, topic: str) -> Past:
        """What the topic has of before."""
        return EmbeddedPast(self._path, topic)


class KafkaBus:
    """Apache Kafka."""

    def __init__(self, bootstrap: str) -> None:
        self.address = {"kind": "kafka", "bootstrap": bootstrap}
        self._bootstrap = bootstrap

    def topic(self, partitions: int = 1) -> str:
        """A topic nobody has used, made."""
        name = unique("topic")
        spec = TopicSpec(name, partitions, max_message_bytes=LIMIT_BYTES)
        ensure_topics(self.config("none"), [spec])
        return name

    def publisher(self) -> Publisher:
        """A new publisher."""
        return KafkaPublisher(self.config("none"))

    def listener(
        self, topics: Collection[str], group: str, remembered: Remembered | None = None
    ) -> Listener:
        """A new listener."""
        return KafkaListener(self.config(group), topics, remembered)

    def past(self, topic: str) -> Past:
        """What the topic has of before."""
        return KafkaPast(self.config("none"), topic)

    def config(self, group: str, **changed: Any) -> KafkaConfig:
        """Settings for a test: a short session, one replica."""
        settings: dict[str, Any] = {
            "session_timeout_seconds": SESSION_SECONDS,
            "max_message_bytes": LIMIT_BYTES,
            "replication_factor": 1,
        }
        return KafkaConfig(self._bootstrap, group, **(settings | changed))


Bus = EmbeddedBus | KafkaBus


def at(address: dict[str, str]) -> Bus:
    """The bus with this address, for a child process."""
    if address["kind"] == "kafka":
        return KafkaBus(address["bootstrap"])
    return EmbeddedBus(Path(address["path"]))


def unique(what: str) -> str:
    """A name no other test has."""
    return f"{what}-{uuid.uuid4().hex[:12]}"


def events(topic: str, *values: str, key: str = "k") -> list[Outgoing]:
    """One event for each value."""
    return [Outgoing(topic, key.encode(), value.encode()) for value in values]


def values(heard: Collection[Message]) -> list[str]:
    """The values, as text."""
    return [(message.value or b"").decode() for message in heard]


def after(heard: Collection[Message]) -> dict[Partition, int]:
    """The positions behind these messages."""
    return {message.strand: message.offset + 1 for message in heard}


def drain(listener: Listener, count: int) -> list[Message]:
    """Poll until `count` messages were heard, or fail."""
    return drain_until(listener, lambda heard: len(heard) >= count)


def drain_until(
    listener: Listener, enough: Callable[[list[Message]], bool], limit: int = 500
) -> list[Message]:
    """Poll until `enough` says so, or fail."""
    heard: list[Message] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(heard):
        assert time.monotonic() < deadline, f"only {len(heard)} messages came"
        heard += listener.poll(limit, 0.5)
    return heard
