"""The Kafka bus: kafka-python's consumer group behind our port, and the publisher beside it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import structlog
from kafka import TopicPartition
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    InconsistentGroupProtocolError,
    NoOffsetForPartitionError,
    RebalanceInProgressError,
)
from kafka.structs import MemberState, OffsetAndMetadata

from consumer.bus.kafka_client import (
    Connected,
    KafkaConfig,
    KafkaSecurity,
    common,
    connect,
    consuming,
    typed,
)
from consumer.bus.kafka_group import Watch, keep_join, member
from consumer.bus.kafka_place import Gone, Places
from consumer.bus.kafka_publisher import KafkaPublisher
from consumer.bus.kafka_topics import TopicSpec, ensure_topics
from consumer.bus.port import (
    BusUnavailable,
    CommitRefused,
    EventsGone,
    Message,
    Partition,
    Remembered,
    Replaced,
)

__all__ = [
    "KafkaConfig",
    "KafkaListener",
    "KafkaPublisher",
    "KafkaSecurity",
    "TopicSpec",
    "ensure_topics",
]

_ASKING_MS = 5_000  # SIGTERM does not wait longer for what is only asked for the readiness
# How often it is said of a partition that stands still, while others keep us busy.
_TELL_SECONDS = 60.0

_REFUSALS = (CommitFailedError, RebalanceInProgressError)


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
        self._places = Places(config)
        self._watch = Watch(config, self._topics) if config.group_instance_id else None
        # The membership whose partitions stand where they should; None: start them over.
        self._membership: tuple[int, str] | None = None
        self._gone: list[Gone] = []
        self._tell_at = 0.0
        self._replaced = False
        self._client: Connected | None = self._connected()

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Up to `limit` messages, in order per partition; empty when none came in time.

        Raises BusUnavailable, EventsGone (at first, then when nothing else is to be heard, and
        every minute), Replaced.
        """
        deadline = time.monotonic() + timeout_seconds
        if time.monotonic() >= self._tell_at:
            self._tell_of_gone()
        while True:
            left_ms = max(0, int((deadline - time.monotonic()) * 1000))
            heard = self._turn(limit, left_ms)
            if not heard:
                self._tell_of_gone()
            if heard or time.monotonic() >= deadline:
                return heard

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make `positions` survive a restart.

        Raises CommitRefused (the next poll starts from what is committed), BusUnavailable.
        """
        offsets = {
            TopicPartition(*strand): OffsetAndMetadata(next_, self._places.mark(strand.topic), -1)
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
            except FencedInstanceIdError as error:
                raise CommitRefused(str(self._give_way())) from error

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
        return sum(self.waiting_by_topic().values())

    def waiting_by_topic(self) -> Mapping[str, int]:
        """The same for each topic of which any partition is ours. Raises BusUnavailable."""
        with typed("waiting messages"):
            assigned = self._consumer.assignment()
            ends = self._consumer.end_offsets(assigned, timeout_ms=_ASKING_MS)
            places = [self._consumer.position(s, timeout_ms=_ASKING_MS) or 0 for s in assigned]
        waiting = dict.fromkeys((strand.topic for strand in assigned), 0)
        for strand, place in zip(assigned, places, strict=True):
            waiting[strand.topic] += max(0, ends[strand] - place)
        return waiting

    def close(self) -> None:
        """Leave the group at once; never raises, takes seconds at most.

        A static member leaves nothing: its partitions wait for it until its session ends.
        """
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                timeout_ms = int(self._config.close_timeout_seconds * 1000)
                client[0].close(autocommit=False, timeout_ms=timeout_ms)
            client[1]()

    @property
    def _consumer(self) -> Any:
        if self._replaced:
            raise self._give_way()
        if self._client is None:
            self._client = self._connected()
        return self._client[0]

    def _connected(self) -> Connected:
        options = common(self._config) | consuming(self._config)
        return connect(member(self._config, self._topics), options)

    def _turn(self, limit: int, timeout_ms: int) -> list[Message]:
        records = self._fetch(limit, timeout_ms)
        try:
            with typed("start"):
                if self._started_over():
                    return []
            if self._watch is not None:
                self._watch.look(self._consumer)
        except BaseException:
            self._membership = None  # what is dropped here must be heard again
            raise
        return [_message(record) for batch in records.values() for record in batch]

    def _fetch(self, limit: int, timeout_ms: int) -> Any:
        try:
            with typed("poll"):
                return self._polled(limit, timeout_ms)
        except BaseException:
            # Once its poll has raised, the client's next poll may spin for ever: take a new one.
            self.close()
            self._membership = None
            raise

    def _polled(self, limit: int, timeout_ms: int) -> Any:
        keep_join(self._consumer)
        try:
            return self._consumer.poll(timeout_ms=timeout_ms, max_records=limit)
        except NoOffsetForPartitionError:
            self._membership = None  # new to us: it is placed now, and heard at the next turn
            return {}
        except FencedInstanceIdError as error:
            raise self._give_way() from error
        except InconsistentGroupProtocolError as error:
            told = "other members of the group share partitions out in another way"
            remedy = "stop them all, then start them with one kafka.assignment"
            raise BusUnavailable(f"Kafka: {told}: {remedy}") from error

    def _started_over(self) -> bool:
        """Whether the group or a topic changed, and all partitions were put where they start.

        Done here, not in a rebalance listener: those run where nothing may block. All partitions,
        also those that stayed with us: the client keeps their place, behind which an uncommitted
        batch would be lost.
        """
        member = self._member()
        if member == self._membership and not self._places.made_anew(self._consumer):
            return False
        if self._consumer.group_metadata().state != MemberState.STABLE:
            # The new membership is known before its partitions are: these are the old ones.
            self._membership = None
            return True
        assigned = self._consumer.assignment()
        older = self._remembered(_strands(assigned)) if self._remembered and assigned else None
        self._gone = self._places.put(self._consumer, assigned, older)
        self._membership = member
        return True

    def _committed(self, strand: TopicPartition) -> int | None:
        found: int | None = self._consumer.committed(strand, timeout_ms=self._timeout_ms)
        return found

    def _member(self) -> tuple[int, str]:
        member = self._consumer.group_metadata()
        return member.generation_id, member.member_id

    def _tell_of_gone(self) -> None:
        if self._gone:
            self._tell_at = time.monotonic() + _TELL_SECONDS
            raise EventsGone("; ".join(map(str, self._gone)))

    def _give_way(self) -> Replaced:
        """For good: coming back would throw the other out, and it us, without end."""
        if not self._replaced:
            structlog.get_logger().error("bus.replaced")
        self._replaced = True
        self.close()
        name = self._config.group_instance_id
        return Replaced(
            f"Kafka: another process of the group has the kafka.group_instance_id {name!r} too;"
            " each needs its own. This one hears nothing until it is started again"
        )


def _message(record: Any) -> Message:
    # A header without a value is legal in Kafka; ours are bytes.
    headers = tuple((name, value or b"") for name, value in record.headers)
    place = (record.topic, record.partition, record.offset)
    return Message(*place, record.key, record.value, headers)


def _strands(partitions: Collection[TopicPartition]) -> list[Partition]:
    return [Partition(*strand) for strand in partitions]
