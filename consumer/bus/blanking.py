"""Blanking: the bytes of purged events go from the embedded log, and their places stay taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from consumer.bus.embedded import BUSY_TIMEOUT_SECONDS, LAYOUT, pack_headers, typed_faults
from consumer.bus.port import BLANK, BusUnavailable

_BLANK = """
UPDATE events SET key = NULL, value = NULL, headers = ?
WHERE topic = ? AND "offset" = ? AND (key IS NOT NULL OR value IS NOT NULL)
"""
_LAST_WORD = """
UPDATE events SET value = NULL, headers = ? WHERE topic = ? AND key = ? AND value IS NOT NULL
"""


def blank(
    path: Path,
    places: Collection[tuple[str, int]],
    keyed: Collection[tuple[str, bytes]] = (),
) -> int:
    """Empty the events at these topics and offsets; of `keyed` topics and keys, every value.

    Gives how many there were. When it returns the bytes are gone from the file, and from the one
    beside it. Raises BusUnavailable, and nothing is changed then.
    """
    if not (places or keyed) or not path.exists():
        return 0
    with typed_faults(), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as log:
        (layout,) = log.execute("PRAGMA user_version").fetchone()
        if layout != LAYOUT:
            raise BusUnavailable(f"the embedded log has layout {layout}, and not {LAYOUT}")
        log.execute("PRAGMA secure_delete = ON")  # what is emptied is overwritten
        log.execute("PRAGMA synchronous = FULL")
        with log:
            empty = pack_headers(BLANK)
            count = sum(log.execute(_BLANK, (empty, *one)).rowcount for one in places)
            count += sum(log.execute(_LAST_WORD, (b"", *one)).rowcount for one in keyed)
        _take_in(log)
        return count


def _take_in(log: sqlite3.Connection) -> None:
    """Have the file beside the log, which holds what was written last, be emptied."""
    (busy, _, _) = log.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise BusUnavailable("the embedded log is in use: its last bytes could not be taken away")
