"""Posted events that wait on disk while the bus is away, sealed, in the order they came.

One SQLite file that any number of processes write; one of them at a time takes from it.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from consumer.bus.embedded import pack_headers, unpack_headers
from consumer.bus.port import Outgoing
from consumer.clock import Clock
from consumer.ledger.seal import Seal, SealBroken

LAYOUT = 1
_BUSY_SECONDS = 5.0
_BATCH_BYTES = 8 * 1024 * 1024
_TABLE = """
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, sealed BLOB NOT NULL,
    aside INTEGER NOT NULL DEFAULT 0, since REAL NOT NULL DEFAULT 0
);
"""
_SINCE = "ALTER TABLE waiting ADD COLUMN since REAL NOT NULL DEFAULT 0"
_COUNTED = "CREATE INDEX IF NOT EXISTS waiting_aside ON waiting (aside)"
# An earlier version writes beside these, and leaves 0: nobody knows how long that has waited.
_FIRST = "SELECT since FROM waiting WHERE NOT aside ORDER BY number LIMIT 1"
_OLDEST = "SELECT number, sealed FROM waiting WHERE NOT aside ORDER BY number LIMIT ?"
_ONE = "SELECT sealed FROM waiting WHERE number = ?"
_REPLACE = "UPDATE waiting SET sealed = ? WHERE number = ?"
T = TypeVar("T")


class SpoolUnavailable(Exception):
    """The spool cannot be read or written now; the text quotes nothing of an event."""


class Spool:
    """Safe to share between threads; opens its file when it is first needed."""

    def __init__(self, path: Path, seal: Seal, clock: Clock) -> None:
        self._path, self._seal, self._clock = path, seal, clock
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None

    def try_write(self) -> None:
        """Write what is there already, as a post would be. Raises SpoolUnavailable."""
        with self._opened() as file:
            file.execute(f"PRAGMA user_version = {LAYOUT}")

    def is_empty(self) -> bool:
        """Whether nothing waits to be forwarded. Raises SpoolUnavailable."""
        with self._opened() as file:
            return file.execute(_OLDEST, (1,)).fetchone() is None

    def count(self) -> tuple[int, int]:
        """How many events wait, and how many were set aside. Raises SpoolUnavailable."""
        with self._opened() as file:
            query = "SELECT count(*), coalesce(sum(aside), 0) FROM waiting"
            total, aside = file.execute(query).fetchone()
            return total - aside, aside

    def oldest_seconds(self) -> float:
        """How long the oldest has waited; 0 where nothing does. Raises SpoolUnavailable."""
        with self._opened() as file:
            first = file.execute(_FIRST).fetchone()
        since = first[0] if first else 0
        return max(0.0, self._clock.now().timestamp() - since) if since else 0.0

    def append(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are on disk, or raise SpoolUnavailable and none is."""
        now = self._clock.now().timestamp()
        rows = [(self._seal.seal(_pack(message)), now) for message in messages]
        with self._opened() as file, _transaction(file):
            file.executemany("INSERT INTO waiting (sealed, since) VALUES (?, ?)", rows)

    def oldest(self, limit: int) -> list[tuple[int, Outgoing]]:
        """The events that came first, with their numbers. Raises SpoolUnavailable."""
        found: list[tuple[int, Outgoing]] = []
        size = 0
        with self._opened() as file:
            for number, sealed in file.execute(_OLDEST, (limit,)):
                size += len(sealed)
                if found and size > _BATCH_BYTES:
                    break
                found.append((number, self._open(sealed)))
        return found

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget what is on the bus, or shall not come there. Raises SpoolUnavailable."""
        with self._opened() as file, _transaction(file):
            rows = [(number,) for number in numbers]
            file.executemany("DELETE FROM waiting WHERE number = ?", rows)

    def aside(self, which: Callable[[Outgoing], bool]) -> list[int]:
        """The numbers of those set aside of which this says yes. Raises SpoolUnavailable."""
        with self._opened() as file:
            rows = file.execute("SELECT number, sealed FROM waiting WHERE aside").fetchall()
        return [number for number, sealed in rows if which(self._open(sealed))]

    def set_aside(self, number: int) -> None:
        """Keep one that the bus will never take out of the others' way. SpoolUnavailable."""
        with self._opened() as file, _transaction(file):
            file.execute("UPDATE waiting SET aside = 1 WHERE number = ?", (number,))

    def under_which(self) -> Counter[str]:
        """How many events are sealed under which key, by its name. Raises SpoolUnavailable."""
        with self._opened() as file:
            rows = file.execute("SELECT sealed FROM waiting")
            return Counter(self._with_key(self._seal.key_of, sealed) for (sealed,) in rows)

    def reseal(self) -> int:
        """Seal anew what is under a former key; gives how many. Raises SpoolUnavailable."""
        done = 0
        with self._opened() as file:
            numbers = [number for (number,) in file.execute("SELECT number FROM waiting")]
        for number in numbers:
            with self._opened() as file, _transaction(file):
                # Nobody changes what waits, but it may be forwarded by now.
                for (sealed,) in file.execute(_ONE, (number,)).fetchall():
                    if new := self._with_key(self._seal.renewed, sealed):
                        file.execute(_REPLACE, (new, number))
                        done += 1
        return done

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else takes from the spool meanwhile; given up however this ends."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = self._path.with_name(f"{self._path.name}.taking").open("a")
        except OSError as error:
            raise SpoolUnavailable(f"the spool: {error.strerror}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def close(self) -> None:
        """Release the file; never raises."""
        with self._lock, suppress(sqlite3.Error):
            if self._file is not None:
                self._file.close()
            self._file = None

    def _open(self, sealed: bytes) -> Outgoing:
        return _unpack(self._with_key(self._seal.open, sealed))

    def _with_key(self, do: Callable[[bytes], T], sealed: bytes) -> T:
        try:
            return do(sealed)
        except SealBroken:
            raise SpoolUnavailable("the spool: sealed with another key than keys.toml's") from None

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._file = self._file or _open_file(self._path)
                yield self._file
            except sqlite3.Error as error:
                name = getattr(error, "sqlite_errorname", type(error).__name__)
                raise SpoolUnavailable(f"the spool: {name}") from None
            except OSError as error:
                raise SpoolUnavailable(f"the spool: {error.strerror}") from None


@contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


def _open_file(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    file = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        with path.with_name(f"{path.name}.open").open("a") as lock:
            # SQLite's busy timeout does not cover going to WAL.
            fcntl.flock(lock, fcntl.LOCK_EX)
            _prepare(file)
    except BaseException:
        file.close()
        raise
    return file


def _prepare(file: sqlite3.Connection) -> None:
    (layout,) = file.execute("PRAGMA user_version").fetchone()
    if layout > LAYOUT:
        raise SpoolUnavailable("the spool: made by a newer version")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = FULL")
    if layout < LAYOUT:
        file.executescript(f"BEGIN IMMEDIATE; {_TABLE} PRAGMA user_version = {LAYOUT}; COMMIT;")
    if "since" not in {column[1] for column in file.execute("PRAGMA table_info(waiting)")}:
        file.execute(_SINCE)
    file.execute(_COUNTED)


def _pack(message: Outgoing) -> bytes:
    own = (("topic", message.topic.encode()), ("key", message.key or b""))
    return pack_headers((*own, ("value", message.value or b""), *message.headers))


def _unpack(packed: bytes) -> Outgoing:
    (_, topic), (_, key), (_, value), *headers = unpack_headers(packed)
    return Outgoing(topic.decode(), key, value, tuple(headers))
