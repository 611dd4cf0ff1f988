"""What these tests share: PARS, and an office on each bus in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.demo.scenario import Scenario
from tests.contract.buses import unique
from tests.end_to_end.books import Pars, pars_for
from tests.end_to_end.office import Office
from tests.end_to_end.story import thirty_events

OpenOffice = Callable[..., Office]


@pytest.fixture(scope="session")
def python_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands keep Python's compiled files: each start is a second sooner for it."""
    return tmp_path_factory.mktemp("python-cache")


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of each bus, with names that no other test has."""
    if request.param == "embedded":
        return {"bus": "embedded"}
    return kafka_settings(request.getfixturevalue("kafka_bootstrap"))


def kafka_settings(bootstrap: str) -> dict[str, Any]:
    """The settings of genuine Kafka; a killed member is forgotten after seconds."""
    return {
        "bus": "kafka",
        "kafka": {"bootstrap_servers": bootstrap, "session_timeout_seconds": 3},
        "intake": {"topics": [unique("events")], "group": unique("group")},
        "outbox": {
            "dead_letters_topic": unique("dead-letters"),
            "outcomes_topic": unique("outcomes"),
        },
    }


@pytest.fixture
def story() -> Scenario:
    """What happens, where a test does not say otherwise."""
    return thirty_events()


@pytest.fixture
def pars(story: Scenario) -> Iterator[Pars]:
    """A PARS that knows the story's learners and activities."""
    with pars_for(story) as opened:
        yield opened


@pytest.fixture
def open_office(tmp_path: Path, python_cache: Path) -> OpenOffice:
    """Opens an office at a PARS's address."""
    return lambda url, **settings: Office(tmp_path / "office", python_cache, url, **settings)
