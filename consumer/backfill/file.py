"""Files of old events, one a line: as an LMS sends them, or with key and headers around them.

A file is known by what is in it, whatever it is called and whether it is compressed. So its events
have the same places each time it is read, and the ledger knows them again.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import orjson

from consumer.backfill.old import Broken, Lines
from consumer.bus.port import Headers, Message, Partition
from consumer.credit import Identity

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_ENVELOPE = frozenset({"key", "headers", "value"})
_NO_ENVELOPE = 'not an event, nor {"key", "headers", "value"} around one'

Opened = Callable[[], AbstractContextManager[BufferedIOBase]]


def opener(path: Path) -> Opened:
    """Opens a file, unpacked where it is compressed by gzip. Raises OSError."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP

    def opened() -> AbstractContextManager[BufferedIOBase]:
        return gzip.open(path, "rb") if packed else path.open("rb")

    return opened


@dataclass(frozen=True, slots=True)
class OldFile(Lines):
    """The events of one file, one a line."""

    name: str
    opened: Opened
    limit_bytes: int

    overrules = True

    @classmethod
    def of(
        cls, name: str, opened: Opened, identity: Identity, limit_bytes: int, source: str = ""
    ) -> OldFile:
        """The file with its digest taken; a line may be so long. Raises OSError, EOFError."""
        digest = hashlib.sha256()
        with opened() as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        # Keyed: of a file that is guessed nobody can see that it was this one.
        known_by = identity.digest("backfill", digest.digest())[:16]
        return cls(f"backfill.{known_by}", source, name, opened, limit_bytes)

    def read(self, after: Mapping[Partition, int]) -> Iterator[Message | Broken]:
        """Every line from there on that is not blank. Raises OSError, EOFError."""
        first = after.get(self.strand, 0)
        for number, line in self.lines():
            if number >= first and (bare := line.strip()):
                yield self._event(number, bare)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line with its number; what is too long for an event is cut off just behind that."""
        with self.opened() as file:
            number = 0
            while line := file.readline(self.limit_bytes + 1):
                number += 1
                yield number, line
                while len(line) > self.limit_bytes and not line.endswith(b"\n"):
                    line = file.readline(self.limit_bytes + 1)

    def _event(self, number: int, line: bytes) -> Message | Broken:
        spoilt = partial(Broken, self.name, number)
        if len(line) > self.limit_bytes:
            return spoilt(f"longer than {self.limit_bytes} bytes, the most that an event may have")
        try:
            key, value, headers = _taken_apart(line)
        except orjson.JSONDecodeError as error:
            return spoilt(f"not JSON: column {error.colno}")
        except (ValueError, TypeError, AttributeError):
            return spoilt(_NO_ENVELOPE)
        return Message(self.topic, 0, number, key, value, headers)


def _taken_apart(line: bytes) -> tuple[bytes | None, bytes, Headers]:
    """Key, bytes and headers; a bare event keeps its bytes as they are."""
    read = orjson.loads(line)
    if not isinstance(read, dict | list):
        raise ValueError
    if not isinstance(read, dict) or "value" not in read or not read.keys() <= _ENVELOPE:
        return None, line, ()
    key, value = read.get("key"), read["value"]
    if not isinstance(value, dict | list):
        raise ValueError
    headers = tuple((str(k), _header(v)) for k, v in (read.get("headers") or {}).items())
    return None if key is None else str(key).encode(), orjson.dumps(value), headers


def _header(value: Any) -> bytes:
    if not isinstance(value, str | int | float):
        raise ValueError
    return str(value).encode()


def set_aside(file: OldFile, broken: Collection[int], beside: Path) -> None:
    """Copy these lines into a file that only its owner reads, as they are. Raises OSError."""
    wanted = frozenset(broken)
    draft = beside.with_name(f"{beside.name}.new")
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as out:
        os.fchmod(out.fileno(), 0o600)
        for number, line in file.lines():
            if number in wanted:
                out.write(line if line.endswith(b"\n") else line + b"\n")
    draft.replace(beside)
