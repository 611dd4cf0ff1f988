"""Is a ledger, or a backup, whole, and do the keys open it? Nothing personal comes out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from consumer.keys import Keys
from consumer.ledger.backup import read_only
from consumer.ledger.columns import sealed_columns
from consumer.ledger.migrations import newest_revision, revisions
from consumer.ledger.seal import Seal, SealBroken

SAMPLE = 100
"""Sealed values of each column that are opened, the oldest and the newest, unless all are."""
_MOST = 10
_FORMERLY = (("credits", "answer"),)
"""Sealed columns that ledgers of earlier versions have."""
_COUNTED = {"completions": "state", "credits": "state", "letters": "status"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found; `problems` is empty when the file is good, `newest` its last change."""

    problems: tuple[str, ...]
    revision: str = ""
    newest: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)
    opened: int = 0


def inspect(path: Path, keys: Keys, *, everything: bool = False) -> Inspection:
    """Look through the file without changing it. Never raises for what is wrong with it."""
    if not path.is_file():
        return Inspection((f"{path}: no such file",))
    try:
        with closing(sqlite3.connect(read_only(path), uri=True, timeout=30)) as db:
            db.execute("BEGIN")
            return _inspect(db, keys, everything=everything)
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return Inspection((f"it cannot be read ({name}): it is damaged, or no ledger; {_ANOTHER}",))


_ANOTHER = "use another backup"


def _inspect(db: sqlite3.Connection, keys: Keys, *, everything: bool) -> Inspection:
    problems = [*_damage(db)]
    revision = _revision(db)
    problems += _misfits(db, revision, keys)
    opened = 0
    for table, column in _sealed_columns(db):
        good, bad = _open(db, table, column, keys.seal, everything=everything)
        opened += good
        if bad:
            problems.append(f"{bad} sealed values of {table}.{column} do not open: {_KEYS}")
    return Inspection(tuple(problems), revision, _newest(db), _counts(db), opened)


_KEYS = "they need the keys.toml that was in use when they were written"


def _damage(db: sqlite3.Connection) -> Iterator[str]:
    found = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({_MOST})")]
    if found != ["ok"]:
        yield f"it is damaged ({len(found)} faults or more); {_ANOTHER}"
    for table in dict.fromkeys(row[0] for row in db.execute("PRAGMA foreign_key_check")):
        yield f"{table} refers to rows that are not there; {_ANOTHER}"


def _revision(db: sqlite3.Connection) -> str:
    if "alembic_version" not in _tables(db):
        return ""
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _misfits(db: sqlite3.Connection, revision: str, keys: Keys) -> Iterator[str]:
    if not revision:
        yield f"it is no ledger; {_ANOTHER}"
        return
    if revision not in revisions():
        yield (
            f"it was made by a newer version of this program (schema {revision}, this one knows"
            f" {newest_revision()}): install that version first"
        )
    known = db.execute("SELECT value FROM facts WHERE name = 'fingerprint'").fetchone()
    if known is None or known[0] != keys.identity.fingerprint():
        yield "it was made with another secret: put the keys.toml that belongs to it in place first"


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _sealed_columns(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    known = [(column.table.name, column.name) for column in sealed_columns()]
    for table, column in (*known, *_FORMERLY):
        if column in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}:
            yield table, column


def _open(
    db: sqlite3.Connection, table: str, column: str, seal: Seal, *, everything: bool
) -> tuple[int, int]:
    filled = f"SELECT {column} FROM {table} WHERE length({column}) > 0 ORDER BY rowid"  # noqa: S608
    queries = [filled]
    if not everything:
        queries = [f"{filled} LIMIT {SAMPLE}", f"{filled} DESC LIMIT {SAMPLE}"]
    good = bad = 0
    for query in queries:
        for (sealed,) in db.execute(query):
            opens = _opens(seal, sealed)
            good, bad = good + opens, bad + (not opens)
    return good, bad


def _opens(seal: Seal, sealed: bytes | str) -> bool:
    try:
        seal.open(sealed.encode() if isinstance(sealed, str) else sealed)
    except SealBroken:
        return False
    return True


def _counts(db: sqlite3.Connection) -> dict[str, int]:
    there = _tables(db)
    return {
        f"{table}.{state}": number
        for table, column in _COUNTED.items()
        if table in there
        for state, number in db.execute(
            f"SELECT {column}, count(*) FROM {table} GROUP BY 1 ORDER BY 1"  # noqa: S608
        )
    }


def _newest(db: sqlite3.Connection) -> datetime | None:
    if not {"completions", "credits"} <= _tables(db):
        return None
    changed = (
        "SELECT max(changed_at) FROM completions UNION ALL SELECT max(changed_at) FROM credits"
    )
    found = [at for (at,) in db.execute(changed) if at is not None]
    return datetime.fromtimestamp(max(found) / 1000, UTC) if found else None
