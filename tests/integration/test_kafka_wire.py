"""What LMSs put on the wire, whatever their client: heard byte for byte, in order, or not said."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from consumer.bus.kafka import KafkaConfig, KafkaListener, TopicSpec, ensure_topics
from consumer.bus.port import Message, Partition
from tests.contract.buses import KafkaBus, after, drain, drain_until, unique, values
from tests.end_to_end.patience import until
from tests.kafka import lms
from tests.kafka.broker import Broker

pytestmark = pytest.mark.kafka

Listen = Callable[..., KafkaListener]
MIB = 1024 * 1024
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
END = b"the end"


@pytest.fixture
def config(kafka_bootstrap: str) -> KafkaConfig:
    """Settings with a group no other test has, and the service's own size limit."""
    return KafkaBus(kafka_bootstrap).config(unique("group"), max_message_bytes=2 * MIB)


@pytest.fixture
def topic(config: KafkaConfig) -> str:
    """A topic nobody has used, made as the service makes it."""
    name = unique("events")
    ensure_topics(config, [TopicSpec(name, max_message_bytes=2 * MIB)])
    return name


@pytest.fixture
def listen(config: KafkaConfig) -> Iterator[Listen]:
    """Opens members of the test's group."""
    with ExitStack() as opened:
        yield lambda *topics: opened.enter_context(closing(KafkaListener(config, topics)))


@pytest.fixture
def foreign(kafka_bootstrap: str) -> Iterator[Callable[..., Any]]:
    """Opens producers as others have them, not ours."""
    with ExitStack() as opened:
        yield lambda **options: opened.enter_context(closing(_producer(kafka_bootstrap, **options)))


def _producer(bootstrap: str, **options: Any) -> Any:
    return KafkaProducer(bootstrap_servers=bootstrap, max_request_size=3 * MIB, **options)


def heard_until_the_end(listener: KafkaListener) -> list[Message]:
    """Everything up to the message that says it is the last."""
    return drain_until(listener, lambda heard: any(one.value == END for one in heard))


# ------------------------------------------------------------------ codecs


def contents(codec: str, count: int) -> list[bytes]:
    """Text that compresses well, bytes that do not, nothing at all, and one that fills a batch."""
    chance = random.Random(codec)  # noqa: S311 - bytes to compare, not secrets
    made = [f"{codec} {n} ".encode() * chance.randint(1, 400) for n in range(count)]
    made += [chance.randbytes(chance.randint(1, 5_000)) for _ in range(count)]
    return [*made, b"", codec.encode() * 100_000]


def test_every_codec_of_a_client_in_python_is_heard_on_one_topic(
    topic: str, listen: Listen, foreign: Callable[..., Any]
) -> None:
    producers = {
        codec: foreign(linger_ms=20, compression_type=None if codec == "none" else codec)
        for codec in CODECS
    }
    sent = []
    for codec in [*CODECS, *reversed(CODECS)]:
        batch = contents(codec, 20)
        futures = [producers[codec].send(topic, value) for value in batch]
        for future in futures:
            future.get(timeout=60)
        sent += batch
    assert [one.value for one in drain(listen(topic), len(sent))] == sent


def test_every_codec_of_kafkas_own_client_is_heard_on_one_topic(
    kafka_bootstrap: str, topic: str, listen: Listen
) -> None:
    orders = [("send", codec, one) for codec in [*CODECS, *CODECS] for one in contents(codec, 20)]
    lms.publish(kafka_bootstrap, topic, orders)
    heard = drain(listen(topic), len(orders))
    assert [one.value for one in heard] == [value for *_, value in orders]
    assert [one.offset for one in heard] == list(range(len(orders)))


# ------------------------------------------------------------------ transactions


def transaction(how: str, *values: bytes) -> list[lms.Order]:
    """Orders for one transaction that ends like this."""
    return [("begin",), *(("write", one) for one in values), (how,)]


def test_what_an_lms_took_back_was_never_said(
    kafka_bootstrap: str, topic: str, listen: Listen
) -> None:
    lms.publish(
        kafka_bootstrap,
        topic,
        [
            ("send", "none", b"before"),
            *transaction("abort", b"taken back 1", b"taken back 2"),
            *transaction("commit", b"said 1", b"said 2"),
            *transaction("abort", b"taken back 3"),
            ("send", "none", END),
        ],
    )
    listener = listen(topic)
    heard = heard_until_the_end(listener)
    assert values(heard) == ["before", "said 1", "said 2", "the end"]
    listener.commit(after(heard))
    # The broker may write the last abort's marker after what was sent next; it is nothing to hear.
    ends, committed = listener.end_offsets(), listener.committed()
    assert {end - committed[strand] for strand, end in ends.items()} <= {0, 1}


def test_a_large_transaction_that_was_taken_back_stops_nothing(
    kafka_bootstrap: str, config: KafkaConfig, topic: str, listen: Listen
) -> None:
    large = [os.urandom(MIB) for _ in range(6)]
    assert sum(map(len, large)) > config.partition_fetch_bytes
    orders = transaction("abort", *large)
    lms.publish(kafka_bootstrap, topic, [*orders, ("send", "none", END)])
    assert values(heard_until_the_end(listen(topic))) == ["the end"]


