"""What both buses tell of before: from one time to another, whoever has heard it since."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from consumer.bus.port import Listener, Outgoing, Partition, Publisher, TopicMisfit
from tests.contract.buses import Bus, after, drain, events, values
from tests.end_to_end.patience import until

Listen = Callable[..., Listener]
DAY = timedelta(days=1)


def a_moment() -> datetime:
    """Now, once it is later than what was before, and before anything that comes after."""
    began = datetime.now(UTC)
    until(lambda: datetime.now(UTC) - began > timedelta(milliseconds=20), 5, "later")
    now = datetime.now(UTC)
    until(lambda: datetime.now(UTC) - now > timedelta(milliseconds=20), 5, "later")
    return now


def read(bus: Bus, topic: str, since: datetime | None, till: datetime | None = None) -> list[str]:
    with closing(bus.past(topic)) as past:
        return values(list(past.read(past.stretch(since, till))))


def test_it_is_read_from_one_time_to_another(bus: Bus, publisher: Publisher) -> None:
    topic, beginning = bus.topic(), datetime.now(UTC) - DAY
    publisher.publish(events(topic, "1", "2"))
    first = a_moment()
    publisher.publish(events(topic, "3"))
    publisher.publish(events(topic, "4"))
    second = a_moment()
    publisher.publish(events(topic, "5"))
    assert read(bus, topic, beginning) == ["1", "2", "3", "4", "5"]
    assert read(bus, topic, first) == ["3", "4", "5"]
    assert read(bus, topic, first, second) == ["3", "4"]
    assert read(bus, topic, None, first) == ["1", "2"]
    assert read(bus, topic, second, first) == []
    assert read(bus, topic, datetime.now(UTC) + DAY) == []


def test_each_message_has_the_place_that_a_listener_hears_it_at(
    bus: Bus, publisher: Publisher, listen: Listen
) -> None:
    topic = bus.topic(partitions=3)
    publisher.publish([Outgoing(topic, b"%d" % n, b"%d" % n, (("h", b"1"),)) for n in range(700)])
    listener = listen(topic)
    heard = drain(listener, 700)
    listener.commit(after(heard))
    with closing(bus.past(topic)) as past:
        found = list(past.read(past.stretch(None, None)))
        again = list(past.read(past.stretch(None, None)))
    assert sorted(map(repr, found)) == sorted(map(repr, heard))
    assert len(again) == 700
    # Nobody's position moved.
    assert listener.committed() == after(heard)
    assert listener.waiting() == 0


def test_what_comes_meanwhile_is_not_of_the_stretch(bus: Bus, publisher: Publisher) -> None:
    topic = bus.topic()
    publisher.publish(events(topic, "1"))
    with closing(bus.past(topic)) as past:
        stretch = past.stretch(None, None)
        publisher.publish(events(topic, "2"))
        assert stretch == {Partition(topic, 0): (0, 1)}
        assert values(list(past.read(stretch))) == ["1"]


def test_a_topic_that_is_not_there_is_told(bus: Bus) -> None:
    with closing(bus.past("nobody-made-it")) as past, pytest.raises(TopicMisfit, match="no topic"):
        past.stretch(None, None)
