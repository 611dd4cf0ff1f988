"""The office that is measured: the service's own defaults, invented learners, a ready ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from bench.intake import completions, write_tables
from bench.window import PATIENCE_SECONDS
from consumer.bus.connect import Bus
from tests.end_to_end.office import Office, Running, merged
from tests.end_to_end.patience import until

LEARNERS, COURSES = 20_000, 50
"""A mid-size provider's tables; the service holds them in memory."""

START_SECONDS = STOP_SECONDS = 60.0
_PROFILE = {
    "provider_id": "0009999",
    "name": "Lakeside Academy",
    "domain": "lakeside.example",
    "user": "bench",
    "password": "bench",
    # So many that the pace does not count.
    "requests_per_second": 10_000,
}


def open_office(folder: Path, url: str = "http://127.0.0.1:9", **settings: Any) -> Office:
    """An office with tables in a new folder; `settings` come over the service's defaults."""
    office = Office(folder, folder / "cache", url)
    write_settings(office, url, **settings)
    write_tables(office.tables, LEARNERS, COURSES)
    return office


def write_settings(office: Office, url: str, **settings: Any) -> None:
    """The settings file: the service's defaults, and only `settings` besides."""
    own = {
        "data_dir": str(office.folder / "data"),
        "tables_dir": str(office.tables),
        "profiles": {"main": _PROFILE | {"url": url}},
    }
    office.write_settings(merged(own, settings))


def publish(office: Office, records: int) -> None:
    """Put so many completions on the bus, each of another learner or course."""
    topic = office.settings.intake.topics[0]
    messages = islice(completions(topic, LEARNERS, COURSES), records)
    with closing(Bus(office.settings).publisher()) as publisher:
        while some := list(islice(messages, 1000)):
            publisher.publish(some)


def make_ready(office: Office, records: int) -> None:
    """Fill the ledger with credits to be sent, by the intake, and keep a copy."""
    publish(office, records)
    with office.process("run", "--pump", "intake") as intake:
        wait(intake, lambda: heard(office) >= records)
    if office.count("credits WHERE state = 'ready'") != records:
        raise SystemExit(f"the intake did not make {records} ready credits")
    shutil.copytree(office.folder / "data", office.folder / "ready")


def put_back(office: Office) -> None:
    """The ready ledger again."""
    shutil.rmtree(office.folder / "data")
    shutil.copytree(office.folder / "ready", office.folder / "data")


def wait(service: Running, reached: Callable[[], bool]) -> None:
    """Let it run until then, and stop it. Raises SystemExit when it ends too soon."""
    until(lambda: reached() or service.ended, PATIENCE_SECONDS, "the end")
    if said := ended(service):
        raise SystemExit(f"ended too soon:\n{said}")
    service.stop(STOP_SECONDS)


def await_start(service: Running) -> None:
    """Return when its pumps turn."""
    until(lambda: "service.started" in service.said or service.ended, START_SECONDS, "the start")


def ended(*services: Running) -> str:
    """The end of what the first one said that has ended; blank while all run."""
    return next((one.said[-2000:] or "-" for one in services if one.ended), "")


def heard(office: Office) -> int:
    """How many events the ledger has."""
    return office.count("events")


def all_sent(office: Office) -> bool:
    """Whether nothing in the ledger waits to be sent, or for an answer."""
    return not office.count("credits WHERE state IN ('ready', 'submitting')")
