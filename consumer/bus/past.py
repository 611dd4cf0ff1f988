"""Reads what is on a topic already, disturbing nobody: no group, no position is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Protocol

from consumer.bus.connect import kafka_config
from consumer.bus.embedded_past import EmbeddedPast
from consumer.bus.kafka_past import KafkaPast
from consumer.bus.port import Message, Partition
from consumer.settings import Settings


class Past(Protocol):
    """What one topic has of before; `kafka_past` and `embedded_past` both give it."""

    def stretch(
        self, since: datetime | None, until: datetime | None
    ) -> Mapping[Partition, tuple[int, int]]:
        """First offset published at `since` or later, and first one at `until` or later.

        None: from its beginning, to what is its end now. Raises TopicMisfit, BusUnavailable.
        """
        ...

    def read(self, stretch: Mapping[Partition, tuple[int, int]]) -> Iterator[Message]:
        """Every message of the stretch, in order per partition. Raises BusUnavailable."""
        ...

    def close(self) -> None:
        """Release what is held; never raises."""
        ...


def past_of(settings: Settings, topic: str) -> Past:
    """The past of a topic on the bus that the settings name. Raises BusUnavailable."""
    if settings.bus == "kafka":
        return KafkaPast(kafka_config(settings), topic)
    return EmbeddedPast(settings.bus_path, topic)


def past_messages(settings: Settings, topic: str) -> Iterator[Message]:
    """Every message that is on the topic now, in order per partition.

    Raises TopicMisfit for a topic that is not there, BusUnavailable.
    """
    with closing(past_of(settings, topic)) as past:
        yield from past.read(past.stretch(None, None))
