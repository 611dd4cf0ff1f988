"""Backing up, looking through and restoring by commands, beside a service that runs."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from consumer.demo.scenario import Scenario
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until
from tests.end_to_end.story import thirty_events

NOWHERE = "http://127.0.0.1:9/"  # nobody listens to the discard port
FAILED, WRONG_INPUT = 1, 2


@pytest.fixture
def story() -> Scenario:
    return thirty_events()


@pytest.fixture
def office(open_office: OpenOffice, story: Scenario) -> Office:
    opened = open_office(NOWHERE, log={"level": "warning"})
    story.write_tables(opened.tables)
    return opened


def test_a_ledger_is_backed_up_beside_the_service_and_restored_without_it(
    office: Office, story: Scenario
) -> None:
    with office.process("run", "--pump", "intake") as service:
        office.publish(story.events[:20])
        until(lambda: office.count("events") == 20, 30, "everything heard")
        made = office.run("ledger", "backup", "b.db")
        assert made.code == 0, made.err
        assert "keys.toml" in made.err
        assert office.ledger("SELECT name FROM facts WHERE name = 'backed_up_at'")
        assert office.run("ledger", "backup", "b.db").code == FAILED
        refused = office.run("ledger", "restore", "b.db", "--yes")
        assert (refused.code, "stop it first" in refused.err) == (FAILED, True)
        office.publish(story.events[20:])
        until(lambda: office.count("events") == len(story.events), 30, "everything heard")
        service.stop()
    states = Counter(office.ledger("SELECT key, state FROM credits"))
    plan = office.run("ledger", "restore", "b.db")
    assert (plan.code, "Nothing was changed" in plan.err) == (0, True)
    assert office.count("events") == len(story.events)
    (done,) = office.run("ledger", "restore", "b.db", "--yes").rows
    assert (office.count("events"), done["good"]) == (20, "yes")
    assert office.ledger("SELECT what FROM audit") == [("ledger.restored",)]
    with office.process("run", "--pump", "intake") as service:
        until(lambda: office.count("events") == len(story.events), 30, "everything heard again")
        service.stop()
    assert Counter(office.ledger("SELECT key, state FROM credits")) == states
    assert office.run("ledger", "verify", "--all").code == 0
    assert office.run("ledger", "verify", done["kept"]).code == 0


def test_what_is_wrong_is_told_and_nothing_is_changed(office: Office) -> None:
    lost = office.run("ledger", "verify")
    assert (lost.code, "put the file back" in lost.err) == (WRONG_INPUT, True)
    assert not office.settings.keys_path.exists()
    office.run("credit", "list")
    assert office.run("ledger", "backup", "b.db").code == 0
    shutil.move(office.settings.keys_path, office.folder / "old.toml")
    office.settings.keys_path.write_text(
        f'secret = "{"x" * 32}"\nsealing_key = "{"A" * 43}="\n', encoding="utf-8"
    )
    before = office.settings.ledger_path.read_bytes()
    for words in (["verify", "b.db"], ["restore", "b.db", "--yes"]):
        done = office.run("ledger", *words)
        assert (done.code, "keys.toml that belongs to it" in done.err) == (FAILED, True)
    assert office.settings.ledger_path.read_bytes() == before
