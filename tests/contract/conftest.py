"""`bus`: each adapter in turn; whatever a test opens on it is closed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from consumer.bus.port import Listener, Publisher
from tests.contract.buses import Bus, EmbeddedBus, KafkaBus, unique

Listen = Callable[..., Listener]


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Bus:
    """One bus of each kind."""
    if request.param == "kafka":
        return KafkaBus(request.getfixturevalue("kafka_bootstrap"))
    return EmbeddedBus(tmp_path / "bus.db")


@pytest.fixture
def publisher(bus: Bus) -> Iterator[Publisher]:
    """One publisher on it."""
    with closing(bus.publisher()) as opened:
        yield opened


@pytest.fixture
def group() -> str:
    """A group no other test has."""
    return unique("group")


@pytest.fixture
def listen(bus: Bus, group: str) -> Iterator[Listen]:
    """Opens listeners of the test's group."""
    with ExitStack() as opened:
        yield lambda *topics, remembered=None: opened.enter_context(
            closing(bus.listener(topics, group, remembered))
        )
