"""Where kafka-python bites, tried on genuine Kafka, and that our adapter is not bitten.

One name a pitfall: what the client does, and what ours does in its place.
"""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata

import consumer.bus.kafka
from consumer.bus.kafka import KafkaConfig, KafkaListener, KafkaPublisher, TopicSpec, ensure_topics
from consumer.bus.port import MessageTooLarge, Outgoing
from tests.contract.buses import KafkaBus, after, drain, events, unique, values
from tests.kafka.broker import Broker

pytestmark = pytest.mark.kafka

MIB = 1024 * 1024
ADAPTER = sorted(Path(consumer.bus.kafka.__file__).parent.glob("kafka*.py"))


@pytest.fixture
def config(kafka_bootstrap: str) -> KafkaConfig:
    """Settings with a group no other test has, and the service's own size limit."""
    return KafkaBus(kafka_bootstrap).config(unique("group"), max_message_bytes=2 * MIB)


@pytest.fixture
def topic(config: KafkaConfig) -> str:
    """A topic nobody has used."""
    name = unique("events")
    ensure_topics(config, [TopicSpec(name, max_message_bytes=2 * MIB)])
    return name


@pytest.fixture
def publisher(config: KafkaConfig) -> Iterator[KafkaPublisher]:
    """One publisher of ours."""
    with closing(KafkaPublisher(config)) as opened:
        yield opened


def bare(config: KafkaConfig, *topics: str, **options: Any) -> Any:
    """The client's own consumer, set up as ours is not."""
    own: dict[str, Any] = {
        "group_id": config.group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
    }
    return KafkaConsumer(*topics, bootstrap_servers=config.bootstrap_servers, **(own | options))


# ------------------------------------------------------------------ 1: bytes that cannot be decoded


def test_bytes_that_cannot_be_decoded_are_heard_as_bytes(
    config: KafkaConfig, topic: str, publisher: KafkaPublisher
) -> None:
    publisher.publish([Outgoing(topic, b"\xff", b"\xff\xfe"), *events(topic, "after")])
    with closing(KafkaListener(config, [topic])) as listener:
        assert [one.value for one in drain(listener, 2)] == [b"\xff\xfe", b"after"]


def test_the_adapter_lets_the_client_decode_nothing() -> None:
    assert {word for file in ADAPTER for word in words(file) if "serializer" in word} == set()


# ------------------------------------------------------------------ 2: a commit in a listener


def test_a_commit_at_a_rebalance_raises_in_the_client_and_ours_only_pauses_there(
    config: KafkaConfig, topic: str, publisher: KafkaPublisher
) -> None:
    publisher.publish(events(topic, "1"))
    raised: list[str] = []

    class Committing(ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked: Any) -> None:
            pass

        def on_partitions_assigned(self, assigned: Any) -> None:
            try:
                reader.commit({one: OffsetAndMetadata(1, "", -1) for one in assigned})
            except RuntimeError as error:
                raised.append(str(error))

    with closing(bare(config)) as reader:
        reader.subscribe([topic], listener=Committing())
        deadline = time.monotonic() + 30
        while not raised and time.monotonic() < deadline:
            reader.poll(500)
    assert raised
    assert "IO thread" in raised[0]
    assert called_at_a_rebalance() == {"pause"}


def called_at_a_rebalance() -> set[str]:
    """What our own listeners call, where nothing may block."""
    trees = [ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in ADAPTER]
    ours = [
        one
        for tree in trees
        for one in tree
        if isinstance(one, ast.ClassDef)
        and any("RebalanceListener" in ast.unparse(base) for base in one.bases)
    ]
    calls = [one.func for own in ours for one in ast.walk(own) if isinstance(one, ast.Call)]
    return {getattr(func, "attr", getattr(func, "id", "")) for func in calls}


# ------------------------------------------------------------------ 3: a spoiled producer


