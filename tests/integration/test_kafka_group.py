"""Rebalances on genuine Kafka, with every way of sharing partitions; and static members."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor

from consumer.bus.kafka import KafkaListener, KafkaPublisher
from consumer.bus.kafka_group import Cooperative
from consumer.bus.port import BusUnavailable, CommitRefused, Message, Partition, Replaced
from tests.contract.buses import after, drain, events, values
from tests.integration.kafka_group import (
    Group,
    Intake,
    numbered,
    numbers,
    poll_until,
    shared,
    total,
    turn_until,
)

pytestmark = pytest.mark.kafka

WAYS = ("range", "sticky", "cooperative")


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Everything in it is closed at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def group(kafka_bootstrap: str, opened: ExitStack) -> Group:
    """A group of the test's own."""
    return Group(kafka_bootstrap, opened)


@pytest.fixture(params=WAYS)
def sharing(request: pytest.FixtureRequest, kafka_bootstrap: str, opened: ExitStack) -> Group:
    """A group for each way of sharing partitions."""
    return Group(kafka_bootstrap, opened, assignment=request.param)


@pytest.fixture
def publisher(group: Group) -> Iterator[KafkaPublisher]:
    """One publisher."""
    with closing(KafkaPublisher(group.config())) as publisher:
        yield publisher


# ------------------------------------------------------------------ a rebalance during a batch


def test_a_member_that_joins_during_a_batch_makes_all_of_it_be_heard_again(
    sharing: Group, publisher: KafkaPublisher
) -> None:
    topic = sharing.bus.topic(partitions=2)
    publisher.publish(numbered(topic, range(40)))
    first = sharing.join(topic)
    batch = drain(first, 40)
    second = sharing.join(topic)
    intakes = [Intake(first), Intake(second)]
    turn_until(shared([first, second], 2), intakes)
    with pytest.raises(CommitRefused):
        first.commit(after(batch))
    turn_until(lambda: total(sharing.committed()) == 40, intakes)
    # Each wrote its own share: what the first had heard of the second's is heard there.
    assert numbers(intakes[0].written) | numbers(intakes[1].written) == {*range(40)}
    assert all(numbers(one.written) for one in intakes)


def test_a_member_that_leaves_during_its_batch_leaves_it_to_the_others(
    sharing: Group, publisher: KafkaPublisher
) -> None:
    topic = sharing.bus.topic(partitions=2)
    first, second = sharing.join(topic), sharing.join(topic)
    poll_until(shared([first, second], 2), [first, second])
    publisher.publish(numbered(topic, range(40)))
    mine, gone = share_of_each(first, second)
    second.close()
    first.commit(after(mine))
    rest = Intake(first)
    turn_until(lambda: total(sharing.committed()) == 40, [rest])
    assert numbers(rest.written) >= numbers(gone)
    assert numbers(mine) | numbers(rest.written) == {*range(40)}


def share_of_each(*members: KafkaListener) -> list[list[Message]]:
    """What each hears, once every one has heard something; none of it committed."""
    heard: list[list[Message]] = [[] for _ in members]

    def all_have() -> bool:
        for one, member in zip(heard, members, strict=True):
            one += member.poll(100, 0.2)
        return all(heard)

    poll_until(all_have, [])
    return heard


def test_an_expelled_member_hears_its_batch_again(
    sharing: Group, publisher: KafkaPublisher
) -> None:
    topic = sharing.bus.topic()
    publisher.publish(events(topic, "1", "2"))
    listener = sharing.join(topic)
    batch = drain(listener, 2)
    sharing.throw_everybody_out()
    with pytest.raises(CommitRefused):
        listener.commit(after(batch))
    # Alone in its group it gets the same partition back, and the client kept its place there.
    again = drain(listener, 2)
    assert values(again) == ["1", "2"]
    listener.commit(after(again))
    assert listener.committed() == {Partition(topic, 0): 2}


