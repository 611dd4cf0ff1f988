"""Connects to the bus that the settings name; topics that are missing are made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from consumer.bus.embedded import EmbeddedListener, EmbeddedPublisher
from consumer.bus.kafka import (
    KafkaConfig,
    KafkaListener,
    KafkaPublisher,
    KafkaSecurity,
    TopicSpec,
    ensure_topics,
)
from consumer.bus.port import Listener, Publisher, Remembered
from consumer.settings import Settings

MESSAGE_LIMIT_BYTES = 2 * 1024 * 1024


class Bus:
    """Makes listeners and publishers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def listen(self, remembered: Remembered) -> Listener:
        """A listener on the source topics. Raises BusUnavailable, TopicMisfit."""
        topics = self._settings.intake.topics
        if self._settings.bus == "kafka":
            config = self._prepared()
            return KafkaListener(config, topics, remembered)
        group = self._settings.intake.group
        return EmbeddedListener(self._embedded_path(), topics, group, remembered)

    def publisher(self) -> Publisher:
        """A publisher. Raises BusUnavailable, TopicMisfit."""
        if self._settings.bus == "kafka":
            return KafkaPublisher(self._prepared())
        return EmbeddedPublisher(self._embedded_path(), MESSAGE_LIMIT_BYTES)

    def _embedded_path(self) -> Path:
        """The embedded log; an LMS's bridge may be there before the service's first start."""
        with suppress(OSError):  # opening the log says it in the bus's own words
            self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        return self._settings.bus_path

    def _prepared(self) -> KafkaConfig:
        config = kafka_config(self._settings)
        ensure_topics(config, topic_specs(self._settings))
        return config


def kafka_config(settings: Settings) -> KafkaConfig:
    """The client's view of the Kafka settings."""
    kafka = settings.kafka
    security = KafkaSecurity(
        protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        username=kafka.username,
        password=kafka.password.get_secret_value() if kafka.password else None,
        ca_file=str(kafka.ca_file) if kafka.ca_file else None,
        cert_file=str(kafka.cert_file) if kafka.cert_file else None,
        key_file=str(kafka.key_file) if kafka.key_file else None,
    )
    return KafkaConfig(
        bootstrap_servers=kafka.bootstrap_servers,
        group=settings.intake.group,
        security=security,
        session_timeout_seconds=kafka.session_timeout_seconds,
        max_message_bytes=MESSAGE_LIMIT_BYTES,
        replication_factor=kafka.replication_factor,
    )


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics the service lives on, as it needs them."""
    partitions, outbox = settings.kafka.source_partitions, settings.outbox
    sources = [
        TopicSpec(name, partitions, max_message_bytes=MESSAGE_LIMIT_BYTES)
        for name in settings.intake.topics
    ]
    return [
        *sources,
        TopicSpec(outbox.dead_letters_topic, compacted=True, max_message_bytes=MESSAGE_LIMIT_BYTES),
        TopicSpec(outbox.outcomes_topic),
    ]
