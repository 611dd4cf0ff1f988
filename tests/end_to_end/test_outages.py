"""The database, a disk, Kafka, PARS away at the start and later; SIGTERM in all of it."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumer.demo.scenario import Scenario
from consumer.telemetry.readiness import STARTING
from tests.conftest import do_without
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice, kafka_settings
from tests.end_to_end.office import STOP_SECONDS, Office, Running, merged
from tests.end_to_end.outage import Disk, NoDisk, answering_somewhere, asked, disk, failing
from tests.end_to_end.patience import until
from tests.kafka.broker import Broker
from tests.postgres.server import NoPostgres, PostgresServer

PATIENCE_SECONDS = 45.0
AT_ONCE_SECONDS = 4.0  # where a drain would take the whole bound, and a start more
WRONG_INPUT = 2


@pytest.fixture
def open_here(open_office: OpenOffice, pars: Pars, story: Scenario) -> Callable[..., Office]:
    """Opens an office that answers how it is; one worker."""

    def opened(**settings: Any) -> Office:
        given = merged({"sending": {"workers": 1}} | answering_somewhere(), settings)
        office = open_office(pars.url, **given)
        story.write_tables(office.tables)
        return office

    return opened


@pytest.fixture(scope="module")
def stopped_at_will() -> Iterator[PostgresServer]:
    """A PostgreSQL server of these tests' own."""
    try:
        own = PostgresServer()
    except NoPostgres as error:
        do_without("PostgreSQL", error)
    yield own
    own.remove()


@pytest.fixture
def server(stopped_at_will: PostgresServer) -> Iterator[PostgresServer]:
    """It, up at first."""
    yield stopped_at_will
    stopped_at_will.stop()
    stopped_at_will.start()


