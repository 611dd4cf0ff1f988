"""An office of its own for every test, with or without a PARS to report to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.integration.office import Office, SimulatedPars, Stage, simulated, staged


@pytest.fixture
def clock() -> FakeClock:
    """Time, which stands still unless somebody waits."""
    return FakeClock()


@pytest.fixture
def office(tmp_path: Path, clock: FakeClock) -> Iterator[Office]:
    """An office that nobody listens to: for all that comes before sending."""
    with closing(Office(tmp_path, clock)) as opened:
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
def reporting(tmp_path: Path, clock: FakeClock, pars: SimulatedPars) -> Iterator[Office]:
    """An office that reports to `pars`."""
    with closing(Office(tmp_path, clock, pars.url)) as opened:
        yield opened


@pytest.fixture
def open_office(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[..., Office]]:
    """Opens an office with other settings; `url` is its PARS's."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(closing(Office(tmp_path, clock, **settings)))
