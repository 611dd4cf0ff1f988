"""A ledger on PostgreSQL: one writer at a time, whichever process it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Connection

from consumer.credit import Identity
from consumer.ledger.database import OUTBOX_LOCK, alone_at
from consumer.ledger.ledger import (
    Ledger,
    LedgerUnavailable,
    WrongSecret,
    get_fact,
    open_server,
    set_fact,
)
from consumer.ledger.seal import Seal
from tests.integration.office import SEALING_KEY, SECRET
from tests.postgres.server import PostgresServer


def opened(address: str, secret: bytes = SECRET) -> Ledger:
    return open_server(address, Seal(SEALING_KEY), Identity(secret))


@pytest.fixture
def address(postgres: PostgresServer, migrated: str) -> str:
    return postgres.database(migrated)


@pytest.fixture
def ours(address: str) -> Iterator[Ledger]:
    with closing(opened(address)) as ledger:
        yield ledger


@pytest.fixture
def theirs(address: str) -> Iterator[Ledger]:
    """The same ledger, as another process has it."""
    with closing(opened(address)) as ledger:
        yield ledger


def fact(ledger: Ledger) -> str | None:
    with ledger.read() as db:
        return get_fact(db, "tried")


def test_a_frozen_writer_holds_up_nobody_and_writes_nothing(ours: Ledger, theirs: Ledger) -> None:
    with pytest.raises(LedgerUnavailable), ours.begin() as frozen:  # noqa: PT012 - its commit counts
        frozen.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
        set_fact(frozen, "tried", "by the frozen one")
        with theirs.begin() as db:  # waits until the server has given the other one up
            assert get_fact(db, "tried") is None
            set_fact(db, "tried", "by the other one")
        set_fact(frozen, "tried", "by the frozen one, thawed")
    assert fact(ours) == fact(theirs) == "by the other one"


def test_two_writers_never_overlap(ours: Ledger, theirs: Ledger) -> None:
    def count(ledger: Ledger) -> None:
        for _ in range(50):
            with ledger.begin() as db:
                set_fact(db, "tried", str(int(get_fact(db, "tried") or 0) + 1))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(count, ledger) for ledger in (ours, theirs)]:
            done.result()
    assert fact(ours) == "100"


def test_a_reader_waits_for_nobody(ours: Ledger, theirs: Ledger) -> None:
    with ours.begin() as db:
        set_fact(db, "tried", "not committed yet")
        assert fact(theirs) is None
    assert fact(theirs) == "not committed yet"


def patience(db: Connection) -> str:
    return str(db.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar())


def test_only_who_holds_up_others_is_cut_off_when_it_falls_silent(ours: Ledger) -> None:
    with ours.read() as report, ours.begin() as writer:
        assert (patience(report), patience(writer)) == ("0", "15s")
    with ours.read() as publisher:
        assert alone_at(publisher, OUTBOX_LOCK)
        assert patience(publisher) == "15s"


def test_one_process_alone_publishes(ours: Ledger, theirs: Ledger) -> None:
    with ours.alone(OUTBOX_LOCK) as mine, theirs.alone(OUTBOX_LOCK) as others:
        assert (mine(), others()) == (True, False)
    with theirs.alone(OUTBOX_LOCK) as others:
        assert others()


@pytest.mark.usefixtures("ours")
def test_another_secret_is_refused(address: str) -> None:
    with pytest.raises(WrongSecret):
        opened(address, b"another secret, long enough")


def test_nothing_of_the_address_is_told_when_the_server_is_away() -> None:
    with pytest.raises(LedgerUnavailable) as away:
        opened("postgresql://moc:hidden@127.0.0.1:1/ledger")
    assert "hidden" not in str(away.value)


def test_a_server_that_broke_off_comes_back_with_what_was_committed() -> None:
    server = PostgresServer()
    try:
        with closing(opened(server.database())) as ledger:
            with ledger.begin() as db:
                set_fact(db, "tried", "kept")
            with pytest.raises(LedgerUnavailable), ledger.begin() as db:  # noqa: PT012 - as above
                set_fact(db, "tried", "not committed")
                server.stop()
                set_fact(db, "tried", "too late")
            server.start()
            assert fact(ledger) == "kept"
    finally:
        server.remove()
