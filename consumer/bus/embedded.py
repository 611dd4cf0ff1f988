"""The embedded bus: a durable log in one SQLite file, one listening process, many publishing.

Every topic has one partition, 0; its offsets start at 0, without gaps, in the order of the commits.
The events are personal data: the file is readable by its owner only.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import quote

from consumer.bus.port import (
    BusUnavailable,
    CommitRefused,
    Headers,
    Message,
    MessageTooLarge,
    Outgoing,
    Partition,
    Remembered,
)

LAYOUT = 1
CHECK_SECONDS = 0.02
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
MAX_BATCH_BYTES = 16 * 1024 * 1024
BUSY_TIMEOUT_SECONDS = 10.0

_TABLES = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, next_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    topic TEXT NOT NULL, "offset" INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB NOT NULL,
    PRIMARY KEY (topic, "offset")
);
CREATE TABLE IF NOT EXISTS positions (
    "group" TEXT NOT NULL, topic TEXT NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY ("group", topic)
);
"""
# When what stands from an offset on was published; an older version neither writes nor misses it.
_MOMENTS = """
CREATE TABLE IF NOT EXISTS moments (
    topic TEXT NOT NULL, "offset" INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, "offset")
)
"""
_MARK = 'INSERT INTO moments (topic, "offset", at_ms) VALUES (?, ?, ?)'
_TAKE_OFFSET = """
INSERT INTO topics (name, next_offset) VALUES (?, 1)
ON CONFLICT (name) DO UPDATE SET next_offset = next_offset + 1 RETURNING next_offset - 1
"""
_APPEND = 'INSERT INTO events (topic, "offset", key, value, headers) VALUES (?, ?, ?, ?, ?)'
_READ = """
SELECT "offset", key, value, headers FROM events
WHERE topic = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?
"""
_ENDS = "SELECT name, next_offset FROM topics"
_COMMITTED = 'SELECT topic, next_offset FROM positions WHERE "group" = ?'
_COMMIT = """
INSERT INTO positions ("group", topic, next_offset) VALUES (?, ?, ?)
ON CONFLICT ("group", topic) DO UPDATE SET next_offset = excluded.next_offset
"""


