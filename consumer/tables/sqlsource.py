"""A database as the source of a table: one query, read and never written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from consumer.tables.cell import Arrived, Cell, Line, Spoilt, TooMany, bounded
from consumer.tables.csvfile import TableProblem, TableProblems

NAME = "sql"
TIMEOUT_SECONDS = 60
_STRINGS = (str, int, float, bool, datetime, date, time, timedelta)
_POSTGRES = {"postgresql", "postgres"}


class SourceAway(Exception):
    """The database cannot be reached, or does not answer: later perhaps. Quotes no address."""


def read_url(path: Path) -> URL:
    """The database's address from a file of one line. Raises TableProblems without quoting it."""
    try:
        url = make_url(path.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise _fault(path.name, f"cannot be read: {error.strerror}") from None
    except (ArgumentError, UnicodeDecodeError):
        message = "no address of a database: postgresql://user:password@host/database is one"
        raise _fault(path.name, message) from None
    return url.set(drivername="postgresql+psycopg") if url.drivername in _POSTGRES else url


def open_query(url: URL, query: str) -> Arrived:
    """The query's rows on their way; the names of its columns are the headings.

    The transaction is read-only where the database knows that, and is rolled back. Raises
    SourceAway, TableProblems for a query that the database refuses.
    """
    arrived = Arrived(NAME, iter(()), typed=True)
    arrived.lines = _rows(_engine(url), query)
    return arrived


def _rows(engine: Engine, query: str) -> Iterator[Line]:
    try:
        with engine.connect() as db:
            found = db.execution_options(stream_results=True, max_row_buffer=1000).execute(
                text(query)
            )
            yield Line(1, tuple(found.keys()))
            lines = (Line(n, tuple(map(_cell, row))) for n, row in enumerate(found, 2))
            yield from bounded(lines)
    except TooMany as many:
        raise _fault(NAME, str(many)) from None
    except DBAPIError as error:
        raise _told(error, engine.dialect.name) from None
    except SQLAlchemyError:  # such as a statement that gives no rows
        raise _fault(NAME, "the query gives no rows: a SELECT is needed") from None
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url)
        options: dict[str, Any] = {}
        if url.get_backend_name() == "postgresql":
            limits = f"-c statement_timeout={TIMEOUT_SECONDS * 1000}"
            options = {"connect_timeout": 10, "options": limits}
        engine = create_engine(url, connect_args=options)
    except (NoSuchModuleError, ModuleNotFoundError, ImportError, ArgumentError):
        names = "postgresql and sqlite"
        raise _fault(NAME, f"no driver for this kind of database; there are: {names}") from None
    return engine.execution_options(postgresql_readonly=True)


def _sqlite(url: URL) -> Engine:
    """Opened for reading alone: a missing file is not made."""
    if not url.database or not Path(url.database).is_file():
        raise SourceAway("the SQLite file of the query is not there")
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _only_read(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    return engine


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, _STRINGS):
        return value
    if hasattr(value, "as_tuple"):  # Decimal
        return str(value)
    return Spoilt("of a kind that no table holds: cast it to text in the query")


def _told(error: DBAPIError, dialect: str) -> Exception:
    """The database's own words may quote a value or the address: its kind of error must do."""
    kind = type(error.orig).__name__ if error.orig else "error"
    # SQLite calls a misspelt table so too; whether its file is there was looked at before.
    away = kind in ("OperationalError", "InterfaceError") and dialect != "sqlite"
    if error.connection_invalidated or away:
        return SourceAway(f"the database cannot be asked ({kind})")
    return _fault(NAME, f"the database refuses the query ({kind})")


def _fault(name: str, message: str) -> TableProblems:
    return TableProblems([TableProblem(name, 0, "", message)])
