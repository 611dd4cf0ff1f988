"""An office of its own for every test, with or without a PARS to report to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from consumer.credit import Identity
from consumer.ledger.ledger import open_server
from consumer.ledger.seal import Seal
from tests.fakes import FakeClock
from tests.integration.office import (
    SEALING_KEY,
    SECRET,
    Office,
    SimulatedPars,
    Stage,
    simulated,
    staged,
)
from tests.postgres.server import PostgresServer


@pytest.fixture
def clock() -> FakeClock:
    """Time, which stands still unless somebody waits."""
    return FakeClock()


ON_BOTH = {"test_intake_batches", "test_sending", "test_revisions", "test_surges"}
ON_BOTH |= {
    "test_taking_back",
    "test_shared_line",
    "test_several_in_one",
    "test_steps",
    "test_release",
    "test_trail",
    "test_letters",
    "test_recovering",
    "test_editing",
    "test_resealing",
    "test_consent",
    "test_retention",
}
ON_BOTH |= {"test_notices", "test_outcomes", "test_amendments", "test_purging"}
ON_BOTH |= {"test_backfill"}
ON_BOTH |= {"test_purging_people"}
ON_BOTH |= {"test_reconciling"}
"""What is heard and what is sent ends alike, whichever database holds the ledger."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--ledger postgresql` puts the ledger of every office on PostgreSQL."""
    parser.addoption("--ledger", choices=("sqlite", "postgresql"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the modules of ON_BOTH with either database."""
    if "database" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--ledger")
    both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
    kinds = [chosen] if chosen else ["sqlite", "postgresql"] if both else ["sqlite"]
    if kinds != ["sqlite"]:
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a PostgreSQL database of the test's own; blank where SQLite is to be used."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("migrated")
    address = server.database(template)
    yield address
    server.drop(address)


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    """The name of a database with an empty ledger."""
    address = postgres.database()
    open_server(address, Seal(SEALING_KEY), Identity(SECRET)).close()
    return address.rpartition("/")[2]


@pytest.fixture
def office(tmp_path: Path, clock: FakeClock, database: str) -> Iterator[Office]:
    """An office that nobody listens to: for all that comes before sending."""
    with closing(Office(tmp_path, clock, database=database)) as opened:
        yield opened


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, str]]:
    """Where PARS is simulated; starting and stopping a server takes longer than many a test."""
    with staged() as opened:
        yield opened


@pytest.fixture
def open_pars(clock: FakeClock, stage: tuple[Stage, str]) -> Callable[..., SimulatedPars]:
    """A new PARS with other manners."""
    return functools.partial(simulated, clock, *stage)


@pytest.fixture
def pars(open_pars: Callable[..., SimulatedPars]) -> SimulatedPars:
    """A new PARS whose board decides after two hours."""
    return open_pars()


@pytest.fixture
def reporting(
    tmp_path: Path, clock: FakeClock, pars: SimulatedPars, database: str
) -> Iterator[Office]:
    """An office that reports to `pars`."""
    with closing(Office(tmp_path, clock, pars.url, database=database)) as opened:
        yield opened


@pytest.fixture
def open_office(tmp_path: Path, clock: FakeClock, database: str) -> Iterator[Callable[..., Office]]:
    """Opens an office with other settings; `url` is its PARS's."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(
            closing(Office(tmp_path, clock, **{"database": database} | settings))
        )
