"""What both buses promise (consumer/bus/port.py)."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

import pytest

from consumer.bus.port import Listener, MessageTooLarge, Outgoing, Partition, Publisher
from tests.contract import child
from tests.contract.buses import LIMIT_BYTES, Bus, after, drain, drain_until, events, values

Listen = Callable[..., Listener]
MIB = 1024 * 1024

ODD_MESSAGES = {
    "plain": (b"key", b"value", (("trace", b"1"),)),
    "null key": (None, b"value", ()),
    "null value": (b"key", None, ()),
    "empty value": (b"key", b"", ()),
    "empty key": (b"", b"value", ()),
    "empty header": (b"key", b"value", (("empty", b""), ("", b"nameless"))),
    "repeated header": (b"key", b"value", (("h", b"1"), ("other", b"2"), ("h", b"1"), ("h", b"3"))),
    "not text": (b"\xff\xfe\x00", bytes(range(256)), (("raw", b"\xc3\x28\x00"), ("ö", b"\xff"))),
}


@pytest.mark.parametrize("case", ODD_MESSAGES)
def test_what_is_heard_is_what_was_published(
    bus: Bus, publisher: Publisher, listen: Listen, case: str
) -> None:
    topic = bus.topic()
    key, value, headers = ODD_MESSAGES[case]
    publisher.publish([Outgoing(topic, key, value, headers)])
    (heard,) = drain(listen(topic), 1)
    assert (heard.key, heard.value, heard.headers) == (key, value, headers)
    assert (heard.topic, heard.partition, heard.offset) == (topic, 0, 0)


def test_a_message_of_nothing_is_refused(bus: Bus) -> None:
    topic = bus.topic()
    with pytest.raises(ValueError, match="key or a value"):
        Outgoing(topic, None, None)


def test_a_committed_position_survives_a_restart(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1", "2"))
    first = listen(topic)
    heard = drain(first, 2)
    first.commit(after(heard))
    assert first.committed() == first.end_offsets() == {Partition(topic, 0): 2}
    first.close()
    publisher.publish(events(topic, "3"))
    assert values(drain(listen(topic), 1)) == ["3"]


def test_an_uncommitted_message_comes_again(bus: Bus, publisher: Publisher, listen: Listen) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1", "2"))
    first = listen(topic)
    drain(first, 2)
    assert first.committed() == {}
    first.close()
    assert values(drain(listen(topic), 2)) == ["1", "2"]


def test_a_commit_is_of_a_position_not_of_what_was_heard(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1", "2", "3"))
    first = listen(topic)
    older = drain_until(first, lambda heard: len(heard) >= 1, limit=1)
    drain(first, 2)
    first.commit(after(older))
    first.close()
    assert values(drain(listen(topic), 2)) == ["2", "3"]


def test_no_more_than_the_limit_is_heard_at_once(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topics = [bus.topic(), bus.topic()]
    for topic in topics:
        publisher.publish(events(topic, *map(str, range(20))))
    listener, batches, heard = listen(*topics), [], 0
    while heard < 40:
        batches.append(listener.poll(7, 5.0))
        heard += len(batches[-1])
    assert max(map(len, batches)) <= 7


def test_order_holds_in_each_partition(bus: Bus, publisher: Publisher, listen: Listen) -> None:
    topic = bus.topic(partitions=3)
    sent = [Outgoing(topic, b"key-%d" % (n % 7), b"%d" % n) for n in range(300)]
    publisher.publish(sent[:100])
    publisher.publish(sent[100:])
    heard = drain(listen(topic), 300)
    for strand in {message.strand for message in heard}:
        offsets = [message.offset for message in heard if message.strand == strand]
        assert offsets == list(range(len(offsets)))
    for key in {message.key for message in sent}:
        assert [m.value for m in heard if m.key == key] == [m.value for m in sent if m.key == key]


def test_one_listener_hears_several_topics(bus: Bus, publisher: Publisher, listen: Listen) -> None:
    topics = [bus.topic() for _ in range(3)]
    publisher.publish([event for topic in topics for event in events(topic, "1", "2")])
    listener = listen(*topics)
    heard = drain(listener, 6)
    listener.commit(after(heard))
    assert listener.committed() == {Partition(topic, 0): 2 for topic in topics}
    for topic in topics:
        assert values([message for message in heard if message.topic == topic]) == ["1", "2"]


def test_a_value_of_one_mebibyte_passes(bus: Bus, publisher: Publisher, listen: Listen) -> None:
    topic = bus.topic()
    value = os.urandom(MIB)  # nothing that a compression could make small
    headers = (("trace", b"x" * 55), ("ce_source", b"https://lms.example/courses"))
    publisher.publish([Outgoing(topic, b"learner:course", value, headers)])
    (heard,) = drain(listen(topic), 1)
    assert (heard.value, heard.headers) == (value, headers)


@pytest.mark.parametrize("where", ["value", "key", "header"])
def test_a_message_over_the_limit_is_refused_and_the_next_ones_pass(
    bus: Bus, publisher: Publisher, listen: Listen, where: str
) -> None:
    topic, much = bus.topic(), b"x" * LIMIT_BYTES
    large = {
        "value": Outgoing(topic, b"k", much),
        "key": Outgoing(topic, much, b"v"),
        "header": Outgoing(topic, b"k", b"v", (("h", much),)),
    }[where]
    with pytest.raises(MessageTooLarge) as refused:
        publisher.publish([*events(topic, "before"), large])
    assert "xxx" not in str(refused.value)
    publisher.publish(events(topic, "after"))
    assert values(drain(listen(topic), 1)) == ["after"]


def test_a_poll_with_nothing_to_hear_ends_in_time(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic()
    listener = listen(topic)
    publisher.publish(events(topic, "1"))
    drain(listener, 1)  # joined by now
    started = time.monotonic()
    assert listener.poll(10, 0.4) == []
    assert 0.3 < time.monotonic() - started < 1.4
    assert listener.poll(10, 0.0) == []


def test_a_waiting_listener_hears_what_comes(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic()
    listener = listen(topic)
    publisher.publish(events(topic, "1"))
    drain(listener, 1)
    writer = child.start("publish", bus, topic=topic, name="p", count=1)
    assert values(listener.poll(10, 30.0)) == ["p:0"]
    assert writer.wait(30) == 0


# What the ledger remembers of the five events, the first three of which the bus has committed,
# and what is heard then.
REMEMBERED = {"older": (1, "2345"), "newer": (5, "45"), "same": (3, "45"), "nothing": (0, "12345")}


@pytest.mark.parametrize("case", REMEMBERED)
def test_listening_starts_from_the_older_of_bus_and_ledger(
    bus: Bus, publisher: Publisher, listen: Listen, case: str
) -> None:
    topic = bus.topic()
    remembers, expected = REMEMBERED[case]
    publisher.publish(events(topic, *"12345"))
    first = listen(topic)
    drain(first, 5)
    first.commit({Partition(topic, 0): 3})
    first.close()
    second = listen(
        topic, remembered=lambda asked: {strand: remembers for strand in asked if remembers}
    )
    assert values(drain(second, len(expected))) == list(expected)


def test_a_ledger_that_is_ahead_of_a_bus_without_commits_loses_nothing(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1", "2"))
    listener = listen(topic, remembered=lambda asked: dict.fromkeys(asked, 2))
    assert values(drain(listener, 2)) == ["1", "2"]


def test_many_publishing_processes_lose_nothing_and_keep_their_order(
    bus: Bus, listen: Listen
) -> None:
    topic, names, count = bus.topic(partitions=2), ["a", "b", "c", "d"], 60
    writers = [child.start("publish", bus, topic=topic, name=name, count=count) for name in names]
    heard = values(drain(listen(topic), len(names) * count))
    assert [writer.wait(30) for writer in writers] == [0] * len(names)
    assert sorted(heard) == sorted(f"{name}:{n}" for name in names for n in range(count))
    for name in names:
        for key in range(3):  # the child's event n has key n % 3
            own = [int(event.split(":")[1]) for event in heard if event.startswith(f"{name}:")]
            of_key = [n for n in own if n % 3 == key]
            assert of_key == sorted(of_key)


def test_killing_a_publishing_process_loses_nothing_it_acknowledged(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic()
    writer = child.start("publish", bus, topic=topic, name="p")
    acknowledged = _lines(writer, 30)
    writer.kill()
    acknowledged += [line.strip() for line in writer.stdout or () if line.endswith("\n")]
    assert writer.wait(30) == -9
    publisher.publish(events(topic, "end"))
    heard = values(drain_until(listen(topic), lambda heard: "end" in values(heard)))
    assert [event for event in acknowledged if event not in heard] == []
    assert len(heard) - len(acknowledged) <= 2  # "end", and one written but not yet acknowledged


def test_killing_the_listening_process_loses_nothing(
    bus: Bus, publisher: Publisher, listen: Listen, group: str
) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1", "2"))
    listening = child.start("listen", bus, topic=topic, group=group, count=2)
    assert _lines(listening, 2) == ["1", "2"]
    listening.kill()
    assert listening.wait(30) == -9
    assert values(drain(listen(topic), 2)) == ["1", "2"]


def _lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]
