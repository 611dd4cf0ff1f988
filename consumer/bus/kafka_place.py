"""Where a listener starts in each partition, and whether anything unheard is gone from there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from consumer.bus.kafka_client import KafkaConfig
from consumer.bus.port import Partition

_Starts = Mapping[TopicPartition, int]

_REMEDY = (
    'Publish them again from the LMS, then start once with kafka.when_events_are_gone = "skip",'
    " which goes on from the first that is there"
)


@dataclass(frozen=True, slots=True)
class Gone:
    """Events that nobody can hear any more: the log does not reach from where we stopped."""

    strand: Partition
    wanted: int
    first: int
    end: int

    @property
    def trimmed(self) -> bool:
        """Whether the log's beginning was deleted, and not its end, or all of it."""
        return self.wanted < self.first

    @property
    def count(self) -> int:
        """How many were deleted before they were heard; 0 when that cannot be known."""
        return max(0, self.first - self.wanted)

    def __str__(self) -> str:
        topic, number = self.strand
        wanted = f"topic {topic}, partition {number}: to be heard next is offset {self.wanted}, but"
        if self.trimmed:
            told = f"the first still there is {self.first}: {self.count} event(s) are gone"
            return f"{wanted} {told}. {_REMEDY}"
        told = f"the log goes from {self.first} to {self.end}: it lost its end, or was made anew"
        return f"{wanted} {told}. {_REMEDY}"


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one partition: the bus's position, and the ledger's (0: nothing).

    `committed` is None where the group never committed; `remembered` where no ledger was asked.
    """

    committed: int | None
    remembered: int | None

    @property
    def start(self) -> int:
        """The older of the two; 0: the beginning."""
        start = self.committed or 0
        return start if self.remembered is None else min(start, self.remembered)

    def gone(self, strand: TopicPartition, first: int, end: int) -> Gone | None:
        """What a log from `first` to `end` has no more. Where nothing was heard nothing is."""
        # In a new group, or one that Kafka forgot, what the ledger has was heard all the same.
        wanted = self.remembered or first if self.committed is None else self.start
        return None if first <= wanted <= end else Gone(Partition(*strand), wanted, first, end)


class Places:
    """Puts a consumer where it has to start."""

    def __init__(self, config: KafkaConfig) -> None:
        self._stops = config.when_events_are_gone == "stop"
        self._timeout_ms = int(config.request_timeout_seconds * 1000)
        self._ids: dict[str, str] = {}
        self._log = structlog.get_logger()

    def mark(self, topic: str) -> str:
        """What is committed with a position: Kafka's id of the topic that it is a position in."""
        return self._ids.get(topic, "")

    def made_anew(self, consumer: Any) -> bool:
        """Whether a topic was deleted and made again since the partitions were put."""
        return any(_id(consumer, topic) not in ("", was) for topic, was in self._ids.items())

    def put(
        self,
        consumer: Any,
        assigned: Collection[TopicPartition],
        older: Mapping[Partition, int] | None,
    ) -> list[Gone]:
        """Place every partition; gives those that stay paused because unheard events are gone."""
        self._ids = {strand.topic: _id(consumer, strand.topic) for strand in assigned}
        firsts, ends = self._ends_of_logs(consumer, assigned)
        stopped = []
        for strand in assigned:
            heard = self._heard(consumer, strand, older)
            gone = heard.gone(strand, firsts[strand], ends[strand]) if firsts else None
            with suppress(ValueError):  # no longer ours: the next turn sees another membership
                _seek(consumer, strand, 0 if gone else heard.start)
                if gone and self._stops:
                    consumer.pause(strand)
            if gone:
                self._say(gone)
                stopped += [gone] * self._stops
        return stopped

    def _ends_of_logs(
        self, consumer: Any, assigned: Collection[TopicPartition]
    ) -> tuple[_Starts, _Starts]:
        """First offsets and next ones; empty when a partition has no leader at the moment.

        The others are heard then all the same, and fetching tells of a place that is not there.
        """
        try:
            firsts: _Starts = consumer.beginning_offsets(assigned, timeout_ms=self._timeout_ms)
            return firsts, consumer.end_offsets(assigned, timeout_ms=self._timeout_ms)
        except KafkaTimeoutError:
            return {}, {}

    def _heard(
        self, consumer: Any, strand: TopicPartition, older: Mapping[Partition, int] | None
    ) -> Heard:
        found = consumer.committed(strand, metadata=True, timeout_ms=self._timeout_ms)
        if found and found.metadata and self.mark(strand.topic) not in ("", found.metadata):
            self._log.warning("topic.made_anew", topic=strand.topic, partition=strand.partition)
            return Heard(None, None)
        remembered = None if older is None else older.get(Partition(*strand), 0)
        return Heard(found.offset if found else None, remembered)

    def _say(self, gone: Gone) -> None:
        self._log.error(
            "bus.events_gone",
            topic=gone.strand.topic,
            partition=gone.strand.number,
            offset=gone.wanted,
            count=gone.count,
            state="stopped" if self._stops else "skipped",
        )


def _id(consumer: Any, topic: str) -> str:
    return str(consumer._cluster.topic_id(topic) or "")


def _seek(consumer: Any, strand: TopicPartition, start: int) -> None:
    if start > 0:
        consumer.seek(strand, start)
    else:
        consumer.seek_to_beginning(strand)
    consumer.resume(strand)  # the client keeps a pause over a rebalance
