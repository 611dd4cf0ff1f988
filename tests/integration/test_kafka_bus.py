"""What only Kafka does: topics and their settings, rebalances, a broker that goes away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource

from consumer.bus.kafka import (
    KafkaConfig,
    KafkaListener,
    KafkaPublisher,
    KafkaSecurity,
    TopicSpec,
    ensure_topics,
)
from consumer.bus.port import (
    BusUnavailable,
    CommitRefused,
    MessageTooLarge,
    Outgoing,
    Partition,
    TopicMisfit,
)
from tests.contract.buses import KafkaBus, after, drain, drain_until, events, unique, values
from tests.kafka.broker import Broker, free_ports

pytestmark = pytest.mark.kafka

Listen = Callable[..., KafkaListener]
MIB = 1024 * 1024


@pytest.fixture
def bus(kafka_bootstrap: str) -> KafkaBus:
    """Apache Kafka."""
    return KafkaBus(kafka_bootstrap)


@pytest.fixture
def config(bus: KafkaBus) -> KafkaConfig:
    """Settings with a group no other test has."""
    return bus.config(unique("group"))


@pytest.fixture
def publisher(config: KafkaConfig) -> Iterator[KafkaPublisher]:
    """One publisher."""
    with closing(KafkaPublisher(config)) as opened:
        yield opened


@pytest.fixture
def listen(config: KafkaConfig) -> Iterator[Listen]:
    """Opens members of the test's group."""
    with ExitStack() as opened:
        yield lambda *topics: opened.enter_context(closing(KafkaListener(config, topics)))


@pytest.fixture
def admin(kafka_bootstrap: str) -> Iterator[KafkaAdminClient]:
    """The client's own administrator."""
    with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap)) as opened:
        yield opened


# ------------------------------------------------------------------ topics


def settings(admin: KafkaAdminClient, topic: str) -> dict[str, str]:
    """The topic's settings as the broker tells them."""
    asked = [ConfigResource("topic", topic)]
    found: Any = admin.describe_configs(asked, config_filter="all")["topic"][topic]
    return {name: entry["value"] for name, entry in found.items()}


def test_missing_topics_are_made_as_asked(config: KafkaConfig, admin: KafkaAdminClient) -> None:
    letters, outcomes = unique("letters"), unique("outcomes")
    specs = [TopicSpec(letters, compacted=True, max_message_bytes=MIB), TopicSpec(outcomes, 3)]
    ensure_topics(config, specs)
    ensure_topics(config, specs)  # and once more changes nothing
    told = settings(admin, letters)
    assert told["cleanup.policy"] == "compact"
    assert int(told["max.message.bytes"]) > MIB
    assert settings(admin, outcomes)["cleanup.policy"] == "delete"
    (described,) = admin.describe_topics([outcomes])
    assert len(described["partitions"]) == 3


def test_topics_made_by_two_processes_at_once_are_fine(config: KafkaConfig) -> None:
    spec, failures = TopicSpec(unique("letters"), compacted=True), []

    def make() -> None:
        try:
            ensure_topics(config, [spec])
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


