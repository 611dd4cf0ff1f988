"""Files that are there whole or not at all, and still there after a power cut."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Replace `path` in one step, on the disk for good when this returns. Raises OSError.

    Whoever reads it meanwhile has the old one or the new one, whole.

    A new file is its owner's alone (0600); one that was there keeps its owner and group, since the
    service may run as another user, but nobody else's access.
    """
    parts = [content] if isinstance(content, bytes) else content
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
            _as_before(path, file.fileno())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync(path.parent)


def give_to_owner(path: Path) -> None:
    """Give a file or folder to whom the folder around it belongs, where we may."""
    owner = path.parent.stat()
    with contextlib.suppress(PermissionError):
        os.chown(path, owner.st_uid, owner.st_gid)


def _as_before(path: Path, handle: int) -> None:
    """The owner, group and mode of the file that is replaced, without the others' bits."""
    try:
        known = path.stat()
    except FileNotFoundError:
        known, mode = path.parent.stat(), 0o600
    else:
        mode = stat.S_IMODE(known.st_mode) & 0o660 | 0o600
    with contextlib.suppress(PermissionError):  # only root may give a file away
        os.fchown(handle, known.st_uid, known.st_gid)
    os.fchmod(handle, mode)


def sync(path: Path) -> None:
    """Have a file, or what a folder lists, on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