def test_an_open_transaction_is_heard_once_it_is_committed(
    topic: str, listen: Listen, foreign: Callable[..., Any]
) -> None:
    lms_side = foreign(transactional_id=unique("lms"))
    lms_side.init_transactions()
    foreign().send(topic, b"before").get(timeout=30)
    lms_side.begin_transaction()
    lms_side.send(topic, b"in it").get(timeout=30)
    foreign().send(topic, b"behind it").get(timeout=30)
    listener = listen(topic)
    assert values(drain(listener, 1)) == ["before"]
    assert listener.poll(10, 1.0) == []
    assert listener.end_offsets() == {Partition(topic, 0): 1}  # what cannot be heard is no lag
    lms_side.commit_transaction()
    assert values(drain(listener, 2)) == ["in it", "behind it"]


# ------------------------------------------------------------------ poison

POISON: dict[str, dict[str, Any]] = {
    "null key": {"value": b"v"},
    "null value": {"key": b"k", "value": None},
    "empty": {"key": b"", "value": b""},
    "garbage": {"key": b"\xff\xfe\x00", "value": bytes(range(256)) * 7},
    "not a record, by its look": {"value": b"\x00\x00\x00\x02" * 50},
    "odd headers": {"value": b"v", "headers": [("", b"\xff"), ("h", b""), ("h", b"2")]},
    "two megabytes": {"value": b"\x07" * (2 * MIB)},
}


@pytest.mark.parametrize("case", POISON)
def test_poison_is_heard_as_it_is_and_stops_nothing(
    topic: str, listen: Listen, foreign: Callable[..., Any], case: str
) -> None:
    producer, poison = foreign(linger_ms=20), {"key": None, "headers": [], **POISON[case]}
    futures = [producer.send(topic, b"before"), producer.send(topic, **poison)]
    futures.append(producer.send(topic, END))
    for future in futures:
        future.get(timeout=30)
    _, heard, _ = heard_until_the_end(listen(topic))
    assert (heard.key, heard.value) == (poison["key"], poison["value"])
    assert heard.headers == tuple(poison["headers"])


def test_what_only_kafkas_own_client_sends_stops_nothing(
    kafka_bootstrap: str, topic: str, listen: Listen
) -> None:
    orders: list[lms.Order] = [("nothing",), ("header",), ("send", "none", END)]
    lms.publish(kafka_bootstrap, topic, orders)
    nothing, header, _ = heard_until_the_end(listen(topic))
    assert (nothing.key, nothing.value, nothing.headers) == (None, None, ())
    assert (header.value, header.headers) == (b"v", (("empty", b""), ("h", b"1")))


# ------------------------------------------------------------------ compaction


def test_gaps_that_compaction_leaves_stop_nothing(guarded_broker: Broker) -> None:
    config = KafkaBus(guarded_broker.bootstrap).config(unique("group"))
    topic = unique("compacted")
    with closing(KafkaAdminClient(bootstrap_servers=guarded_broker.bootstrap)) as admin:
        small = {"cleanup.policy": "compact", "segment.bytes": "1048576", "segment.ms": "100"}
        eager = {"min.cleanable.dirty.ratio": "0.001", "min.compaction.lag.ms": "0"}
        admin.create_topics({topic: {"num_partitions": 1, "configs": small | eager}})
    with closing(_producer(guarded_broker.bootstrap)) as producer:
        write(producer, topic, range(40))
        gaps = until(lambda: rolled(producer, guarded_broker, topic), 90, "compaction")
    assert gaps[0] > 0, "the log begins with a gap"
    with closing(KafkaListener(config, [topic])) as listener:
        # The cleaner goes on meanwhile: what it leaves of these comes in order, the last one too.
        heard = drain_until(listener, lambda so_far: gaps[-1] in [m.offset for m in so_far])
        offsets = [one.offset for one in heard]
        assert offsets == [one for one in gaps if one in offsets]
        listener.commit(after(heard))
        assert listener.poll(10, 0.5) == []


def write(producer: Any, topic: str, numbers: range) -> None:
    """Four learners, again and again: of each only the last word stays."""
    for n in numbers:
        producer.send(topic, b"%d" % n, key=b"learner-%d" % (n % 4)).get(timeout=30)


def rolled(producer: Any, broker: Broker, topic: str) -> list[int]:
    """The offsets left once the cleaner was there; each try rolls the segment by one record."""
    write(producer, topic, range(1))
    own: dict[str, Any] = {"bootstrap_servers": broker.bootstrap, "auto_offset_reset": "earliest"}
    with closing(KafkaConsumer(topic, **own, consumer_timeout_ms=1_000)) as reader:
        offsets = [record.offset for record in reader]
    return offsets if any(later - earlier > 1 for earlier, later in pairwise(offsets)) else []
