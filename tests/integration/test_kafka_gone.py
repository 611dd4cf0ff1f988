"""Events that Kafka deleted before they were heard; topics that keep them for too short a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import orjson
import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource

from consumer.bus.kafka import KafkaListener, KafkaPublisher, TopicSpec, ensure_topics
from consumer.bus.port import BusUnavailable, EventsGone, Message, Outgoing, Partition
from consumer.telemetry.log import configure_logging
from tests.contract.buses import after, drain, drain_until, events, unique, values
from tests.end_to_end.patience import until
from tests.integration.kafka_group import Group, numbered, numbers

pytestmark = pytest.mark.kafka

Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Everything in it is closed at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def group(kafka_bootstrap: str, opened: ExitStack) -> Group:
    """A group of the test's own."""
    return Group(kafka_bootstrap, opened, metadata_seconds=1.0)


@pytest.fixture
def said() -> Said:
    """What was logged until now, as it leaves the service."""
    stream = io.StringIO()
    configure_logging("info", as_json=True, stream=stream)

    def lines() -> list[dict[str, Any]]:
        every = [orjson.loads(line) for line in stream.getvalue().splitlines()]
        return [line for line in every if line["event"] != "library.warned"]

    return lines


def publish(group: Group, messages: list[Outgoing]) -> None:
    """With a publisher that knows the topic as it is now."""
    publisher = KafkaPublisher(group.config())
    publisher.publish(messages)
    publisher.close()


def heard_up_to(group: Group, topic: str, committed: int, published: int = 5) -> Partition:
    """A topic of which the group has committed so many of the published events."""
    publish(group, events(topic, *map(str, range(published))))
    if committed:
        before = group.join(topic)
        drain(before, published)
        before.commit({Partition(topic, 0): committed})
        before.close()
    return Partition(topic, 0)


def trim(group: Group, topic: str, first: int) -> None:
    """As retention does."""
    group.admin.delete_records({TopicPartition(topic, 0): first})


def refusal(listener: KafkaListener) -> str:
    """What it says instead of hearing anything."""

    def told() -> str:
        try:
            assert listener.poll(100, 0.5) == []
        except EventsGone as error:
            return str(error)
        return ""

    return until(told, 30, "a word on the events that are gone")


# What the bus has committed and the ledger remembers of five events, the first that is still
# there, and what is then to be heard first and is gone (None: nothing is).
GONE = {
    "heard by both": (2, 2, 4, 2),
    "forgotten by the ledger": (4, 1, 3, 1),
    "unknown to the ledger": (4, 0, 3, 0),
    "forgotten by Kafka": (0, 2, 3, 2),
    "heard in time": (3, 3, 3, None),
    "heard in time, forgotten by Kafka": (0, 3, 3, None),
    "a new group": (0, 0, 3, None),
}


@pytest.mark.parametrize("case", GONE)
def test_what_is_gone_is_told_and_nothing_goes_on(group: Group, said: Said, case: str) -> None:
    committed, remembers, first, gone = GONE[case]
    topic = group.bus.topic()
    strand = heard_up_to(group, topic, committed)
    trim(group, topic, first)
    listener = group.join(topic, remembered=lambda _: {strand: remembers} if remembers else {})
    if gone is None:
        assert values(drain(listener, 5 - first)) == [*map(str, range(first, 5))]
        assert said() == []
        return
    told = refusal(listener)
    assert f"topic {topic}, partition 0: to be heard next is offset {gone}" in told
    assert f"first still there is {first}: {first - gone} event(s) are gone" in told
    assert 'kafka.when_events_are_gone = "skip"' in told
    assert refusal(listener) == told  # and again, until somebody acts
    (line,) = [one for one in said() if one["event"] == "bus.events_gone"]
    assert (line["topic"], line["offset"], line["count"]) == (topic, gone, first - gone)
    assert (line["level"], line["state"]) == ("error", "stopped")
    assert group.committed() == ({strand: committed} if committed else {})


def test_skipping_goes_on_from_what_is_there_and_says_what_was_lost(
    group: Group, said: Said
) -> None:
    topic = group.bus.topic()
    strand = heard_up_to(group, topic, 1)
    trim(group, topic, 3)
    stopped = group.join(topic)
    with pytest.raises(EventsGone):
        drain(stopped, 1)
    stopped.close()
    skipping = group.join(topic, when_events_are_gone="skip")
    heard = drain(skipping, 2)
    assert values(heard) == ["3", "4"]
    skipping.commit(after(heard))
    skipping.close()
    line = said()[-1]
    assert (line["event"], line["count"], line["state"]) == ("bus.events_gone", 2, "skipped")
    publish(group, events(topic, "5"))
    assert values(drain(group.join(topic), 1)) == ["5"]  # with "stop" again
    assert group.committed() == {strand: 5}


def test_a_log_that_ends_before_our_place_is_told(group: Group, said: Said) -> None:
    topic = group.bus.topic()
    strand = heard_up_to(group, topic, 5)
    made_anew(group, topic)
    publish(group, events(topic, "new"))
    stopped = group.join(topic, remembered=lambda _: {strand: 5})
    told = refusal(stopped)
    stopped.close()
    assert f"topic {topic}, partition 0: to be heard next is offset 5" in told
    assert "the log goes from 0 to 1: it lost its end, or was made anew" in told
    skipping = group.join(topic, remembered=lambda _: {strand: 5}, when_events_are_gone="skip")
    assert values(drain(skipping, 1)) == ["new"]
    assert said()[-1]["state"] == "skipped"


