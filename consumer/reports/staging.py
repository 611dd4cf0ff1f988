"""Where files grow until they are whole: out of sight, readable by their owner alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Sequence
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Protocol

from consumer.durable import sync

_PREFIX = ".moc-unfinished-"


class Growing(Protocol):
    """Something that holds files in here open, and must let go of them."""

    def close(self) -> None:
        """Let go of them; does nothing the second time."""
        ...


class Staging:
    """A hidden folder beside the files to come; leaving the context removes what is in it.

    A process that is killed leaves its folder behind; the next one that stages in the same place
    removes it, which the lock on every living one prevents.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._growing: dict[int, Growing] = {}

    def __enter__(self) -> Staging:
        sweep(self._folder)
        self.path, self._lock = _locked(self._folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for growing in [*self._growing.values()]:
            with contextlib.suppress(OSError):  # a full disk must not keep us from tidying up
                growing.close()
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def create(self, name: str) -> BufferedRandom:
        """A new empty file in here, mode 0600 before its first byte."""
        file = os.fdopen(_new(self.path / name), "w+b")
        self.holds(file)
        return file

    def holds(self, growing: Growing) -> None:
        """Close it on leaving, whatever happens until then."""
        self._growing[id(growing)] = growing

    def forget(self, growing: Growing) -> None:
        """It was closed."""
        self._growing.pop(id(growing), None)

    def publish(self, names: Sequence[tuple[str, str]]) -> list[Path]:
        """Show finished files under their final names: (name in here, final name), in order.

        Raises FileExistsError, all of them hidden again, when one name is taken.
        """
        shown: list[Path] = []
        try:
            for name, final in names:
                _show(self.path / name, self._folder / final)
                shown.append(self._folder / final)
        except OSError:
            for path in shown:
                path.unlink()
            raise
        sync(self._folder)
        return shown


def settle(file: BufferedRandom) -> int:
    """Put what was written on the disk for good, and close it; gives its size in bytes."""
    size = file.seek(0, os.SEEK_END)
    file.flush()
    os.fsync(file.fileno())
    file.close()
    return size


def sweep(folder: Path) -> int:
    """Remove what killed processes left unfinished in `folder`; gives the number of leftovers."""
    return sum(map(_removed, folder.glob(f"{_PREFIX}*")))


def _removed(path: Path) -> bool:
    with contextlib.suppress(OSError):  # its process lives, or another sweeps
        lock = _lock(path)
        try:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
        return True
    return False


def _locked(folder: Path) -> tuple[Path, int]:
    """A new folder of ours; another process's sweep may be quicker than our lock: then again."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            lock = _lock(path)
            if path.exists():
                return path, lock
            os.close(lock)


def _lock(path: Path) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _show(path: Path, final: Path) -> None:
    """As a second name first: unlike a renaming, that never replaces what is there."""
    try:
        final.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # some file systems know no second names: an empty file keeps the place
        os.close(_new(final))
        path.replace(final)
    else:
        path.unlink()


def _new(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
