"""Alembic migrations, shipped in the package and run at every start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine


class NewerSchema(Exception):
    """The database was made by a newer version of this program."""


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema; nothing happens when it is there already.

    Several processes may start at once: the first one migrates, the others wait for it. Raises
    NewerSchema.
    """
    config = _config()
    with engine.connect() as connection, _without_foreign_keys(connection), connection.begin():
        _check_known(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _check_known(connection: Connection) -> None:
    at = MigrationContext.configure(connection).get_current_revision()
    if at is not None and at not in revisions():
        raise NewerSchema(
            f"it was made by a newer version of this program (schema {at}, this one knows"
            f" {newest_revision()}): install that version first"
        )


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew; rows that refer to it stand in the way of that."""
    if connection.dialect.name != "sqlite":
        yield
        return
    sqlite: Any = connection.connection.dbapi_connection
    sqlite.execute("PRAGMA foreign_keys = OFF")  # does nothing once a transaction has begun
    try:
        yield
    finally:
        sqlite.execute("PRAGMA foreign_keys = ON")


def revisions() -> list[str]:
    """Every schema that this version knows, the newest first."""
    return [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()]


def newest_revision() -> str:
    """The schema that `migrate` leads to."""
    return revisions()[0]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
