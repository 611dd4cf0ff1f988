"""A backup: one consistent copy of the ledger, made while others write, or none at all."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from consumer.durable import sync
from consumer.ledger.columns import milliseconds

PAGES_AT_ONCE = 1000
BACKED_UP = "backed_up_at"
"""The fact that says when the ledger was last copied, in milliseconds since 1970."""
_REMEMBER = (
    "INSERT INTO facts (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)

Tell = Callable[[int, int], None]
"""Told how many pages are copied, and of how many."""


class NoBackup(Exception):
    """No backup was made; the text says why and what to do."""


@contextmanager
def draft_of(ledger: Path, target: Path, tell: Tell) -> Iterator[Path]:
    """A copy of the ledger beside `target`, readable by its owner alone; kept only by `keep`.

    Raises NoBackup.
    """
    if target.exists():
        raise NoBackup(f"{target} is there already, and is not overwritten: choose another name")
    if not ledger.exists():
        raise NoBackup(f"there is no ledger at {ledger}: check data_dir in the settings")
    with _file_beside(target) as draft:
        try:
            copy(ledger, draft, tell)
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            said = f"the ledger cannot be copied ({name})"
            raise NoBackup(f"{said}: is the disk full? See: moc-consumer ledger verify") from None
        yield draft


@contextmanager
def _file_beside(target: Path) -> Iterator[Path]:
    try:
        number, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    except OSError as error:
        raise NoBackup(f"{target.parent}: {error.strerror}; choose another folder") from None
    os.close(number)
    try:
        yield Path(name)
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(name + end).unlink()


def copy(source: Path, target: Path, tell: Tell) -> None:
    """Copy a database as it is at this moment into an empty file. Raises sqlite3.Error."""
    with closing(sqlite3.connect(read_only(source), uri=True, timeout=30)) as old:
        old.isolation_level = None
        # One view for the whole copy: without it every write by others starts it anew.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(target)) as new:

            def told(_status: int, left: int, of: int) -> None:
                tell(of - left, of)

            old.backup(new, pages=PAGES_AT_ONCE, progress=told)
            # One file that needs no others beside it.
            new.execute("PRAGMA journal_mode = DELETE")


def keep(draft: Path, target: Path) -> None:
    """Give the draft its name, unless something has it by now. Raises NoBackup."""
    try:
        sync(draft)
        os.link(draft, target)
        sync(target.parent)
    except FileExistsError:
        raise NoBackup(f"{target} is there by now, and is not overwritten") from None
    except OSError as error:
        raise NoBackup(f"{target}: {error.strerror}; choose another folder") from None


def remember(ledger: Path, at: datetime) -> bool:
    """Have the ledger say itself when it was copied last; whether that could be written down.

    For who watches the age of backups: a full disk must not make a good backup a failed one.
    """
    try:
        with closing(sqlite3.connect(ledger, timeout=30)) as db, db:
            db.execute(_REMEMBER, (BACKED_UP, str(milliseconds(at))))
    except sqlite3.Error:
        return False
    return True


def read_only(path: Path) -> str:
    """The address by which SQLite opens a file for reading alone."""
    return f"{path.absolute().as_uri()}?mode=ro"