def test_a_spoiled_producer_stays_so_and_ours_is_replaced(
    config: KafkaConfig, publisher: KafkaPublisher
) -> None:
    small, other = unique("small"), unique("other")
    with closing(KafkaAdminClient(bootstrap_servers=config.bootstrap_servers)) as admin:
        limit = {"num_partitions": 1, "configs": {"max.message.bytes": "2000"}}
        admin.create_topics({small: limit, other: limit}, wait_for_metadata=True)
    with closing(KafkaProducer(bootstrap_servers=config.bootstrap_servers)) as producer:
        for name, value in ((small, b"x" * 10_000), (other, b"fits")):
            with pytest.raises(MessageSizeTooLargeError):
                producer.send(name, value).get(timeout=30)
    with pytest.raises(MessageTooLarge):
        publisher.publish([Outgoing(small, b"k", b"x" * 10_000)])
    publisher.publish(events(other, "fits"))
    with closing(KafkaListener(config, [other])) as listener:
        assert values(drain(listener, 1)) == ["fits"]


# ------------------------------------------------------------------ 4: transactions that hang


def test_our_path_has_no_transactions() -> None:
    assert {word for file in ADAPTER for word in words(file) if "transaction" in word} == set()


def words(file: Path) -> set[str]:
    """Every name and every text in a module, but for its docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            found.add(node.value)
        found |= {getattr(node, name) for name in ("id", "attr", "name", "arg")
                  if isinstance(getattr(node, name, None), str)}  # fmt: skip
    return found


# ------------------------------------------------------------------ 5: closing without a broker


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the client's own
def test_closing_without_a_broker_never_raises_and_ends(own_broker: Broker) -> None:
    config = KafkaBus(own_broker.bootstrap).config("g", request_timeout_seconds=2.0)
    ensure_topics(config, [TopicSpec("t")])
    publisher, listener = KafkaPublisher(config), KafkaListener(config, ["t"])
    producer = KafkaProducer(bootstrap_servers=own_broker.bootstrap, linger_ms=60_000)
    publisher.publish(events("t", "1"))
    listener.commit(after(drain(listener, 1)))
    producer.send("t", b"never sent")
    own_broker.kill()
    with pytest.raises(KafkaTimeoutError):
        producer.close(timeout=2)
    started = time.monotonic()
    publisher.close()
    listener.close()
    assert time.monotonic() - started < 15
    publisher.close()  # and once more is nothing
    listener.close()


# ------------------------------------------------------------------ 6: describe_cluster


def test_genuine_kafka_describes_itself_and_we_do_not_ask(kafka_bootstrap: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap)) as admin:
        assert admin.describe_cluster()["brokers"]
    assert not any("describe_cluster" in words(file) for file in ADAPTER)


# ------------------------------------------------------------------ 7: answers above the limits


def test_messages_at_the_limits_all_arrive(config: KafkaConfig, publisher: KafkaPublisher) -> None:
    """More partitions than one answer holds at their limit; every message as large as allowed."""
    name = unique("wide")
    ensure_topics(config, [TopicSpec(name, 8, max_message_bytes=2 * MIB)])
    assert 8 * config.partition_fetch_bytes > config.fetch_max_bytes
    sent = {b"%d" % n: os.urandom(config.max_message_bytes - 2) for n in range(24)}
    for key, value in sent.items():
        publisher.publish([Outgoing(name, key, value)])
    with closing(KafkaListener(config, [name])) as listener:
        heard = drain(listener, len(sent))
    assert len(heard) == len(sent)
    assert {one.key: one.value for one in heard} == sent


def test_a_message_above_both_limits_of_a_fetch_still_arrives(
    config: KafkaConfig, topic: str, publisher: KafkaPublisher
) -> None:
    """Kafka always gives the first message whole: limits that are too small stop nothing."""
    narrow = KafkaBus(config.bootstrap_servers).config(
        config.group, fetch_max_bytes=64 * 1024, partition_fetch_bytes=16 * 1024
    )
    sent = [os.urandom(2 * MIB - 2), b"small", os.urandom(MIB), b"the end"]
    for value in sent:
        publisher.publish([Outgoing(topic, b"k", value)])
    with closing(KafkaListener(narrow, [topic])) as listener:
        assert [one.value for one in drain(listener, len(sent))] == sent
