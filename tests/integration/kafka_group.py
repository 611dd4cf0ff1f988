"""Members of one consumer group, and an intake in small that writes down what they hear."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import CoordinatorNotAvailableError

from consumer.bus.kafka import KafkaConfig, KafkaListener
from consumer.bus.port import CommitRefused, Message, Outgoing, Partition
from tests.contract.buses import KafkaBus, after, unique

PATIENCE_SECONDS = 60.0


class Group:
    """A consumer group that no other test has; its members are closed at the end."""

    def __init__(self, bootstrap: str, opened: ExitStack, **options: Any) -> None:
        self.bus, self.name = KafkaBus(bootstrap), unique("group")
        self.admin = opened.enter_context(closing(KafkaAdminClient(bootstrap_servers=bootstrap)))
        self._opened, self._options = opened, options

    def config(self, **changed: Any) -> KafkaConfig:
        """The settings of a member."""
        return self.bus.config(self.name, **(self._options | changed))

    def join(self, *topics: str, remembered: Any = None, **changed: Any) -> KafkaListener:
        """A member, which joins at its first poll."""
        member = KafkaListener(self.config(**changed), topics, remembered)
        return self._opened.enter_context(closing(member))

    def throw_everybody_out(self) -> None:
        """What the broker does with members that were silent for too long."""
        described: Any = self.admin.describe_groups([self.name])
        members = [MemberToRemove(one["member_id"]) for one in described[self.name]["members"]]
        assert members
        self.admin.remove_group_members(self.name, members)

    def committed(self) -> dict[Partition, int]:
        """The group's positions, as the broker has them."""
        try:
            found: Any = self.admin.list_group_offsets([self.name])
        except CoordinatorNotAvailableError:  # nobody has ever committed anything on this broker
            return {}
        return {Partition(*strand): place.offset for strand, place in found[self.name].items()}


class Intake:
    """Writes down what its member hears, then commits it, as the intake pump does."""

    def __init__(self, member: KafkaListener) -> None:
        self.member = member
        self.written: list[Message] = []
        self.refused = 0

    def turn(self) -> None:
        """Hear a batch, write it down, commit it."""
        if batch := self.member.poll(7, 0.2):
            self.written += batch
            try:
                self.member.commit(after(batch))
            except CommitRefused:
                self.refused += 1


def turn_until(
    done: Callable[[], object], intakes: Sequence[Intake], seconds: float = PATIENCE_SECONDS
) -> None:
    """Let all of them turn until it is so, or fail."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, [len(one.written) for one in intakes]
        for one in intakes:
            one.turn()


def poll_until(
    done: Callable[[], object], members: Sequence[KafkaListener]
) -> dict[KafkaListener, list[Message]]:
    """Let all of them poll until it is so, or fail; gives what each heard, none committed."""
    heard: dict[KafkaListener, list[Message]] = defaultdict(list)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline
        for member in members:
            heard[member] += member.poll(100, 0.2)
    return heard


def shared(members: Collection[KafkaListener], partitions: int) -> Callable[[], bool]:
    """Whether each of them has something, and together they have everything once."""

    def so() -> bool:
        has = [set(member.end_offsets()) for member in members]
        return all(has) and sum(map(len, has)) == len(set().union(*has)) == partitions

    return so


def numbered(topic: str, numbers: range) -> list[Outgoing]:
    """Events with a number as key and value: they spread over the partitions."""
    return [Outgoing(topic, b"%d" % n, b"%d" % n) for n in numbers]


def numbers(heard: Collection[Message]) -> set[int]:
    """The numbers in them."""
    return {int(message.value or b"") for message in heard}


def total(positions: Mapping[Partition, int]) -> int:
    """How many events these positions cover."""
    return sum(positions.values())
