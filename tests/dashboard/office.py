"""Some minutes of an office under a real Prometheus, with an outage of PARS in them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from consumer.bus.port import Outgoing
from consumer.clock import SystemClock
from consumer.demo.scenario import Author
from tests.dashboard.prometheus import Prometheus, watching
from tests.end_to_end.books import Pars, pars_for
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until
from tests.kafka.broker import free_ports

PAUSE_SECONDS = 1.0
LMS = {"auth": "header", "header": "X-Key", "secret": "an-lms-secret-of-the-picture"}
OUTAGE = range(80, 130)
"""PARS is away from this event to that."""


@contextmanager
def lived(folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that has seen the demo's events come in, one after the other."""
    clock = SystemClock()
    story = Author(clock.now()).write()
    health, gate = (f"127.0.0.1:{port}" for port in free_ports(2))
    with ExitStack() as all_of_it:
        pars = all_of_it.enter_context(pars_for(story))
        own = {"health": {"listen": health}, "gateway": {"listen": gate, "sources": {"lms": LMS}}}
        office = Office(folder / "office", folder / "cache", pars.url, **own)
        story.write_tables(office.tables)
        all_of_it.enter_context(office.service())
        until(lambda: office.run("ready").code == 0, 60, "the service is ready")
        prometheus = all_of_it.enter_context(watching(health, folder / "prometheus"))
        for number, event in enumerate(story.events):
            _weather(pars, number)
            _emit(office, event)
            if number == len(story.events) // 2:
                _back_up(office)
            clock.wait(threading.Event(), PAUSE_SECONDS)
        yield prometheus


def _emit(office: Office, event: Outgoing) -> None:
    """What needs no header of its own is posted; the rest is on the bus at once."""
    if event.headers or event.value is None:
        office.publish([event])
        return
    address = f"http://{office.settings.gateway.listen}/in/lms"
    told = {"x-key": LMS["secret"], "content-type": "application/json"}
    httpx.post(address, content=event.value, headers=told, trust_env=False)


def _weather(pars: Pars, number: int) -> None:
    if number == OUTAGE.start:
        pars.weather({"kind": "status", "status": 503, "on": "any", "lasting": 3600})
    if number == OUTAGE.stop:
        pars.weather()


def _back_up(office: Office) -> None:
    done = office.run("ledger", "backup", str(office.folder / "backup.db"))
    if done.code:
        raise subprocess.CalledProcessError(done.code, "ledger backup", done.out, done.err)
