"""What LMSs said of learners, as a table of its own beside the office's, which comes first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from consumer.durable import write_whole
from consumer.tables import LOOKED_UP as FILE
from consumer.tables.comparison import packed, written
from consumer.tables.csvfile import read_csv
from consumer.tables.kind import LEARNERS

_KEY = ("site", "learner", "board")


class LookedUp:
    """The file, which only its owner reads. Several processes may write it, one at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def put(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Add these, over what was known of the same learners. Raises TableProblems, OSError."""
        with self._locked():
            known = {tuple(row[name] for name in _KEY): row for row in self._rows()}
            known |= {tuple(row[name] for name in _KEY): row for row in rows}
            self._write(known.values())

    def forget(self, site: str, before: date) -> int:
        """Drop what this LMS said before that day; gives how many rows. Raises as `put` does."""
        if not any(_stale(row, site, before) for row in self._rows()):
            return 0
        with self._locked():
            rows = self._rows()
            fresh = [row for row in rows if not _stale(row, site, before)]
            self._write(fresh)
            return len(rows) - len(fresh)

    def _rows(self) -> list[Mapping[str, str]]:
        if not self._path.exists():
            return []
        columns = frozenset(LEARNERS.columns)
        return [row.cells for row in read_csv(self._path, columns, frozenset())]

    def _write(self, rows: Iterable[Mapping[str, str]]) -> None:
        write_whole(self._path, written(LEARNERS, iter([packed(LEARNERS, row) for row in rows])))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self._path.with_name(f".{FILE}.lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _stale(row: Mapping[str, str], site: str, before: date) -> bool:
    return row["site"] == site and row["consent_on"] <= before.isoformat()
