"""What a browser handed in and is not done with: sealed files beside the tables, not for long.

Kept here, and not in the browser: what is put in force later is what was looked at. The folder is
the tables' own, so every process that may change a table finds it. A name tells nothing.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from consumer.clock import Clock
from consumer.durable import give_to_owner, write_whole
from consumer.ledger.seal import Seal, SealBroken

KEPT = timedelta(hours=2)
"""How long somebody may take between looking at an upload and saying yes."""

_TOKEN = re.compile(r"[0-9a-f]{32}")


class NoSuchParcel(Exception):
    """Nothing waits under this name: used already, too old, somebody else's, or never there."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What waits: `label` is small and says what it is, `content` is the bytes themselves."""

    token: str
    who: str
    what: str
    at: datetime
    label: dict[str, object]
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Parcels:
    """All that wait in one tables folder."""

    folder: Path
    seal: Seal
    clock: Clock

    def put(self, who: str, what: str, label: dict[str, object], content: bytes = b"") -> str:
        """Keep it; gives the name to ask for it by. Raises OSError."""
        self._sweep()
        token = secrets.token_hex(16)
        self._write(Parcel(token, who, what, self.clock.now(), label, content))
        return token

    def get(self, token: str, who: str, what: str) -> Parcel:
        """What waits under this name for this person. Raises NoSuchParcel."""
        found = self._read(token)
        if (found.who, found.what) != (who, what) or self.clock.now() - found.at > KEPT:
            raise NoSuchParcel(token)
        return found

    def relabel(self, parcel: Parcel, label: dict[str, object]) -> None:
        """The same content with another label. Raises OSError."""
        self._write(Parcel(parcel.token, parcel.who, parcel.what, parcel.at, label, parcel.content))

    def waiting(self) -> int:
        """How many there are, of anybody."""
        return sum(1 for _ in self._files())

    def drop_all(self) -> None:
        """Nothing waits any more: whoever brought it brings it again."""
        for file in [*self._files()]:
            self.drop(file.name)

    def drop(self, token: str) -> None:
        """It is done with."""
        with contextlib.suppress(FileNotFoundError):
            self._path(token).unlink()

    def under_which(self) -> Counter[str]:
        """How many of those that are not too old are sealed under which key, by its name."""
        self._sweep()
        found: Counter[str] = Counter()
        for file in self._files():
            with contextlib.suppress(OSError, SealBroken):
                found[self.seal.key_of(file.read_bytes())] += 1
        return found

    def _write(self, parcel: Parcel) -> None:
        self._here.mkdir(mode=0o700, exist_ok=True)
        give_to_owner(self._here)
        head = orjson.dumps(
            {"who": parcel.who, "what": parcel.what, "at": parcel.at, "label": parcel.label}
        )
        write_whole(self._path(parcel.token), self.seal.seal(head + b"\n" + parcel.content))

    def _read(self, token: str) -> Parcel:
        try:
            opened = self.seal.open(self._path(token).read_bytes())
        except (OSError, SealBroken):
            raise NoSuchParcel(token) from None
        head, _, content = opened.partition(b"\n")
        told = orjson.loads(head)
        at = datetime.fromisoformat(told["at"])
        return Parcel(token, told["who"], told["what"], at, told["label"], content)

    def _sweep(self) -> None:
        """Take away what nobody came back for."""
        for file in self._files():
            with contextlib.suppress(NoSuchParcel):
                if self.clock.now() - self._read(file.name).at <= KEPT:
                    continue
            self.drop(file.name)

    def _files(self) -> Iterator[Path]:
        if self._here.is_dir():
            yield from (file for file in self._here.iterdir() if _TOKEN.fullmatch(file.name))

    def _path(self, token: str) -> Path:
        if not _TOKEN.fullmatch(token):
            raise NoSuchParcel(token)
        return self._here / token

    @property
    def _here(self) -> Path:
        return self.folder / ".waiting"