def test_a_commit_that_comes_late_undoes_nothing(sharing: Group, publisher: KafkaPublisher) -> None:
    topic = sharing.bus.topic()
    publisher.publish(events(topic, "1", "2", "3"))
    slow = sharing.join(topic)
    batch = slow.poll(1, 30.0)
    assert values(batch) == ["1"]
    sharing.throw_everybody_out()
    quick = Intake(sharing.join(topic))
    turn_until(lambda: total(sharing.committed()) == 3, [quick])
    with pytest.raises(CommitRefused):
        slow.commit(after(batch))
    assert sharing.committed() == {Partition(topic, 0): 3}


def test_nothing_is_lost_while_members_come_and_go(
    sharing: Group, publisher: KafkaPublisher
) -> None:
    topic, intakes = sharing.bus.topic(partitions=4), []
    for round_ in range(4):
        publisher.publish(numbered(topic, range(round_ * 50, round_ * 50 + 50)))
        intakes.append(Intake(sharing.join(topic)))
        written = round_ * 50 + 20
        turn_until(lambda: total(sharing.committed()) >= written, intakes)  # noqa: B023 - now
        if round_ == 1:
            sharing.throw_everybody_out()
        if round_ == 2:
            intakes[0].member.close()  # in the middle of the others' batches
            gone = intakes.pop(0)
    turn_until(lambda: total(sharing.committed()) == 200, intakes)
    all_of_them = [gone, *intakes]
    assert set().union(*(numbers(one.written) for one in all_of_them)) == {*range(200)}
    turn_until(shared([one.member for one in intakes], 4), intakes)


def test_an_expelled_member_claims_nothing_that_it_had() -> None:
    had = [TopicPartition("t", 0), TopicPartition("t", 1)]
    assignor = Cooperative()
    assignor.member_assignment = had
    assignor.owned = lambda: had
    (claimed,) = assignor.metadata(["t"]).owned_partitions
    assert claimed.partitions == [0, 1]
    assignor.owned = set
    assert assignor.metadata(["t"]).owned_partitions == []


@pytest.mark.parametrize("moment", [0.005, 0.02, 0.1])
def test_a_join_that_ends_between_two_polls_counts(group: Group, moment: float) -> None:
    topic = group.bus.topic(partitions=2)
    member, pause = group.join(topic), threading.Event()
    for _ in range(100):
        member.poll(1, moment)
        pause.wait(0.1)  # where the answers to the join come in
        if len(member.end_offsets()) == 2:
            return
    pytest.fail("it never got its partitions")