def test_a_log_that_is_trimmed_past_a_listener_at_work_stops_it(group: Group) -> None:
    topic = group.bus.topic()
    publish(group, events(topic, "1"))
    listener = group.join(topic)
    listener.commit(after(drain(listener, 1)))
    # What it does not fetch while the second topic keeps it busy is gone before it asks for it.
    listener._consumer.pause(TopicPartition(topic, 0))
    publish(group, events(topic, "2", "3", "4"))
    trim(group, topic, 3)
    listener._consumer.resume(TopicPartition(topic, 0))
    with pytest.raises(BusUnavailable):
        drain(listener, 1)
    assert "to be heard next is offset 1" in refusal(listener)


def test_the_other_partitions_go_on(group: Group) -> None:
    topic = group.bus.topic(partitions=3)
    publish(group, numbered(topic, range(30)))
    before = group.join(topic)
    before.commit(dict.fromkeys(after(drain(before, 30)), 1))
    before.close()
    trim(group, topic, 2)
    listener, heard = group.join(topic), list[Message]()
    with pytest.raises(EventsGone):
        drain(listener, 1)  # said once before anything is heard

    def all_of_the_others() -> bool:
        try:
            heard.extend(listener.poll(100, 0.5))
        except EventsGone:
            return True  # and again when nothing else is to be heard
        return False

    until(all_of_the_others, 30, "the end of the other partitions")
    assert {message.partition for message in heard} == {1, 2}
    ends = {strand.number: end for strand, end in listener.end_offsets().items()}
    assert len(numbers(heard)) == ends[1] + ends[2] - 2
    listener.commit(after(heard))
    assert group.committed()[Partition(topic, 0)] == 1


# ------------------------------------------------------------------ topics that come and go


def made_anew(group: Group, topic: str) -> None:
    """Deleted, and made again at once."""
    group.admin.delete_topics([topic])
    until(lambda: topic not in group.admin.list_topics(), 30, "the topic's end")
    ensure_topics(group.config(), [TopicSpec(topic)])


def test_a_topic_that_is_made_later_is_heard(group: Group) -> None:
    topic = unique("later")
    listener = group.join(topic)
    assert listener.poll(10, 1.0) == []
    ensure_topics(group.config(), [TopicSpec(topic, 2)])
    publish(group, numbered(topic, range(20)))
    assert numbers(drain(listener, 20)) == {*range(20)}


@pytest.mark.parametrize("published", [2, 8])  # less, and more, than the old one had
def test_a_topic_that_is_made_anew_is_heard_from_its_start(group: Group, published: int) -> None:
    topic, other = group.bus.topic(), group.bus.topic()
    publish(group, events(topic, *"12345"))
    listener = group.join(topic, other)
    listener.commit(after(drain(listener, 5)))
    made_anew(group, topic)
    new = [f"new {n}" for n in range(published)]
    publish(group, events(topic, *new))

    def again(heard: list[Message]) -> bool:
        return values(heard)[-published:] == new

    try:
        drain_until(listener, again)
    except BusUnavailable:  # its own place in the old one is not in the new one
        drain_until(listener, again)


def test_a_position_in_a_topic_that_was_made_anew_counts_for_nothing(
    group: Group, said: Said
) -> None:
    topic = group.bus.topic()
    publish(group, events(topic, *"123"))
    listener = group.join(topic)
    batch = drain(listener, 3)
    made_anew(group, topic)
    publish(group, events(topic, *"abcdefgh"))
    listener.commit(after(batch))  # of the old topic, and Kafka takes it for the new one
    listener.close()
    assert values(drain(group.join(topic), 8)) == [*"abcdefgh"]
    assert "topic.made_anew" in [one["event"] for one in said()]


# ------------------------------------------------------------------ how long topics keep events


def settings(group: Group, topic: str) -> dict[str, str]:
    """The topic's settings as the broker tells them."""
    asked = [ConfigResource("topic", topic)]
    found: Any = group.admin.describe_configs(asked, config_filter="all")["topic"][topic]
    return {name: entry["value"] for name, entry in found.items()}


def test_a_source_topic_that_is_made_keeps_events_long_enough(group: Group, said: Said) -> None:
    topic, hour_ms = unique("source"), 3_600_000
    ensure_topics(
        group.config(),
        [TopicSpec(topic, retention_hours=336, least_retention_hours=168, max_message_bytes=1000)],
    )
    told = settings(group, topic)
    assert (told["retention.ms"], told["retention.bytes"]) == (str(336 * hour_ms), "-1")
    assert said() == []


KEPT = {
    "too short": ({"retention.ms": "3600000"}, [("retention.ms", 3600)]),
    "up to a size": ({"retention.bytes": "1000000"}, [("retention.bytes", 1_000_000)]),
    "both": (
        {"retention.ms": "0", "retention.bytes": "0"},
        [("retention.ms", 0), ("retention.bytes", 0)],
    ),
    "for ever": ({"retention.ms": "-1"}, []),
    "just long enough": ({"retention.ms": str(168 * 3_600_000)}, []),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_source_topic_that_keeps_events_for_too_short_is_warned_of(
    group: Group, said: Said, case: str
) -> None:
    (configs, expected), topic = KEPT[case], unique("source")
    made = {"num_partitions": 1, "replication_factor": 1, "configs": configs}
    group.admin.create_topics({topic: made}, wait_for_metadata=True)
    spec = TopicSpec(topic, retention_hours=336, least_retention_hours=168, max_message_bytes=1000)
    ensure_topics(group.config(), [spec])
    lines = [one for one in said() if one["event"] == "topic.retention_short"]
    assert [(one["reason"], one.get("seconds", one.get("count"))) for one in lines] == expected
    assert {one["topic"] for one in lines} <= {topic}
    assert settings(group, topic)["retention.ms"] == configs.get("retention.ms", "604800000")
