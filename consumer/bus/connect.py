"""Connects to the bus that the settings name; topics that are missing are made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
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
MADE_RETENTION_HOURS = 14 * 24  # of source topics that we make: twice Kafka's own week

# Shares of stop_seconds that one wait for Kafka may take. A pump that is in one when SIGTERM comes
# ends it, and closes what it has, before it is left behind. Publishing waits twice its share.
CONNECT_SHARE, REQUEST_SHARE, DELIVERY_SHARE, CLOSE_SHARE = 0.25, 0.4, 0.3, 0.1
_LEAST_SECONDS = 1.0


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

    def hasty_publisher(self, seconds: float) -> Publisher:
        """One for which somebody waits: it gives up after about so long. Raises as `publisher`.

        Kafka is given a third of it for a request, since publishing waits for two at most.
        """
        if self._settings.bus == "kafka":
            each = seconds / 3
            return KafkaPublisher(
                replace(
                    self._prepared(),
                    connect_timeout_seconds=seconds,
                    request_timeout_seconds=each,
                    delivery_timeout_seconds=each,
                    close_timeout_seconds=each,
                )
            )
        return EmbeddedPublisher(self._embedded_path(), MESSAGE_LIMIT_BYTES, seconds)

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

    def share(of: float) -> float:
        return max(_LEAST_SECONDS, of * settings.stop_seconds)

    return KafkaConfig(
        bootstrap_servers=kafka.bootstrap_servers,
        group=settings.intake.group,
        group_instance_id=kafka.group_instance_id or None,
        security=security,
        session_timeout_seconds=kafka.session_timeout_seconds,
        connect_timeout_seconds=share(CONNECT_SHARE),
        request_timeout_seconds=share(REQUEST_SHARE),
        delivery_timeout_seconds=share(DELIVERY_SHARE),
        close_timeout_seconds=share(CLOSE_SHARE),
        assignment=kafka.assignment,
        when_events_are_gone=kafka.when_events_are_gone,
        max_message_bytes=MESSAGE_LIMIT_BYTES,
        replication_factor=kafka.replication_factor,
    )


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics the service lives on, as it needs them."""
    partitions, outbox = settings.kafka.source_partitions, settings.outbox
    least = settings.kafka.least_retention_hours
    sources = [
        TopicSpec(
            name,
            partitions,
            max_message_bytes=MESSAGE_LIMIT_BYTES,
            retention_hours=max(MADE_RETENTION_HOURS, least),
            least_retention_hours=least,
        )
        for name in settings.intake.topics
    ]
    return [
        *sources,
        TopicSpec(outbox.dead_letters_topic, compacted=True, max_message_bytes=MESSAGE_LIMIT_BYTES),
        TopicSpec(outbox.outcomes_topic),
    ]