class Held(RangePartitionAssignor):
    """Shares partitions out with another only when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def assign(self, cluster: Any, members: Any) -> Any:
        if len(members) > 1:
            assert self.let.wait(30)
        return super().assign(cluster, members)


def test_a_member_that_waits_for_its_partitions_starts_where_the_ledger_says(
    group: Group, publisher: KafkaPublisher, kafka_bootstrap: str
) -> None:
    topic, leader = group.bus.topic(partitions=2), Held()
    publisher.publish(numbered(topic, range(40)))
    turn_until(lambda: total(group.committed()) == 40, [before := Intake(group.join(topic))])
    before.member.close()
    options: dict[str, Any] = {"enable_auto_commit": False, "group_id": group.name}
    with closing(
        KafkaConsumer(
            topic,
            bootstrap_servers=kafka_bootstrap,
            partition_assignment_strategy=[leader],
            **options,
        )
    ) as other:
        while not other.assignment():
            other.poll(200)
        # A restored ledger remembers nothing: everything has to be heard again.
        late = group.join(topic, remembered=lambda asked: dict.fromkeys(asked, 0))
        enough = threading.Event()
        leading = threading.Thread(target=lead, args=(other, enough))
        leading.start()
        for _ in range(20):
            assert late.poll(100, 0.2) == []  # its membership is known, its partitions are not
        leader.let.set()
        heard = drain(late, 10)
        enough.set()
        leading.join(30)
    (has,) = {message.strand for message in heard}
    assert [message.offset for message in heard if message.strand == has][:10] == [*range(10)]


def lead(consumer: Any, enough: threading.Event) -> None:
    """Poll as a leader must, who gives one of two partitions away, for as long as it is needed."""
    while not enough.is_set():
        consumer.poll(200)


# ------------------------------------------------------------------ a change of the way


def test_range_can_be_changed_to_sticky_one_process_after_the_other(
    group: Group, publisher: KafkaPublisher
) -> None:
    topic = group.bus.topic(partitions=2)
    publisher.publish(numbered(topic, range(40)))
    old, new = group.join(topic), group.join(topic, assignment="sticky")
    intakes = [Intake(old), Intake(new)]
    turn_until(lambda: total(group.committed()) == 40, intakes)
    turn_until(shared([old, new], 2), intakes)


def test_ways_that_do_not_go_together_are_told(group: Group) -> None:
    topic = group.bus.topic()
    old = group.join(topic)
    poll_until(shared([old], 1), [old])
    with pytest.raises(BusUnavailable, match=r"start them with one kafka\.assignment"):
        group.join(topic, assignment="cooperative").poll(1, 10.0)


# ------------------------------------------------------------------ static members


def test_a_restarted_static_member_gets_its_partitions_back_and_disturbs_nobody(
    group: Group, publisher: KafkaPublisher
) -> None:
    topic = group.bus.topic(partitions=4)
    first = group.join(topic, group_instance_id="first")
    second = group.join(topic, group_instance_id="second")
    poll_until(shared([first, second], 4), [first, second])
    had = set(first.end_offsets())
    publisher.publish(numbered(topic, range(60)))
    batch = drain(second, 1)
    first.close()
    again = group.join(topic, group_instance_id="first")
    heard = poll_until(again.end_offsets, [again, second])
    assert set(again.end_offsets()) == had
    # The second heard none of its batch again, as it would after a rebalance, and may commit it.
    assert not numbers(batch) & numbers(heard[second])
    second.commit(after(batch + heard[second]))
    if heard[again]:
        again.commit(after(heard[again]))
    intakes = [Intake(again), Intake(second)]
    turn_until(lambda: total(group.committed()) == 60, intakes)


def test_a_second_process_with_the_same_name_takes_over_and_the_first_says_so(
    group: Group, publisher: KafkaPublisher
) -> None:
    topic = group.bus.topic()
    first = group.join(topic, group_instance_id="twin")
    poll_until(first.end_offsets, [first])
    second = group.join(topic, group_instance_id="twin")
    poll_until(second.end_offsets, [second])
    publisher.publish(events(topic, "1", "2"))
    with pytest.raises(CommitRefused, match="'twin' too"):
        first.commit(after(drain(first, 2)))
    for _ in range(2):  # it stays so: coming back would throw the second out
        with pytest.raises(Replaced, match="each needs its own"):
            first.poll(10, 0.2)
    heard = drain(second, 2)
    second.commit(after(heard))
    assert values(heard) == ["1", "2"]
    assert second.committed() == {Partition(topic, 0): 2}


def test_partitions_that_a_topic_gets_after_a_static_member_restarted_are_heard(
    group: Group,
) -> None:
    topic = group.bus.topic(partitions=2)
    name: dict[str, Any] = {"group_instance_id": "alone", "metadata_seconds": 1.0}
    before = group.join(topic, **name)
    poll_until(before.end_offsets, [before])
    before.close()
    again = group.join(topic, **name)
    poll_until(again.end_offsets, [again])
    group.admin.create_partitions({topic: 4})
    poll_until(shared([again], 4), [again])
    with closing(KafkaPublisher(group.config())) as publisher:
        publisher.publish(numbered(topic, range(60)))
    intake = Intake(again)
    turn_until(lambda: total(group.committed()) == 60, [intake])
    assert {message.partition for message in intake.written} == {*range(4)}
