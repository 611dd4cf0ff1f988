"""Reads what a topic of Kafka's has of before, from one time to another: no group, no position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from consumer.bus.kafka_client import KafkaConfig, common, connect, consuming, typed
from consumer.bus.port import BusUnavailable, Message, Partition, TopicMisfit

_BATCH = 500
_POLL_MS = 1_000
_SILENT_POLLS = 30
"""What has told nothing for so long is away; the client itself keeps silent of that."""


class KafkaPast:
    """One topic, all of its partitions."""

    def __init__(self, config: KafkaConfig, topic: str) -> None:
        """Raises BusUnavailable."""
        self._topic = topic
        self._timeout_ms = int(config.request_timeout_seconds * 1000)
        alone = {"group_id": None, "group_instance_id": None}
        options = common(config) | consuming(config) | alone
        self._consumer, self._release = connect(KafkaConsumer, options)

    def stretch(
        self, since: datetime | None, until: datetime | None
    ) -> Mapping[Partition, tuple[int, int]]:
        """Per partition the first offset of `since` or later, and the first of `until` or later.

        Times are those that the messages have (`message.timestamp.type` of the topic). Raises
        TopicMisfit for a topic that is not there, BusUnavailable.
        """
        with typed("offsets for times"):
            numbers = self._consumer.partitions_for_topic(self._topic)
            if not numbers:
                raise TopicMisfit(f"there is no topic {self._topic}")
            strands = [TopicPartition(self._topic, number) for number in sorted(numbers)]
            ends = self._consumer.end_offsets(strands, timeout_ms=self._timeout_ms)
            firsts = self._consumer.beginning_offsets(strands, timeout_ms=self._timeout_ms)
            first = self._at(since, firsts, ends) if since else firsts
            end = self._at(until, firsts, ends) if until else ends
        return {Partition(*one): (first[one], max(first[one], end[one])) for one in strands}

    def _at(self, moment: datetime, firsts: Any, ends: Any) -> dict[Any, int]:
        wanted = dict.fromkeys(ends, max(0, round(moment.timestamp() * 1000)))
        found = self._consumer.offsets_for_times(wanted, timeout_ms=self._timeout_ms)
        return {
            one: max(firsts[one], found[one].offset) if found.get(one) else ends[one]
            for one in ends
        }

    def read(self, stretch: Mapping[Partition, tuple[int, int]]) -> Iterator[Message]:
        """Every message of the stretch, in order per partition. Raises BusUnavailable."""
        ends = {TopicPartition(*one): end for one, (first, end) in stretch.items() if first < end}
        with typed("read"):
            self._consumer.assign(list(ends))
            self._consumer.resume(*ends)  # the client keeps a pause of the last reading
            for one in ends:
                self._consumer.seek(one, stretch[Partition(*one)][0])
        silent = 0
        while left := self._left(ends):
            with typed("read"):
                self._consumer.pause(*(ends.keys() - left))
                records = self._consumer.poll(timeout_ms=_POLL_MS, max_records=_BATCH)
            silent = 0 if records or self._left(ends) != left else silent + 1
            if silent >= _SILENT_POLLS:
                raise BusUnavailable("Kafka, read: nothing comes")
            for one, batch in records.items():
                yield from (_message(record) for record in batch if record.offset < ends[one])

    def _left(self, ends: Mapping[Any, int]) -> dict[Any, int]:
        """Where each partition stands that was not read to its end."""
        with typed("read"):
            places = {
                one: self._consumer.position(one, timeout_ms=self._timeout_ms) for one in ends
            }
        return {one: place for one, place in places.items() if place < ends[one]}

    def close(self) -> None:
        """Release connections; never raises."""
        with suppress(Exception):
            self._consumer.close(autocommit=False, timeout_ms=self._timeout_ms)
        self._release()


def _message(record: Any) -> Message:
    headers = tuple((name, value or b"") for name, value in record.headers)
    place = (record.topic, record.partition, record.offset)
    return Message(*place, record.key, record.value, headers)
