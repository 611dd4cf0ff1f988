"""A backup in the place of the ledger: migrated and marked first, and nothing is thrown away."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from consumer.desk.trail import remember
from consumer.durable import sync
from consumer.keys import Keys
from consumer.ledger.backup import copy
from consumer.ledger.ledger import Ledger, prepare
from consumer.ledger.restored import doubt_everything

_BESIDE = ("-wal", "-shm")


def restore(backup: Path, ledger: Path, keys: Keys, who: str, now: datetime) -> Path | None:
    """Put a backup that was inspected in the ledger's place; gives where the old one is kept.

    To be called under `nobody_uses`. A crash leaves the old ledger or the new one in place, whole.
    Raises LedgerUnavailable, sqlite3.Error, OSError; the present ledger is then where it was.
    """
    draft = ledger.with_name(f"{ledger.name}.restoring")
    _remove(draft)
    try:
        draft.touch(mode=0o600)
        copy(backup, draft, lambda _done, _of: None)
        _mark(draft, keys, who, now)
        sync(draft)
        kept = _keep(ledger, now) if ledger.exists() else None
        draft.replace(ledger)
        sync(ledger.parent)
    finally:
        _remove(draft)
    return kept


def _mark(draft: Path, keys: Keys, who: str, now: datetime) -> None:
    restored = prepare(draft, keys.seal, keys.identity)
    with closing(restored):
        say_restored(restored, who, now)
    with closing(sqlite3.connect(draft)) as db:
        db.execute("PRAGMA journal_mode = DELETE")


def say_restored(ledger: Ledger, who: str, now: datetime) -> None:
    """Have PARS asked about every credit before anything is sent. Raises LedgerUnavailable."""
    with ledger.begin() as db:
        doubt_everything(db, now)
        remember(db, ledger, now, who, "ledger.restored", "ledger")


def _keep(ledger: Path, now: datetime) -> Path:
    """A second name for the present ledger: for no moment is there none."""
    kept = ledger.with_name(f"{ledger.stem}-before-restore-{now:%Y%m%dT%H%M%S}{ledger.suffix}")
    try:
        with closing(sqlite3.connect(ledger)) as db:
            db.execute("PRAGMA journal_mode = DELETE")  # takes in what stood in the files beside it
    except sqlite3.Error:
        pass  # too damaged for that: those files go with it, as they are
    os.link(ledger, kept)
    for end in _BESIDE:
        beside = ledger.with_name(ledger.name + end)
        if beside.exists():
            # Left here it would be taken for the new ledger's own.
            beside.replace(kept.with_name(kept.name + end))
    return kept


def _remove(draft: Path) -> None:
    for end in ("", "-journal", *_BESIDE):
        with suppress(FileNotFoundError):
            draft.with_name(draft.name + end).unlink()