@pytest.fixture
def on_server(open_here: Callable[..., Office], server: PostgresServer) -> Office:
    """An office whose ledger is there."""
    office = open_here(ledger_url=server.database())
    assert office.run("ledger", "keys").code == 0
    return office


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is easily filled."""
    try:
        with disk(tmp_path / "disk", 12) as mounted:
            yield mounted
    except NoDisk as error:
        do_without("disk of its own", error)


def ready(office: Office, service: Running) -> None:
    """Wait until nothing fails."""
    until(lambda: not failing(office) or service.ended, PATIENCE_SECONDS, "readiness")
    assert failing(office) == {}, service.said


def fails(office: Office, service: Running, name: str, seconds: float = PATIENCE_SECONDS) -> str:
    """Wait until this fails; gives the cause."""

    def cause() -> str:
        told = failing(office).get(name, STARTING)
        return told if told != STARTING or service.ended else ""

    return until(cause, seconds, f"{name} to fail")


def comes_to_rest(office: Office, service: Running, story: Scenario) -> None:
    """All of it heard, decided and published; then a good end."""
    until(lambda: office.at_rest(len(story.events)) or service.ended, PATIENCE_SECONDS, "rest")
    ready(office, service)
    service.stop()


def assert_exactly_once(office: Office, pars: Pars, story: Scenario) -> None:
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    assert [one["posts"] for one in pars.records] == [1] * len(story.credits)
    assert office.ledger("SELECT DISTINCT state FROM credits") == [("accepted",)]
    assert office.count("credits") == len(story.credits)
    assert office.count("letters") == 0


def leaves_at_once(service: Running, code: int = 0) -> None:
    service.send(signal.SIGTERM)
    assert service.code(AT_ONCE_SECONDS) == code, service.said


# ---------------------------------------------------------------- PostgreSQL


def test_a_database_that_is_away_at_the_start_and_later(
    on_server: Office, server: PostgresServer, pars: Pars, story: Scenario
) -> None:
    office = on_server
    server.stop()
    with office.service() as service:
        assert "refused" in fails(office, service, "ledger")
        office.publish(story.events[:20])
        server.start()
        pars.weather({"kind": "hang", "seconds": 0.3, "times": 5})
        until(lambda: pars.posts >= 3, PATIENCE_SECONDS, "three posts")
        ready(office, service)
        server.stop()
        fails(office, service, "ledger")
        office.publish(story.events[20:])
        said = asked(office, "live")
        assert said is not None
        assert said["ok"]
        server.start()
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)
    assert 1 <= service.said.count('"condition.failed"') <= 3, service.said


@pytest.mark.parametrize(
    ("user", "database", "words"),
    [
        ("moc:hidden-and-wrong", "moc_there", "password authentication failed"),
        ("moc", "moc_nowhere", 'database "moc_nowhere" does not exist'),
    ],
)
def test_a_database_that_lets_nobody_in_stops_the_start(
    on_server: Office, server: PostgresServer, user: str, database: str, words: str
) -> None:
    office = on_server
    lock_door(server)
    address = f"postgresql://{user}@127.0.0.1:{server.port}/{database}"
    office.write_settings(office.values | {"ledger_url": address})
    with office.service() as service:
        assert service.code(PATIENCE_SECONDS) == WRONG_INPUT, service.said
    assert words in service.said
    assert "ledger_url" in service.said
    assert "hidden" not in service.said
    assert "Traceback" not in service.said


def lock_door(server: PostgresServer) -> None:
    """From now on a password is asked for at the one database."""
    with psycopg.connect(server.address("postgres"), autocommit=True) as admin:
        admin.execute("ALTER USER moc PASSWORD 'right'")
        admin.execute("DROP DATABASE IF EXISTS moc_there")
        admin.execute("CREATE DATABASE moc_there")
        rules = server.folder / "data" / "pg_hba.conf"
        before = rules.read_text(encoding="utf-8")
        asking = "host moc_there all 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(asking + before, encoding="utf-8")
        admin.execute("SELECT pg_reload_conf()")


# ---------------------------------------------------------------- the disk


def test_a_disk_that_is_full_at_the_start_and_later(
    open_here: Callable[..., Office], small_disk: Disk, pars: Pars, story: Scenario
) -> None:
    office = open_here()
    on_it(small_disk, office.folder / "data" / "ledger.db")
    (office.folder / "said").rmdir()
    on_it(small_disk, office.folder / "said")  # its log is on the full disk too
    (small_disk.folder / "said").mkdir()
    small_disk.fill()
    with office.service() as service:
        fails(office, service, "ledger")
        office.publish(story.events[:20])
        small_disk.free()
        pars.weather({"kind": "hang", "seconds": 0.3, "times": 5})
        until(lambda: pars.posts >= 3, PATIENCE_SECONDS, "three posts")
        small_disk.fill()
        assert fails(office, service, "ledger") == "database or disk is full"
        office.publish(story.events[20:])
        assert "tables" not in failing(office)
        small_disk.free()
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)


def test_a_full_disk_of_the_embedded_bus(
    open_here: Callable[..., Office], small_disk: Disk, pars: Pars, story: Scenario
) -> None:
    office = open_here(intake={"silent_seconds": 2})
    on_it(small_disk, office.folder / "data" / "bus.db")
    small_disk.fill()
    with office.service() as service:
        assert "SQLITE_FULL" in fails(office, service, "bus")
        small_disk.free()
        office.publish(story.events)
        until(lambda: pars.posts >= 3, PATIENCE_SECONDS, "three posts")
        small_disk.fill()
        assert "SQLITE_FULL" in fails(office, service, "bus")
        small_disk.free()
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)
    said = {message.key for message in office.heard(office.settings.outbox.outcomes_topic)}
    assert len(said) == len(story.credits)


def on_it(small: Disk, path: Path) -> None:
    """This path leads to that disk."""
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(small.folder / path.name)


# ---------------------------------------------------------------- Kafka


@pytest.mark.kafka
def test_a_kafka_that_is_away_at_the_start_and_later(
    open_here: Callable[..., Office], own_broker: Broker, pars: Pars, story: Scenario
) -> None:
    office = open_here(**merged(kafka_settings(own_broker.bootstrap), QUICK))
    own_broker.kill()
    with office.service() as service:
        fails(office, service, "bus", 2 * PATIENCE_SECONDS)
        own_broker.start()
        ready(office, service)
        office.publish(story.events[:20])
        until(lambda: pars.posts >= 3, PATIENCE_SECONDS, "three posts")
        own_broker.kill()
        fails(office, service, "bus", 2 * PATIENCE_SECONDS)
        own_broker.start()
        office.publish(story.events[20:])
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)


QUICK = {"intake": {"silent_seconds": 4}}


# ---------------------------------------------------------------- SIGTERM


def test_a_stop_while_the_database_is_waited_for(on_server: Office, server: PostgresServer) -> None:
    server.stop()
    with on_server.service() as service:
        fails(on_server, service, "ledger")
        leaves_at_once(service)
    assert "Traceback" not in service.said


def test_a_stop_while_somebody_else_holds_up_the_migration(
    open_here: Callable[..., Office], pars: Pars, story: Scenario
) -> None:
    office = open_here()
    assert office.run("credit", "list").code == 0
    for file in office.settings.data_dir.glob("ledger.db*"):
        file.unlink()
    office.publish(story.events)
    with closing(sqlite3.connect(office.settings.ledger_path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        not_yet = {"ledger": STARTING, "bus": STARTING}
        with office.service() as service:
            until(lambda: failing(office) == not_yet, PATIENCE_SECONDS, "the start")
            leaves_at_once(service)
        other.rollback()
    with office.service() as service:
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)


def test_a_stop_while_pars_hangs_longer_than_the_bound(
    open_here: Callable[..., Office], pars: Pars, story: Scenario
) -> None:
    patient = {"request_timeout_seconds": 3, "lease_seconds": 12}
    office = open_here(stop_seconds=1, sending=patient)
    office.publish(story.events)
    pars.weather({"kind": "hang", "seconds": 60, "times": 1})
    with office.service() as service:
        until(lambda: office.count("credits WHERE state = 'submitting'"), 15, "a post")
        service.send(signal.SIGTERM)
        assert service.code(STOP_SECONDS) == 1, service.said
    assert '"pump.left_behind"' in service.said
    pars.weather()
    with office.service() as service:
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)


# ---------------------------------------------------------------- what waiting does not mend


def test_a_ledger_of_a_newer_version_stops_the_start(open_here: Callable[..., Office]) -> None:
    office = open_here()
    assert office.run("credit", "list").code == 0
    with closing(sqlite3.connect(office.settings.ledger_path)) as ledger, ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    with office.service() as service:
        assert service.code(PATIENCE_SECONDS) == WRONG_INPUT, service.said
    assert "newer version of this program (schema 9999" in service.said
    assert "Traceback" not in service.said


def test_an_address_that_is_taken_stops_the_start(open_here: Callable[..., Office]) -> None:
    office = open_here()
    with office.service() as first:
        ready(office, first)
        with office.service() as second:
            assert second.code(PATIENCE_SECONDS) == 1, second.said
        assert f"{office.settings.health.listen}: Address already in use" in second.said
        first.stop()


# ---------------------------------------------------------------- the command


def test_ready_says_what_fails(
    open_here: Callable[..., Office], pars: Pars, story: Scenario
) -> None:
    office = open_here(sending={"breaker_failures": 1})
    nobody = office.run("ready")
    assert (nobody.code, "nobody answers" in nobody.err) == (1, True)
    with office.service() as service:
        first = until(lambda: asked(office, "ready"), PATIENCE_SECONDS, "an answer") or {}
        assert "bus" in {one["name"] for one in first["conditions"]}  # before it was reached
        ready(office, service)
        well = office.run("ready")
        assert (well.code, {row["state"] for row in well.rows}) == (0, {"ok"})
        pars.weather({"kind": "status", "status": 503, "on": "any", "share": 1})
        office.publish(story.events)
        fails(office, service, "pars.main")
        ill = office.run("ready")
        assert ill.code == 1
        assert [row["name"] for row in ill.rows if row["state"] != "ok"] == ["pars.main"]
        live = office.run("ready", "--live")
        assert (live.code, {row["state"] for row in live.rows}) == (0, {"ok"})
        pars.weather()
        comes_to_rest(office, service, story)
    assert_exactly_once(office, pars, story)


def test_ready_asks_for_an_address(open_here: Callable[..., Office]) -> None:
    office = open_here(health={"listen": ""})
    done = office.run("ready")
    assert (done.code, "health.listen is blank" in done.err) == (WRONG_INPUT, True)