MISFITS = {
    "deletes what it should keep": ({"cleanup.policy": "delete"}, "cleanup.policy is delete"),
    "compacts and deletes": ({"cleanup.policy": "compact,delete"}, "cleanup.policy is "),
    "too small": ({"cleanup.policy": "compact", "max.message.bytes": "1000"}, "is 1000, needed"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_an_existing_topic_that_does_not_fit_is_told(
    config: KafkaConfig, admin: KafkaAdminClient, case: str
) -> None:
    name, (configs, expected) = unique("letters"), MISFITS[case]
    made = {"num_partitions": 1, "replication_factor": 1, "configs": configs}
    admin.create_topics({name: made}, wait_for_metadata=True)
    with pytest.raises(TopicMisfit, match=expected) as refused:
        ensure_topics(config, [TopicSpec(name, compacted=True)])
    assert name in str(refused.value)


# ------------------------------------------------------------------ a broker that is not there


@pytest.mark.parametrize("what", ["listener", "publisher", "topics"])
def test_a_broker_that_is_away_is_told_in_time_and_leaves_no_thread(what: str) -> None:
    nobody = KafkaConfig(f"127.0.0.1:{free_ports(1)[0]}", "g", connect_timeout_seconds=1.0)
    calls: dict[str, Callable[[], object]] = {
        "listener": lambda: KafkaListener(nobody, ["t"]),
        "publisher": lambda: KafkaPublisher(nobody),
        "topics": lambda: ensure_topics(nobody, [TopicSpec("t")]),
    }
    before, started = set(threading.enumerate()), time.monotonic()
    with pytest.raises(BusUnavailable, match="KafkaConnectionError"):
        calls[what]()
    assert time.monotonic() - started < 5
    assert set(threading.enumerate()) <= before


def test_a_wrong_kind_of_connection_is_unavailable_not_a_hang(kafka_bootstrap: str) -> None:
    secured = KafkaConfig(
        kafka_bootstrap,
        "g",
        security=KafkaSecurity("SASL_PLAINTEXT", "PLAIN", "user", "hush"),
        connect_timeout_seconds=2.0,
    )
    with pytest.raises(BusUnavailable) as told:
        KafkaPublisher(secured)
    assert "hush" not in str(told.value) + repr(secured)


def test_listener_and_publisher_outlive_a_killed_broker(own_broker: Broker) -> None:
    patience = {"request_timeout_seconds": 2.0, "delivery_timeout_seconds": 3.0}
    config = KafkaBus(own_broker.bootstrap).config("g", connect_timeout_seconds=2.0, **patience)
    ensure_topics(config, [TopicSpec("t")])
    with closing(KafkaPublisher(config)) as publisher, closing(KafkaListener(config, ["t"])) as one:
        publisher.publish(events("t", "1"))
        one.commit(after(drain(one, 1)))
        own_broker.kill()
        started = time.monotonic()
        with pytest.raises(BusUnavailable):
            publisher.publish(events("t", "lost or not, to be published again"))
        with pytest.raises(BusUnavailable):
            one.end_offsets()
        with pytest.raises(BusUnavailable):
            one.commit({Partition("t", 0): 1})
        assert time.monotonic() - started < 20
        own_broker.start()
        publish_until_taken(publisher, events("t", "2"))
        assert "1" not in commit_until_taken(one, "2")
        own_broker.kill()
        started = time.monotonic()
    assert time.monotonic() - started < 15  # closing both without a broker


def publish_until_taken(publisher: KafkaPublisher, messages: list[Outgoing]) -> None:
    """As the outbox does: again until the bus has it."""
    for _ in range(20):
        try:
            return publisher.publish(messages)
        except BusUnavailable:
            continue
    pytest.fail("the publisher did not come back")


def commit_until_taken(listener: KafkaListener, value: str) -> list[str]:
    """As intake does: a restarted broker may not know the member, and the events come again."""
    for _ in range(20):
        heard = drain_until(listener, lambda heard: value in values(heard))
        try:
            listener.commit(after(heard))
        except CommitRefused:
            continue
        return values(heard)
    pytest.fail("the listener did not come back")


# ------------------------------------------------------------------ publishing


def test_a_producer_that_an_error_spoiled_is_replaced(
    publisher: KafkaPublisher, listen: Listen, admin: KafkaAdminClient
) -> None:
    topic = unique("small")
    small = {"num_partitions": 1, "configs": {"max.message.bytes": "2000"}}
    admin.create_topics({topic: small}, wait_for_metadata=True)
    with pytest.raises(MessageTooLarge, match="the topic's"):
        publisher.publish([Outgoing(topic, b"k", b"x" * 10_000)])
    publisher.publish(events(topic, "after"))
    assert values(drain(listen(topic), 1)) == ["after"]


def test_kafka_knows_the_producer_and_so_drops_what_it_repeats(
    bus: KafkaBus, publisher: KafkaPublisher, admin: KafkaAdminClient
) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1", "2"))
    strand = TopicPartition(topic, 0)
    # The client takes idempotence only together with acks=all (KIP-679).
    (producer,) = admin.describe_producers([strand])[strand].active_producers
    assert producer.producer_id >= 0
    assert producer.last_sequence == 1


def test_many_large_messages_are_published_in_order(
    publisher: KafkaPublisher, bus: KafkaBus, listen: Listen
) -> None:
    topic = bus.topic()
    sent = [Outgoing(topic, b"k", b"%d:" % n + b"x" * MIB) for n in range(9)]  # three slices
    publisher.publish(sent)
    heard = drain(listen(topic), 9)
    assert [message.value for message in heard] == [message.value for message in sent]


def test_publishing_to_a_topic_that_is_not_there_is_unavailable(bus: KafkaBus) -> None:
    config = bus.config("g", request_timeout_seconds=1.0, delivery_timeout_seconds=1.5)
    topic = bus.topic()
    with closing(KafkaPublisher(config)) as publisher:
        with pytest.raises(BusUnavailable):
            publisher.publish(events(unique("nowhere"), "1"))
        publisher.publish(events(topic, "1"))


def test_threads_share_a_publisher(
    bus: KafkaBus, publisher: KafkaPublisher, listen: Listen
) -> None:
    topic = bus.topic()

    def publish(name: str) -> None:
        for n in range(20):
            publisher.publish(events(topic, f"{name}:{n}"))

    threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    heard = values(drain(listen(topic), 80))
    for thread in threads:
        thread.join(30)
    for name in "abcd":
        own = [event for event in heard if event.startswith(name)]
        assert own == [f"{name}:{n}" for n in range(20)]


# ------------------------------------------------------------------ what other clients send


def own_producer(bootstrap: str, **options: Any) -> Any:
    """A producer as others have it, not ours."""
    return KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, **options)


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_topics_are_heard(
    bus: KafkaBus, listen: Listen, kafka_bootstrap: str, compression: str
) -> None:
    topic = bus.topic()
    with closing(own_producer(kafka_bootstrap, compression_type=compression)) as producer:
        sent = [producer.send(topic, b"value-%d" % n * 20, key=b"k") for n in range(50)]
        for future in sent:
            future.get(timeout=30)
    heard = drain(listen(topic), 50)
    assert [message.value for message in heard] == [b"value-%d" % n * 20 for n in range(50)]


class OddName(str):
    """A header name as a client in C may send it."""

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfename"


def test_a_header_name_that_is_not_text_stops_nothing(
    bus: KafkaBus, listen: Listen, kafka_bootstrap: str
) -> None:
    topic = bus.topic()
    with closing(own_producer(kafka_bootstrap)) as producer:
        producer.send(topic, b"1", key=b"k").get(timeout=30)
        producer.send(topic, b"2", headers=[(OddName("x"), b"v")]).get(timeout=30)
        producer.send(topic, b"3", key=b"k").get(timeout=30)
    heard = drain(listen(topic), 3)
    assert values(heard) == ["1", "2", "3"]
    assert heard[1].headers == (("\\xff\\xfename", b"v"),)
