"""What every test may ask for: genuine Apache Kafka, and a word on which one served."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog

from tests.kafka.broker import Broker
from tests.kafka.find import Found, NoKafka, find
from tests.kafka.jars import NoJars
from tests.postgres.server import NoPostgres, PostgresServer

SERVED = pytest.StashKey[str]()
SUITE = "tests/contract/test_bus.py"
ADAPTERS = {"embedded": "embedded", "kafka": "Apache Kafka"}


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A test that sets up the logs does so for itself alone."""
    yield
    structlog.reset_defaults()
    # A thread that a test left behind would tell the next one's output what its library warned of.
    root = logging.getLogger()
    root.handlers = [
        one for one in root.handlers if not type(one).__module__.startswith("consumer")
    ]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Found]:
    """Genuine Apache Kafka; without one the test is skipped, in CI it fails."""
    try:
        found = find(tmp_path_factory.mktemp("kafka"))
    except NoKafka as error:
        pytestconfig.stash[SERVED] = f"NONE, its tests did not run: {error}"
        do_without("Apache Kafka", error)
    pytestconfig.stash[SERVED] = found.says
    yield found
    found.stop()


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka: Found) -> str:
    """`host:port` of genuine Apache Kafka."""
    return kafka.bootstrap


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A genuine PostgreSQL server; without its programs the test is skipped, in CI it fails."""
    try:
        server = PostgresServer()
    except NoPostgres as error:
        do_without("PostgreSQL", error)
    yield server
    server.remove()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A started broker of the test's own, from jars, to be stopped, killed and started again."""
    try:
        broker = Broker(tmp_path)
    except NoJars as error:
        do_without("Apache Kafka", error)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def guarded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A started broker, from jars, that also listens for TLS and passwords."""
    try:
        broker = Broker(tmp_path_factory.mktemp("guarded"), guarded=True)
    except NoJars as error:
        do_without("Apache Kafka", error)
    broker.start()
    yield broker
    broker.kill()


def do_without(what: str, error: Exception) -> NoReturn:
    """Skip the test; in CI it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"no {what}: {error}", pytrace=False)
    pytest.skip(f"no {what}: {error}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What a worker of pytest-xdist found goes to who tells it."""
    if told := getattr(session.config, "workeroutput", None):
        told["kafka"] = session.config.stash.get(SERVED, "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What that worker found; one without Kafka outweighs all that had one."""
    served = getattr(node, "workeroutput", {}).get("kafka", "")
    stash = node.config.stash
    if served and not stash.get(SERVED, "").startswith("NONE"):
        stash[SERVED] = served


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Kafka served, and how many contract tests passed on each adapter."""
    served = terminalreporter.config.stash.get(SERVED, None)
    if served is not None:
        terminalreporter.write_line(f"Kafka: {served}", bold=True, red=served.startswith("NONE"))
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", [])]
    counts = {
        name: sum(SUITE in test and f"[{param}" in test for test in passed)
        for param, name in ADAPTERS.items()
    }
    if any(counts.values()):
        told = ", ".join(f"{name} {count} passed" for name, count in counts.items())
        terminalreporter.write_line(f"contract suite: {told}", bold=True)
