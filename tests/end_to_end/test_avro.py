"""Open edX's events in Avro, over genuine Kafka, while their schema registry comes and goes."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from consumer.bus.port import Outgoing
from consumer.demo.scenario import OPENEDX, Scenario
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice, kafka_settings
from tests.end_to_end.office import Office, Running
from tests.end_to_end.outage import answering_somewhere, failing
from tests.end_to_end.patience import until
from tests.end_to_end.story import ANTICOAG, physician
from tests.openedx import EventBus
from tests.registry import Registry

pytestmark = pytest.mark.kafka

COURSE = "course-v1:EAM+AC+2026"
AT = datetime.now(UTC) - timedelta(days=3)
PATIENCE_SECONDS = 60.0


@pytest.fixture
def story() -> Scenario:
    """Nine physicians who are to be credited one course each."""
    story = Scenario(datetime.now(UTC))
    story.physicians = [physician(2001 + index) for index in range(9)]
    story.credits = {(one.board_id, ANTICOAG) for one in story.physicians}
    return story


@pytest.fixture
def registry() -> Registry:
    """A registry that has an address, and is not there yet."""
    with (made := Registry(credentials=("moc", "registry-password"))).serving():
        pass
    return made


@pytest.fixture
def office(
    open_office: OpenOffice, pars: Pars, story: Scenario, kafka_bootstrap: str, registry: Registry
) -> Office:
    said = {"url": registry.url, "user": "moc", "password": "registry-password"}
    opened = open_office(
        pars.url, **kafka_settings(kafka_bootstrap), **answering_somewhere(), registry=said
    )
    story.write_tables(opened.tables)
    return opened


def certificates(registry: Registry, story: Scenario, first: int) -> list[Outgoing]:
    """Three physicians' certificates, each saved twice, by schemas registered just now."""
    bus = EventBus(registry, "", OPENEDX)
    return [
        bus.certificate("created", one.number, COURSE, AT, ce_id=f"{one.number}-{saved}")
        for saved in (1, 2)
        for one in story.physicians[first : first + 3]
    ]


def test_events_wait_for_the_registry_and_each_gives_one_credit(
    office: Office, pars: Pars, story: Scenario, registry: Registry
) -> None:
    with ExitStack() as serving:
        with office.service() as service:
            # The registry is away at the start.
            office.publish(certificates(registry, story, 0))
            wait_for_failure(office, service)
            assert_nothing_heard(office, beyond=0)
            serving.enter_context(registry.serving())
            until(lambda: office.at_rest(6) or service.ended, PATIENCE_SECONDS, "three credits")
            assert failing(office) == {}
            # It goes away while the service runs; new schemas are needed.
            serving.close()
            office.publish(certificates(registry, story, 3))
            wait_for_failure(office, service)
            service.stop()
        assert_nothing_heard(office, beyond=6)
        with office.service() as service:
            office.publish(certificates(registry, story, 6))
            wait_for_failure(office, service)
            assert_nothing_heard(office, beyond=6)
            serving.enter_context(registry.serving())
            until(lambda: office.at_rest(18) or service.ended, PATIENCE_SECONDS, "all credits")
            until(lambda: failing(office) == {}, PATIENCE_SECONDS, "nothing fails")
            service.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    assert office.count("completions") == office.count("credits WHERE state = 'accepted'") == 9
    assert (office.count("letters"), office.count("events")) == (0, 18)
    assert office.committed() == 18


def wait_for_failure(office: Office, service: Running) -> None:
    until(
        lambda: "cannot be reached" in failing(office).get("registry", "") or service.ended,
        PATIENCE_SECONDS,
        "that the registry is missed",
    )
    assert not service.ended, service.said


def assert_nothing_heard(office: Office, *, beyond: int) -> None:
    """Nothing was heard, refused or committed but so many events."""
    counts = (office.count("events"), office.count("letters"), office.committed())
    assert counts == (beyond, 0, beyond)
