"""The two databases a ledger can be in, each set up so that one writer works at a time.

SQLite has one writer by nature. On PostgreSQL a writing transaction takes an advisory lock first:
whatever it reads, to decide by, stays true until it is written, whichever process it belongs to.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.pool import NullPool

from consumer.ledger.lock import LedgerRefused, LedgerUnavailable

AWAY = (OperationalError, InternalError, InterfaceError, NoConnection)
"""Errors of a database that is away, full, shutting down or gone over to another machine, and of
connections to it that are all taken, as they are while it hangs."""

# A server tells why it lets nobody in by words alone.
_NOT_LET_IN = re.compile(
    "authentication failed|no password supplied|no pg_hba.conf entry"
    '|(role|database) "[^"]*" does not exist|permission denied'
)

WRITER_LOCK, OUTBOX_LOCK = 0x4D4F4301, 0x4D4F4302  # "MOC"
_PATIENCE_MS = 30_000
# A process frozen in the middle of a transaction would hold up every other one.
_FROZEN_MS = 15_000
_SERVER = {
    "synchronous_commit": "on",
    "lock_timeout": _PATIENCE_MS,
    "idle_in_transaction_session_timeout": _FROZEN_MS,
    # All that is asked for often has an index. A server that has not counted a new table yet would
    # go through the whole of it for each credit, and compile that first.
    "enable_seqscan": "off",
    "jit": "off",
}


def sqlite_engine(path: Path) -> Engine:
    """A ledger in one file, durable at each commit."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _PATIENCE_MS / 1000})
    event.listen(engine, "connect", _set_up_file)
    event.listen(engine, "begin", _begin_in_file)
    return engine


def file_to_read(path: Path) -> Engine:
    """A ledger's file that is only looked at: nothing is made, migrated or written."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, timeout=30, isolation_level=None),
        poolclass=NullPool,
    )
    event.listen(engine, "begin", _begin_in_file)
    return engine


def _set_up_file(dbapi_connection: Any, _record: object) -> None:
    # pysqlite's own transaction handling starts one too late for BEGIN IMMEDIATE.
    dbapi_connection.isolation_level = None
    # 6 MB of pages a connection, not 2: keyed hashes land anywhere in their indexes. Every thread
    # that reads or writes has a connection, and all of them together must stay below 250 MB.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-6000"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_in_file(connection: Connection) -> None:
    # A writer takes its lock at the start: a lock upgraded half-way fails instead of waiting.
    connection.exec_driver_sql("BEGIN" if reading(connection) else "BEGIN IMMEDIATE")


def server_engine(url: str) -> Engine:
    """A ledger on a PostgreSQL server. Raises LedgerRefused for an address that is none."""
    try:
        address = make_url(url.replace("postgres://", "postgresql://", 1)).set(
            drivername="postgresql+psycopg"
        )
    except ArgumentError:
        raise LedgerRefused("ledger_url is not postgresql://user@host/database") from None
    options = " ".join(f"-c {name}={value}" for name, value in _SERVER.items())
    patience = {"connect_timeout": 10, "tcp_user_timeout": _PATIENCE_MS}
    engine = create_engine(
        address,
        pool_pre_ping=True,
        connect_args=patience | {"options": options, "application_name": "moc-consumer"},
    )
    event.listen(engine, "begin", _begin_on_server)
    return engine


def _begin_on_server(connection: Connection) -> None:
    if reading(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # It holds nobody up, and writing a long report from what it read takes its time.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def alone_at(connection: Connection, work: int) -> bool:
    """Whether nobody else on this server does `work`, until this transaction ends."""
    # Who is frozen meanwhile has to let go, although it only reads.
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {_FROZEN_MS}")
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(work))))


def still_there(connection: Connection) -> bool:
    """Whether the server has kept this transaction, and the locks that it holds, until now."""
    try:
        return bool(connection.scalar(select(1)))
    except AWAY:
        return False


def reading(connection: Connection) -> bool:
    """Whether this transaction was opened for reading only."""
    return bool(connection.get_execution_options().get("moc_read_only"))


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that may say what happens to a row that is there already."""
    server = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if server else sqlite.insert(table)


@contextmanager
def telling_faults() -> Iterator[None]:
    """Raises LedgerUnavailable for a database that is away, LedgerRefused for a broken one."""
    try:
        yield
    except AWAY as error:
        raise unavailable(error) from None
    except DatabaseError as error:
        # SQLite has no class of its own for a file that is damaged, or is something else.
        if type(error) is not DatabaseError:
            raise
        how = "see docs/backup.md, ledger verify and ledger restore"
        raise LedgerRefused(
            f"the ledger's file is damaged, or no ledger ({_told(error)}): {how}"
        ) from None


def unavailable(error: DBAPIError | NoConnection) -> LedgerUnavailable:
    """What one of AWAY is to us, in the driver's own words.

    The statement's parameters, and what they hold, stay out.
    """
    if isinstance(error, NoConnection):
        return LedgerUnavailable("no connection to the database came free")
    told = _told(error)
    return refused(error) if _NOT_LET_IN.search(told) else LedgerUnavailable(told)


def refused(error: DBAPIError) -> LedgerRefused:
    """What a server that answers will not do for us."""
    return LedgerRefused(f"{_told(error)}; see ledger_url, and what the server lets its user do")


def _told(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
