"""How the members of the consumer group share the partitions, and that each has somebody."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from consumer.bus.kafka_client import KafkaConfig, common, connect, typed
from consumer.bus.port import BusUnavailable

_LOOK_AGAIN_SECONDS = 10.0


class Cooperative(CooperativeStickyAssignor):
    """Claims nothing that the member has lost.

    kafka-python's own goes on claiming what an expelled member had. The leader then keeps such a
    partition back until its owner gives it up, which nobody does: nobody hears it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owned: Callable[[], Collection[TopicPartition]] = set

    def metadata(self, topics: Any) -> Any:
        """What this member tells the group when it joins."""
        owned = set(self.owned())
        self.member_assignment = [one for one in self.member_assignment or () if one in owned]
        return super().metadata(topics)


# The last of "sticky" lets members that still run with "range" be in the group meanwhile.
_ASSIGNORS: Mapping[str, tuple[Callable[[], Any], ...]] = {
    "range": (RangePartitionAssignor, RoundRobinPartitionAssignor),
    "sticky": (StickyPartitionAssignor, RangePartitionAssignor),
    "cooperative": (Cooperative,),
}


def member(config: KafkaConfig, topics: Collection[str]) -> Callable[..., Any]:
    """Makes a consumer of these topics that shares them out as the settings say."""

    def make(**options: Any) -> Any:
        assignors = [kind() for kind in _ASSIGNORS[config.assignment]]
        consumer = KafkaConsumer(partition_assignment_strategy=assignors, **options)
        consumer.subscribe(list(topics), listener=_Still(consumer))
        for one in assignors:
            if isinstance(one, Cooperative):
                one.owned = consumer.assignment
        return consumer

    return make


class _Joining:
    """A join under way, which counts as done only when it has failed."""

    def __init__(self, task: Any) -> None:
        self._task = task

    @property
    def is_done(self) -> bool:
        return bool(self._task.failed())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


def keep_join(consumer: Any) -> None:
    """Have the next poll take up a join that the last one did not see to its end.

    kafka-python throws a join away that ends between two polls. The member then joins anew, which
    disturbs the others; or, when nothing tells it to, it never does, and hears nothing for good.
    """
    coordinator = consumer._coordinator
    task = coordinator._join_task
    if task is not None:
        coordinator._join_task = task if isinstance(task, _Joining) else _Joining(task)
        coordinator.rejoin_needed = True


class _Still(ConsumerRebalanceListener):
    """Nothing is fetched from a new partition before it was put where it has to start."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Until it is placed."""
        self._consumer.pause(*assigned)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing: what was heard of them and not committed is heard again."""


class Watch:
    """Sees to it that new partitions are given to somebody, for a static member.

    The member that leads the group does so by itself. But a static one that leads, and restarts,
    is not told that it leads (JoinGroup before version 9): nobody would hear a partition that a
    topic gets afterwards.
    """

    def __init__(self, config: KafkaConfig, topics: Collection[str]) -> None:
        self._config, self._topics = config, topics
        self._seen: dict[str, set[int]] = {}
        self._not_before = 0.0

    def look(self, consumer: Any) -> None:
        """Have the partitions shared out anew if there are some that nobody has.

        A group that cannot be looked at is looked at again later.
        """
        now = self._partitions(consumer)
        if now == self._seen or time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + _LOOK_AGAIN_SECONDS
        with suppress(BusUnavailable):
            taken = self._taken()
            if taken is None:
                return  # being shared out at this moment
            self._seen = now
            if not taken >= {(topic, one) for topic, those in now.items() for one in those}:
                # Only what the leader asks for is done; all of us see the same, and one leads.
                consumer._coordinator.request_rejoin()

    def _partitions(self, consumer: Any) -> dict[str, set[int]]:
        cluster = consumer._cluster  # what it knows already: asking may wait for ever
        return {topic: set(cluster.partitions_for_topic(topic) or ()) for topic in self._topics}

    def _taken(self) -> set[tuple[str, int]] | None:
        """The partitions that members have; None while they are being shared out."""
        group = self._config.group
        admin, release = connect(KafkaAdminClient, common(self._config))
        try:
            with typed("group"):
                described: Any = admin.describe_groups([group])[group]
        finally:
            with suppress(Exception):
                admin.close()
            release()
        if described["group_state"] != "Stable":
            return None
        return {
            (topic["topic"], number)
            for one in described["members"]
            for topic in one["member_assignment"]["assigned_partitions"]
            for number in topic["partitions"]
        }
