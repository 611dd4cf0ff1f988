"""Several `run` processes in one group, on one PostgreSQL ledger: killed, frozen, thawed."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from consumer.demo.scenario import Scenario
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice, kafka_settings
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until
from tests.postgres.server import PostgresServer

pytestmark = pytest.mark.kafka

PATIENCE_SECONDS = 60.0


@pytest.fixture
def office(
    open_office: OpenOffice,
    pars: Pars,
    story: Scenario,
    kafka_bootstrap: str,
    postgres: PostgresServer,
) -> Office:
    bus = kafka_settings(kafka_bootstrap)
    opened = open_office(pars.url, **bus, ledger_url=postgres.database(), sending={"workers": 1})
    story.write_tables(opened.tables)
    assert opened.run("ledger", "keys").code == 0
    opened.publish(story.events)
    return opened


def test_one_is_killed_and_one_frozen_and_everybody_is_credited_once(
    office: Office, pars: Pars, story: Scenario
) -> None:
    def at_rest() -> bool:
        return office.at_rest(len(story.events))

    pars.weather({"kind": "hang", "seconds": 0.3, "times": 100})
    with office.service() as killed, office.service() as frozen:
        until(lambda: pars.posts >= 4, PATIENCE_SECONDS, "posts of both")
        killed.send(signal.SIGKILL)
        frozen.send(signal.SIGSTOP)
        assert not at_rest()
        with office.service() as successor:
            pars.weather()
            until(lambda: at_rest() or successor.ended, PATIENCE_SECONDS, "rest without them")
            frozen.send(signal.SIGCONT)
            frozen.stop()
            until(lambda: at_rest() or successor.ended, PATIENCE_SECONDS, "rest after the thaw")
            successor.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    assert office.ledger("SELECT DISTINCT state FROM credits") == [("accepted",)]
    assert office.count("credits") == len(story.credits)
    assert office.count("letters") == 0


def test_without_the_keys_of_the_others_none_starts(office: Office) -> None:
    office.settings.keys_path.unlink()
    done = office.run("check")
    assert done.code != 0
    assert "moc-consumer ledger keys" in done.err
    assert not office.settings.keys_path.exists()


def test_commands_for_a_ledger_in_a_file_say_what_to_do_instead(office: Office) -> None:
    for verb in ("backup", "restore"):
        done = office.run("ledger", verb, "backup.db")
        assert done.code != 0
        assert "pg_dump" in done.err
    done = office.run("ledger", "restored", "--yes")
    assert done.code == 0, done.err
    assert office.ledger("SELECT what FROM audit") == [("ledger.restored",)]
    assert office.run("ledger", "keys").code != 0
