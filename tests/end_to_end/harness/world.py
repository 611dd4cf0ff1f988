"""What a run keeps for all its rounds: a PARS, and when they are wanted a broker and a server."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from consumer.clock import SystemClock
from consumer.demo.scenario import PROVIDER_ID, Scenario
from consumer.pars.simulator.operations import Manners
from consumer.pars.simulator.server import running
from consumer.pars.simulator.web import STEM, Provider, Simulator
from consumer.resources import shipped
from tests.end_to_end.harness.nursery import Nursery
from tests.end_to_end.office import PASSWORD
from tests.kafka.broker import Broker
from tests.postgres.server import PostgresServer

BOARD_SECONDS = 0.3
# It tells of every client that dies in the middle of a request: here that is the daily business.
logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)


class Pars:
    """A simulator that goes away and comes back, at one address, with its books."""

    def __init__(self, scenario: Scenario) -> None:
        self._simulator = Simulator(
            [Provider(PROVIDER_ID, "demo", PASSWORD)],
            shipped("schemas"),
            SystemClock(),
            activities=scenario.activities(),
            manners=Manners(board_delay_seconds=BOARD_SECONDS),
        )
        self._open, self._there = ExitStack(), False
        self._port = 0
        self.address = ""
        self.come()
        self._port = httpx.URL(self.address).port or 0

    @property
    def url(self) -> str:
        """The base address of its services."""
        return self.address + STEM

    def come(self) -> None:
        """Answer (again)."""
        if not self._there:
            self.address = self._open.enter_context(running(self._simulator, port=self._port))
            self._there = True

    def go(self) -> None:
        """Nobody answers there any more."""
        self._open.close()
        self._there = False

    def know(self, scenario: Scenario) -> None:
        """The boards have these people on their rosters."""
        people = [one.diplomate for one in scenario.physicians]
        self._put("_roster", [{k: getattr(p, k) for k in _DIPLOMATE} for p in people])

    def weather(self, **rule: Any) -> None:
        """A fault to come; nothing said: none any more."""
        if rule:
            self._put("_faults", {"faults": [rule]})
        else:
            httpx.delete(f"{self.address}/_faults", trust_env=False).raise_for_status()

    def records(self, board_ids: set[str]) -> list[dict[str, Any]]:
        """Every record it ever stored of these people."""
        records = self._simulator.books()["records"]
        return [one for one in records if one["board_id"] in board_ids]

    def _put(self, what: str, value: object) -> None:
        answer = httpx.put(f"{self.address}/{what}", json=value, trust_env=False)
        answer.raise_for_status()


_DIPLOMATE = ("board", "board_id", "given_name", "family_name", "month", "day", "year")


class World:
    """One lane's servers; a context manager that leaves nothing running.

    To be opened and closed by the thread that plays its rounds: the broker lives as long as that.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        """`cache` is where Python keeps compiled files."""
        self.folder, self.cache = folder, cache
        self._open = ExitStack()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def pars(self) -> Pars:
        """The simulator."""
        pars = Pars(Scenario(datetime.now(UTC)))
        self._open.callback(pars.go)
        return pars

    @cached_property
    def nursery(self) -> Nursery:
        """Where the processes come from."""
        nursery = Nursery()
        self._open.callback(nursery.close)
        return nursery

    @cached_property
    def broker(self) -> Broker:
        """Apache Kafka. Raises NoJars."""
        broker = Broker(self._own("kafka"))
        self._open.callback(broker.kill)
        broker.start()
        return broker

    @cached_property
    def postgres(self) -> PostgresServer:
        """PostgreSQL. Raises NoPostgres."""
        server = PostgresServer()
        self._open.callback(server.remove)
        return server

    def _own(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder
