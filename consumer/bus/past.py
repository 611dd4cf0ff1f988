"""Reads what is on a topic from its beginning, disturbing nobody: no group, no position is kept."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from consumer.bus.connect import kafka_config
from consumer.bus.embedded import EmbeddedListener
from consumer.bus.kafka import KafkaListener
from consumer.bus.port import Listener, Message, Partition
from consumer.settings import Settings

_BATCH = 500
_POLL_SECONDS = 1.0
# Joining a group of Kafka's takes some seconds; what has not answered by then does not.
_JOINING_POLLS = 30
_GROUP = "moc-consumer-mapping-diff"


def past_messages(settings: Settings, topic: str) -> Iterator[Message]:
    """Every message that is on the topic now, in order per partition. Raises BusUnavailable."""
    listener = _listener(settings, topic)
    try:
        empty = 0
        while empty < _JOINING_POLLS:
            batch = listener.poll(_BATCH, _POLL_SECONDS)
            yield from batch
            empty = 0 if batch else empty + 1
            if empty and listener.end_offsets() and not listener.waiting():
                return
    finally:
        listener.close()


def _listener(settings: Settings, topic: str) -> Listener:
    if settings.bus == "kafka":
        config = replace(
            kafka_config(settings),
            group=f"{_GROUP}-{uuid.uuid4().hex}",
            group_instance_id=None,
            when_events_are_gone="skip",
        )
        return KafkaListener(config, [topic], _from_the_start)
    return EmbeddedListener(settings.bus_path, [topic], _GROUP, _from_the_start)


def _from_the_start(strands: Collection[Partition]) -> Mapping[Partition, int]:
    return dict.fromkeys(strands, 0)