class EmbeddedPublisher:
    """Appends to the log; as many processes as you like may do so at once."""

    def __init__(
        self,
        path: Path,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        """Open (or make) the log at `path`; `seconds` tells the time. Raises BusUnavailable."""
        self._max_message_bytes, self._seconds = max_message_bytes, seconds
        self._lock = threading.Lock()
        self._log = open_log(path, busy_timeout_seconds)

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """One transaction: all of them durable, in the order given, or none.

        Raises BusUnavailable (a full or locked disk), MessageTooLarge (nothing was written).
        """
        for message in messages:
            if message.size_bytes > self._max_message_bytes:
                raise MessageTooLarge(
                    f"{message.size_bytes} bytes are more than {self._max_message_bytes}"
                )
        firsts: dict[str, int] = {}
        with self._lock, _writing(self._log):
            for message in messages:
                (offset,) = self._log.execute(_TAKE_OFFSET, (message.topic,)).fetchone()
                packed = pack_headers(message.headers)
                row = (message.topic, offset, message.key, message.value, packed)
                self._log.execute(_APPEND, row)
                firsts.setdefault(message.topic, offset)
            at_ms = int(self._seconds() * 1000)
            self._log.executemany(_MARK, [(*first, at_ms) for first in firsts.items()])

    def close(self) -> None:
        """Release the file; never raises."""
        with self._lock, suppress(sqlite3.Error):
            self._log.close()


class EmbeddedListener:
    """The one listener of its group on this log."""

    def __init__(
        self,
        path: Path,
        topics: Collection[str],
        group: str,
        remembered: Remembered | None = None,
        *,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        """Open (or make) the log at `path` and take the group.

        Raises BusUnavailable, also when another process listens for this group.
        """
        self._group = group
        self._max_batch_bytes = max_batch_bytes
        self._strands = [Partition(topic, 0) for topic in dict.fromkeys(topics)]
        with ExitStack() as undo:
            self._taken = undo.enter_context(_take_group(path, group))
            self._log = undo.enter_context(closing(open_log(path, busy_timeout_seconds)))
            self._next = self._start(remembered)
            undo.pop_all()

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Up to `limit` messages (and no more than the batch's bytes), in order per topic.

        Empty when none came in time. Raises BusUnavailable.
        """
        deadline = time.monotonic() + timeout_seconds
        with typed_faults():
            while True:
                seen = self._version()
                heard = self._read(limit)
                if heard or not self._changed(seen, deadline):
                    return heard

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make `positions` survive a restart. Raises CommitRefused for topics not ours."""
        if not positions.keys() <= set(self._strands):
            raise CommitRefused("a position of a topic that this listener does not hear")
        with _writing(self._log):
            rows = [(self._group, strand.topic, next_) for strand, next_ in positions.items()]
            self._log.executemany(_COMMIT, rows)

    def end_offsets(self) -> Mapping[Partition, int]:
        """Next offset to be written, for each topic. Raises BusUnavailable."""
        return dict.fromkeys(self._strands, 0) | self._offsets(_ENDS)

    def committed(self) -> Mapping[Partition, int]:
        """Next offset to hear after a restart, for topics ever committed. BusUnavailable."""
        return self._offsets(_COMMITTED, self._group)

    def waiting(self) -> int:
        """How many messages were not heard yet. Raises BusUnavailable."""
        return sum(self.waiting_by_topic().values())

    def waiting_by_topic(self) -> Mapping[str, int]:
        """The same for each topic. Raises BusUnavailable."""
        ends = self.end_offsets()
        return {one.topic: max(0, ends[one] - next_) for one, next_ in self._next.items()}

    def close(self) -> None:
        """Give the group up and release the file; never raises."""
        with suppress(sqlite3.Error):
            self._log.close()
        with suppress(OSError):
            self._taken.close()

    def _start(self, remembered: Remembered | None) -> dict[Partition, int]:
        committed = self.committed()
        older = MappingProxyType(committed) if remembered is None else remembered(self._strands)
        return {
            strand: min(committed.get(strand, 0), older.get(strand, 0)) for strand in self._strands
        }

    def _offsets(self, query: str, *values: str) -> dict[Partition, int]:
        with typed_faults():
            found = {
                Partition(topic, 0): next_ for topic, next_ in self._log.execute(query, values)
            }
        return {strand: found[strand] for strand in self._strands if strand in found}

    def _version(self) -> int:
        (version,) = self._log.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _changed(self, seen: int, deadline: float) -> bool:
        """Whether somebody else wrote before the deadline; asking costs microseconds."""
        while self._version() == seen:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(CHECK_SECONDS, left))
        return True

    def _read(self, limit: int) -> list[Message]:
        heard: list[Message] = []
        room = self._max_batch_bytes
        for strand in self._strands:
            if room <= 0:
                break
            for message in self._strand(strand, limit - len(heard), room):
                heard.append(message)
                room -= _size(message)
        # Only now, when nothing can fail any more: what an error swallowed must be read again.
        self._next.update((message.strand, message.offset + 1) for message in heard)
        # The next turn begins with another topic, so that a busy one starves none.
        self._strands.append(self._strands.pop(0))
        return heard

    def _strand(self, strand: Partition, limit: int, room: int) -> list[Message]:
        heard: list[Message] = []
        with closing(self._log.execute(_READ, (strand.topic, self._next[strand], limit))) as rows:
            for offset, key, value, packed in rows:
                heard.append(Message(*strand, offset, key, value, unpack_headers(packed)))
                room -= _size(heard[-1])
                if room <= 0:
                    break
        return heard


def _size(message: Message) -> int:
    return len(message.key or b"") + len(message.value or b"")


def pack_headers(headers: Headers) -> bytes:
    """Names and values, each behind its length in four bytes: values may be any bytes."""
    parts = [part for name, value in headers for part in (name.encode(), value)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def unpack_headers(packed: bytes) -> Headers:
    """What `pack_headers` was given."""
    parts, at = [], 0
    while at < len(packed):
        end = at + 4 + int.from_bytes(packed[at : at + 4], "big")
        parts.append(packed[at + 4 : end])
        at = end
    return tuple(
        (name.decode(), value) for name, value in zip(parts[::2], parts[1::2], strict=True)
    )


def open_log(path: Path, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> sqlite3.Connection:
    """The log's file, made if it is not there. Raises BusUnavailable."""
    with typed_faults():
        path.touch(mode=0o600)
        log = sqlite3.connect(
            path, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            with _alone(path):
                _prepare(log)
        except BaseException:
            log.close()
            raise
        return log


def _prepare(log: sqlite3.Connection) -> None:
    (layout,) = log.execute("PRAGMA user_version").fetchone()
    if layout > LAYOUT:
        raise BusUnavailable(f"the embedded log has layout {layout}, newer than this version's")
    log.execute("PRAGMA journal_mode = WAL")
    log.execute("PRAGMA synchronous = FULL")
    log.execute(_MOMENTS)
    if layout < LAYOUT:
        log.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time opens the log: SQLite's busy timeout does not cover going to WAL."""
    with path.with_name(f"{path.name}.open").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _take_group(path: Path, group: str) -> IO[str]:
    """The group's lock; the kernel gives it back however this process ends."""
    with typed_faults():
        lock = path.with_name(f"{path.name}.{quote(group, safe='')}.listener").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise BusUnavailable(f"another process listens to {path} as {group!r}") from None
        return lock


@contextmanager
def _writing(log: sqlite3.Connection) -> Iterator[None]:
    """One transaction that is over, one way or the other, when this returns."""
    with typed_faults():
        log.execute("BEGIN IMMEDIATE")
        try:
            yield
            log.execute("COMMIT")
        except BaseException:
            if log.in_transaction:
                log.execute("ROLLBACK")
            raise


@contextmanager
def typed_faults() -> Iterator[None]:
    """SQLite's errors by their names alone: the text could quote what was written."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise BusUnavailable(f"the embedded log: {name}") from None
    except OSError as error:
        raise BusUnavailable(f"the embedded log: {error.strerror}") from None
