"""SIGTERM while Kafka is away, in every phase: the end is in time, is no failure, loses nothing."""

from __future__ import annotations

import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from consumer.demo.scenario import Scenario
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice, kafka_settings
from tests.end_to_end.office import STOP_SECONDS, UNSETTLED, Running
from tests.end_to_end.patience import until
from tests.kafka.broker import Broker, free_ports

pytestmark = pytest.mark.kafka

PATIENCE_SECONDS = 90.0
LEAVING_SECONDS = 2.0  # of a process whose pumps have ended, on a busy machine


@contextmanager
def refusing() -> Iterator[str]:
    """An address where nobody is."""
    yield f"127.0.0.1:{free_ports(1)[0]}"


@contextmanager
def silent() -> Iterator[str]:
    """An address where everything is taken and nothing answered, as by a machine that hangs."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield "{}:{}".format(*listening.getsockname())


@pytest.mark.parametrize("away", [refusing, silent])
def test_sigterm_ends_a_start_without_kafka(
    open_office: OpenOffice, pars: Pars, story: Scenario, away: Callable[[], Any]
) -> None:
    with away() as bootstrap:
        office = open_office(pars.url, **kafka_settings(bootstrap))
        story.write_tables(office.tables)
        with office.service() as service:
            until(lambda: "service.started" in service.said, PATIENCE_SECONDS, "the start")
            stop_in_time(service)


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_sigterm_ends_a_service_whose_kafka_went_away_and_nothing_is_lost(
    open_office: OpenOffice, pars: Pars, story: Scenario, own_broker: Broker, how: str, when: str
) -> None:
    office = open_office(pars.url, **kafka_settings(own_broker.bootstrap))
    story.write_tables(office.tables)
    half = len(story.events) // 2
    with office.service() as service:
        office.publish(story.events[:half])
        until(lambda: office.count("events") >= half or service.ended, PATIENCE_SECONDS, "half")
        office.publish(story.events[half:])
        {"killed": own_broker.kill, "frozen": own_broker.freeze}[how]()
        if when == "later":
            until(lambda: "condition.failed" in service.said, PATIENCE_SECONDS, "a word on it")
        stop_in_time(service)
    {"killed": own_broker.start, "frozen": own_broker.thaw}[how]()
    with office.service() as service:
        done = office.at_rest
        until(lambda: done(len(story.events)) or service.ended, PATIENCE_SECONDS, "the end")
        service.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    assert office.committed() == len(story.events)


def test_a_kafka_that_is_away_at_the_start_and_once_more_later_holds_up_nothing(
    open_office: OpenOffice, pars: Pars, story: Scenario, own_broker: Broker
) -> None:
    office = open_office(pars.url, **kafka_settings(own_broker.bootstrap))
    story.write_tables(office.tables)
    half = len(story.events) // 2
    own_broker.kill()
    with office.service() as service:
        until(lambda: "condition.failed" in service.said, PATIENCE_SECONDS, "a word on it")
        own_broker.start()
        office.publish(story.events[:half])
        until(lambda: office.count("events") >= half or service.ended, PATIENCE_SECONDS, "half")
        own_broker.kill()
        # What was heard is sent meanwhile; what is to be published waits.
        until(
            lambda: not office.count(f"credits WHERE state IN {UNSETTLED}") or service.ended,
            PATIENCE_SECONDS,
            "the sending",
        )
        own_broker.start()
        office.publish(story.events[half:])
        until(lambda: office.at_rest(len(story.events)) or service.ended, PATIENCE_SECONDS, "all")
        service.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    assert office.committed() == len(story.events)


def stop_in_time(service: Running) -> None:
    """SIGTERM, and an end that is neither late nor a failure."""
    started = time.monotonic()
    service.send(signal.SIGTERM)
    assert service.code(STOP_SECONDS + LEAVING_SECONDS) == 0, service.said
    assert time.monotonic() - started < STOP_SECONDS + LEAVING_SECONDS
    assert "pump.left_behind" not in service.said
