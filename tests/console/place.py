"""The office of the cases, open: PARS, the service, its console, and who may sign in."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from consumer.clock import SystemClock
from consumer.console.role import Role
from consumer.console.users import Users
from consumer.pars.port import Action
from consumer.parts import gather
from tests.console.cases import ENTERED_ID, Cases
from tests.end_to_end.books import Pars, pars_of
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until

PASSWORDS = {role: f"{role.word} walks by the lake" for role in Role}
NAMES = {Role.VIEWER: "vera", Role.COORDINATOR: "mora", Role.ADMIN: "abel"}
_STARTS_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """An office that is open, seen from outside."""

    cases: Cases
    office: Office
    pars: Pars
    address: str

    def rests(self) -> bool:
        """Whether nothing is on its way any more, but what waits for a person or for PARS."""
        office = self.office
        moving = "credits WHERE state IN ('submitting', 'submitted', 'withdrawing')"
        ready = "credits WHERE state = 'ready' AND reasons = '[]'"
        heard = office.count("events") >= len(self.cases.events())
        return heard and not office.count(moving) and not office.count(ready)


@contextmanager
def opened(folder: Path, cache: Path, cases: Cases, port: int = 0) -> Iterator[Place]:
    """The office with all its cases come to rest; closed at the end."""
    port = port or free_port()
    console = {"listen": f"127.0.0.1:{port}", "zone": "America/Chicago"}
    with pars_of(cases.roster(), cases.registered()) as pars:
        office = Office(folder, cache, pars.url, console=console)
        cases.write_tables(office.tables)
        users = Users(office.settings.data_dir / "users.toml")
        for role, name in NAMES.items():
            users.put(name, role, PASSWORDS[role])
        with office.service() as service:
            place = Place(cases, office, pars, f"http://127.0.0.1:{port}")
            until(lambda: service.ended or _answers(place.address), _STARTS_SECONDS, "it answers")
            assert not service.ended, service.said
            _enter_by_hand(pars, office, cases)
            office.publish(cases.events())
            until(place.rests, _STARTS_SECONDS, "everything that can go has gone")
            yield place


def _enter_by_hand(pars: Pars, office: Office, cases: Cases) -> None:
    """In PARS's own pages; a second credit of the same kind is refused there."""
    manners = {"second_credit": "refusal"}
    httpx.put(f"{pars.address}/_manners", json=manners, trust_env=False).raise_for_status()
    way = gather(office.settings, SystemClock()).pars("main")
    with closing(way):
        way.save(cases.entered_by_hand(), ENTERED_ID, Action.ADD)
    assert len(pars.records) == 1, "PARS has what was typed in"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/sign-in", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
