"""An office to try reporting by file in: the demo's completions heard, nothing sent, no PARS."""

from __future__ import annotations

import threading
from pathlib import Path

import orjson

from consumer.bus.connect import Bus
from consumer.clock import Clock
from consumer.demo.play import DemoFailed, Stage, Tell
from consumer.demo.scenario import PROVIDER_ID, PROVIDER_NAME, Author, Scenario
from consumer.keys import load_keys
from consumer.ledger.ledger import open_ledger
from consumer.parts import gather
from consumer.service import Service
from consumer.settings import Settings, load_settings

_SETTINGS = f"""\
data_dir = "data"
tables_dir = "tables"

[profiles.main]
provider_id = "{PROVIDER_ID}"
name = "{PROVIDER_NAME}"
domain = "example.org"
by_file = true
"""
_WAIT_SECONDS = 60


class Taken(Exception):
    """The folder is there already; an office in it would be mixed up with another."""


def open_office(folder: Path, clock: Clock, tell: Tell) -> dict[str, int]:
    """An office in a new `folder`; gives how many completions and credits stand where.

    Beside settings, tables and ledger it holds what a simulated PARS must know. Raises Taken,
    DemoFailed, OSError.
    """
    if folder.exists():
        raise Taken(f"{folder} is there already: choose a new folder")
    story = Author(clock.now()).write()
    settings = _furnish(folder, story)
    keys, _ = load_keys(settings.keys_path, ledger_exists=False)
    ledger = open_ledger(settings.ledger_path, keys.seal, keys.identity)
    service = Service(gather(settings, clock), ledger)
    thread = threading.Thread(target=service.run, name="demo-service")
    thread.start()
    try:
        return _hear(Stage(settings, ledger, service, clock), story, tell)
    finally:
        service.stop.set()
        thread.join()
        ledger.close()


def _furnish(folder: Path, story: Scenario) -> Settings:
    folder.mkdir(parents=True)
    story.write_tables(folder / "tables")
    roster = [physician.diplomate for physician in story.physicians]
    for name, known in (("roster", roster), ("activities", story.activities())):
        file = folder / f"pars-{name}.json"
        file.write_bytes(orjson.dumps(known, default=str, option=orjson.OPT_INDENT_2))
    config = folder / "moc-consumer.toml"
    config.write_text(_SETTINGS)
    places = {"data_dir": folder / "data", "tables_dir": folder / "tables"}
    return load_settings(config, pumps=["intake"], **places)


def _hear(stage: Stage, story: Scenario, tell: Tell) -> dict[str, int]:
    publisher, total = Bus(stage.settings).publisher(), len(story.events)
    publisher.publish(story.events)
    publisher.close()
    deadline = stage.clock.monotonic() + _WAIT_SECONDS
    while (heard := stage.fates().total()) < total:
        if stage.clock.monotonic() > deadline:
            raise DemoFailed(f"only {heard} of {total} events were heard")
        tell("Hearing the LMSs", heard, total)
        stage.clock.wait(threading.Event(), 0.1)
    tell("Hearing the LMSs", total, total)
    counts = stage.counts()
    return {
        "published": total,
        "ready": counts["ready"],
        "held": counts["held"],
        "not_reportable": counts["not_reportable"],
        "dead_lettered": stage.letters(),
        "duplicates": stage.fates()["duplicate"] + stage.fates()["repeat"],
    }
