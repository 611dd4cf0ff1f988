"""Every version of a table that was in force: who brought it, from what, and its content."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import orjson

from consumer.durable import give_to_owner, write_whole
from consumer.tables.kind import TableKind

BY_HAND, NONE_YET, EDIT = "by hand", "none yet", "edit"


class TableChanged(Exception):
    """Somebody else changed the table between the preview and now; nothing was done."""


class NoSuchVersion(Exception):
    """The history has no such version, or keeps its content no longer."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version: `how` it came to be in force, `sha` is its content's digest.

    `undoes` is the version it put back, 0 when it is none.
    """

    number: int
    at: datetime
    who: str
    how: str
    source: str
    rows: int
    added: int
    changed: int
    removed: int
    sha: str
    undoes: int = 0


@dataclass(frozen=True, slots=True)
class Deed:
    """What is being done to a table, for its history."""

    at: datetime
    who: str
    how: str
    source: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0
    undoes: int = 0


class History:
    """The versions of one table, in a hidden folder beside it that nobody else can read."""

    def __init__(self, folder: Path, kind: TableKind, keep: int) -> None:
        """`keep` is how many contents are kept; their entries stay for good."""
        self._table = folder / kind.file
        self._kind, self._keep = kind, keep
        self._folder = folder / ".history"
        self._list = self._folder / f"{kind.name}.jsonl"

    def versions(self) -> list[Version]:
        """All of them, oldest first."""
        try:
            lines = self._list.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [_version(line) for line in lines if line.strip()]

    def content(self, version: Version) -> bytes:
        """The table as it was. Raises NoSuchVersion when it is kept no longer."""
        try:
            return self._path(version.sha).read_bytes()
        except FileNotFoundError:
            message = f"the content of version {version.number} is kept no longer"
            raise NoSuchVersion(message) from None

    def version(self, number: int) -> Version:
        """The version of that number. Raises NoSuchVersion."""
        found = next((one for one in self.versions() if one.number == number), None)
        if found is None:
            raise NoSuchVersion(f"{self._kind.name} have no version {number}")
        return found

    def before(self, base: str) -> Version:
        """The version before what is in force, whose digest is `base`. Raises NoSuchVersion."""
        versions = self.versions()
        if versions and versions[-1].sha == base:
            versions = versions[:-1]
        if not versions:
            raise NoSuchVersion(f"{self._kind.name} have no version before this one")
        return versions[-1]

    def digest_and_content(self) -> tuple[str, bytes]:
        """The table as it is now, or one without rows, and its digest."""
        content = self.current()
        return _sha(content), content

    def count(self, content: bytes) -> int:
        """How many rows a table of this content has."""
        return _rows(content)

    def current(self) -> bytes:
        """The table as it is now, or one without rows."""
        try:
            return self._table.read_bytes()
        except FileNotFoundError:
            return (",".join(self._kind.columns) + "\n").encode()

    def put(self, base: str, content: bytes, deed: Deed) -> Version:
        """Put a new version in force in place of the one whose digest is `base`.

        Raises TableChanged when another stands there by now.
        """
        with self._locked():
            before = self.current()
            if _sha(before) != base:
                latest = [one for one in self.versions()[-1:] if one.sha == _sha(before)]
                who = latest[0].who if latest else "somebody"
                message = f"{who} changed {self._kind.file} meanwhile; look at the preview again"
                raise TableChanged(message)
            versions = self._with_current(before, deed)
            new = Version(
                **asdict(deed), number=versions[-1].number + 1, rows=_rows(content),
                sha=_sha(content),
            )  # fmt: skip
            self._keep_content(content)
            write_whole(self._table, content)
            self._append(new)
            self._prune([*versions, new])
            return new

    def rewrite(self, change: Callable[[bytes], bytes]) -> int:
        """Have `change` made to the table and to every content that is kept; gives to how many.

        For what must not come back with any version. The versions stay, under the digests of what
        they hold now.
        """
        with self._locked():
            became = {}
            for sha in dict.fromkeys(one.sha for one in self.versions()):
                with contextlib.suppress(FileNotFoundError):
                    before = self._path(sha).read_bytes()
                    if (after := change(before)) != before:
                        became[sha] = self._replaced(sha, after)
            if became:
                lines = [
                    orjson.dumps(replace(one, sha=became.get(one.sha, one.sha))) + b"\n"
                    for one in self.versions()
                ]
                write_whole(self._list, lines)
            for sha in became.keys() - {*became.values()}:
                self._path(sha).unlink(missing_ok=True)
            before = self.current()
            after = change(before)
            if after != before:
                write_whole(self._table, after)
            return len(became)

    def _replaced(self, sha: str, content: bytes) -> str:
        self._keep_content(content)
        return _sha(content)

    def _with_current(self, content: bytes, deed: Deed) -> list[Version]:
        """The versions; what somebody wrote into the file by hand since becomes one first."""
        versions = self.versions()
        if versions and versions[-1].sha == _sha(content):
            return versions
        number = versions[-1].number + 1 if versions else 1
        # When it was written by hand nobody knows.
        how, source = (BY_HAND, self._kind.file) if self._table.exists() else (NONE_YET, "")
        found = Version(number, deed.at, "", how, source, _rows(content),
                        0, 0, 0, _sha(content))  # fmt: skip
        self._keep_content(content)
        self._append(found)
        return [*versions, found]

    def _keep_content(self, content: bytes) -> None:
        path = self._path(_sha(content))
        if not path.exists():
            write_whole(path, content)

    def _append(self, version: Version) -> None:
        handle = os.open(self._list, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(orjson.dumps(version, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        give_to_owner(self._list)

    def _prune(self, versions: list[Version]) -> None:
        kept = {one.sha for one in versions[-self._keep :]}
        for sha in {one.sha for one in versions} - kept:
            with contextlib.suppress(FileNotFoundError):
                self._path(sha).unlink()

    def _path(self, sha: str) -> Path:
        return self._folder / f"{self._kind.name}-{sha}.csv"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        give_to_owner(self._folder)
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            give_to_owner(self._folder / "lock")
            yield
        finally:
            os.close(handle)


def _version(line: bytes) -> Version:
    told = orjson.loads(line)
    return replace(Version(**told), at=datetime.fromisoformat(told["at"]))


def _rows(content: bytes) -> int:
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""))
    return max(0, sum(any(line) for line in lines) - 1)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
