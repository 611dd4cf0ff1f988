"""Events wait on the bus and polls bring none: the readiness says so, a new listener is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer

from consumer.bus.port import BusUnavailable, Listener, Message, Outgoing
from consumer.pumps.intake import IntakePump
from consumer.pumps.silence import Silence
from consumer.telemetry.readiness import Readiness
from tests.contract.buses import EmbeddedBus, KafkaBus, unique
from tests.end_to_end.patience import until
from tests.integration.office import Office
from tests.integration.people import LENA, OTIS, PRIYA, moodle
from tests.integration.test_outages import bad, turn

SILENT_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
Buses = EmbeddedBus | KafkaBus


class Deaf:
    """A listener whose polls bring nothing any more, once told so."""

    def __init__(self, inner: Listener) -> None:
        self._inner, self.deaf = inner, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        return [] if self.deaf else self._inner.poll(limit, timeout_seconds)


# ---------------------------------------------------------------- either bus


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest, tmp_path: Any) -> Buses:
    """Each bus in turn."""
    if request.param == "embedded":
        return EmbeddedBus(tmp_path / "bus.db")
    return KafkaBus(request.getfixturevalue("kafka_bootstrap"))


@pytest.fixture
def listening(bus: Buses) -> Iterator[tuple[str, Listener]]:
    """A topic nobody has used, and a listener that has joined its group and heard a first event."""
    topic = bus.topic()
    with closing(bus.listener([topic], unique("group"))) as listener:
        publish(bus, topic, b"first")
        until(lambda: listener.poll(10, 0.2), PATIENCE_SECONDS, "the first event")
        yield topic, listener


def publish(bus: Buses, topic: str, *values: bytes) -> None:
    with closing(bus.publisher()) as publisher:
        publisher.publish([Outgoing(topic, b"k", value) for value in values])


def test_what_waits_is_counted_from_where_the_listener_stands(
    bus: Buses, listening: tuple[str, Listener]
) -> None:
    topic, listener = listening
    assert listener.waiting() == 0  # though nothing was committed
    publish(bus, topic, b"1", b"2", b"3")
    until(lambda: listener.waiting() == 3, PATIENCE_SECONDS, "three events to wait")
    heard: list[Message] = []
    until(lambda: heard.extend(listener.poll(10, 0.2)) or len(heard) == 3, 30, "three events")
    assert listener.waiting() == 0


def test_a_deaf_listener_is_told_and_replaced_once(
    bus: Buses, listening: tuple[str, Listener], clock: Any
) -> None:
    topic, listener = listening
    readiness = Readiness(clock)
    silence = Silence(SILENT_SECONDS, readiness, clock)
    silence.broken()
    assert not goes_on(silence, listener, clock, 3 * SILENT_SECONDS)
    assert [one.ok for one in readiness.conditions()] == [True]
    publish(bus, topic, b"1", b"2")
    assert not goes_on(silence, listener, clock, SILENT_SECONDS - 1)
    assert [one.ok for one in readiness.conditions()] == [True]
    assert goes_on(silence, listener, clock, SILENT_SECONDS)
    (told,) = readiness.conditions()
    assert (told.name, told.cause) == ("bus", "2 events wait on the bus, and none arrive")
    assert not goes_on(silence, listener, clock, 10 * SILENT_SECONDS)
    until(lambda: listener.poll(10, 0.2), PATIENCE_SECONDS, "they to arrive after all")
    silence.broken()
    assert [one.ok for one in readiness.conditions()] == [True]


def goes_on(silence: Silence, listener: Listener, clock: Any, seconds: float) -> bool:
    """Polls bring nothing for so long; whether a new listener was called for."""
    called = False
    for _ in range(round(seconds / 5)):
        called |= silence.goes_on(listener)
        clock.advance(5)
    return called


# ---------------------------------------------------------------- what only Kafka does


@pytest.mark.kafka
def test_the_marks_of_a_transaction_are_no_events_that_wait(kafka_bootstrap: str) -> None:
    bus = KafkaBus(kafka_bootstrap)
    topic = bus.topic()
    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=unique("lms"))
    with closing(producer), closing(bus.listener([topic], unique("group"))) as listener:
        producer.init_transactions()
        for _ in range(3):
            producer.begin_transaction()
            producer.send(topic, key=b"k", value=b"completed")
            producer.commit_transaction()
        heard: list[Message] = []
        until(lambda: heard.extend(listener.poll(10, 0.2)) or len(heard) == 3, 30, "three events")
        until(lambda: not listener.poll(10, 0.2), PATIENCE_SECONDS, "silence")
        # Six places on the topic are taken: the last is a mark, and stands for nobody.
        assert [*listener.end_offsets().values()] == [6]
        until(lambda: listener.waiting() == 0, PATIENCE_SECONDS, "nothing to wait")


# ---------------------------------------------------------------- the pump


@pytest.fixture
def opened() -> list[Deaf]:
    """Every listener that the pump has had."""
    return []


@pytest.fixture
def deaf_office(office: Office, opened: list[Deaf]) -> Iterator[Office]:
    """An office whose intake listens through those."""

    def connect() -> Listener:
        opened.append(Deaf(office.service.bus.listen(office.ledger.remembered)))
        return opened[-1]

    pump = office.intake
    pump._connect = connect
    yield office
    pump.run(office.service.stop)


def test_a_new_listener_cures_it(deaf_office: Office, opened: list[Deaf]) -> None:
    office = deaf_office
    office.hear(moodle(PRIYA))
    opened[0].deaf = True
    office.publisher.publish([moodle(OTIS), moodle(LENA)])
    listen(office, SILENT_SECONDS - 5)
    assert (bad(office), len(opened)) == ({}, 1)
    listen(office, SILENT_SECONDS / 2)
    assert len(opened) == 2
    assert office.states() == ["ready"] * 3
    assert bad(office) == {}


def test_it_stays_told_when_a_new_listener_hears_nothing_either(
    deaf_office: Office, opened: list[Deaf], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = deaf_office
    monkeypatch.setattr(Deaf, "poll", lambda *_: [])
    office.publisher.publish([moodle(OTIS)])
    listen(office, 10 * SILENT_SECONDS)
    assert bad(office) == {"bus": "1 events wait on the bus, and none arrive"}
    assert len(opened) == 2
    monkeypatch.undo()
    listen(office, 5)
    assert (office.states(), bad(office)) == (["ready"], {})


def test_a_bus_that_went_away_in_silence_is_told_until_it_can_be_reached(
    deaf_office: Office, opened: list[Deaf]
) -> None:
    office = deaf_office
    office.hear(moodle(PRIYA))
    pump: IntakePump = office.intake
    connect: Callable[[], Listener] = pump._connect

    def away(*_: object) -> Any:
        raise BusUnavailable("Kafka, end offsets: KafkaTimeoutError")

    opened[0].waiting, pump._connect = away, away  # type: ignore[method-assign]
    listen(office, SILENT_SECONDS)
    assert bad(office) == {"bus": "Kafka, end offsets: KafkaTimeoutError"}
    pump._connect = connect
    office.publisher.publish([moodle(OTIS)])
    listen(office, 5)
    assert (office.states(), bad(office)) == (["ready"] * 2, {})


def listen(office: Office, seconds: float) -> None:
    """The intake pump turns for so long."""
    until_ = office.clock.monotonic() + seconds
    while office.clock.monotonic() < until_:
        turn(office, "intake")
        office.clock.advance(5)
