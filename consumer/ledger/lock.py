"""Who has the ledger: many processes may use it, one alone may put another in its place."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LedgerUnavailable(Exception):
    """The database cannot be read or written now; nothing of this transaction was kept."""


class LedgerRefused(LedgerUnavailable):
    """Trying again does not help: a person must put something right, and the text says what."""


_FOR_A_PERSON = (PermissionError, NotADirectoryError, IsADirectoryError)


def no_place(error: OSError, path: Path) -> LedgerUnavailable:
    """Why a file of the ledger's cannot be there: for now, as on a full disk, or for good."""
    kind = LedgerRefused if isinstance(error, _FOR_A_PERSON) else LedgerUnavailable
    return kind(f"{path}: {error.strerror or type(error).__name__}")


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """The ledger at `path` stays where it is meanwhile.

    Raises LedgerUnavailable while a backup is put in its place.
    """
    with _locked(
        path, fcntl.LOCK_SH, "a backup is being put in its place; wait until that is done"
    ):
        yield


@contextmanager
def nobody_uses(path: Path) -> Iterator[None]:
    """Nobody opens the ledger at `path` meanwhile. Raises LedgerUnavailable while somebody does."""
    busy = (
        "the service, or another command, is using it; stop it first (SIGTERM to moc-consumer run)"
    )
    with _locked(path, fcntl.LOCK_EX, busy):
        yield


@contextmanager
def alone_beside(path: Path, work: int) -> Iterator[bool]:
    """Whether no other process that uses the ledger at `path` does this work meanwhile.

    Raises LedgerUnavailable when the lock's file cannot be made.
    """
    place = path.with_name(f"{work:x}.lock")
    try:
        lock = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise no_place(error, place) from None
    with _closing(lock):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _locked(path: Path, how: int, busy: str) -> Iterator[None]:
    """A lock on the folder: it outlives the file, and the kernel ends it with the process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise no_place(error, path.parent) from None
    with _closing(folder):
        try:
            fcntl.flock(folder, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerUnavailable(busy) from None
        yield


@contextmanager
def _closing(number: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(number)
