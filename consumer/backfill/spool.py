"""A pipe can be read once, a backfill reads twice: what comes out of one is put into a file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile


@contextmanager
def spooled(file: str, folder: Path) -> Iterator[Path]:
    """The file, or for "-" one with all that stdin has, which is gone however this process ends.

    Raises OSError.
    """
    if file != "-":
        yield Path(file)
        return
    with TemporaryFile(dir=folder) as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        # It has no name that a killed process could leave behind; this opens it all the same.
        yield Path(f"/proc/self/fd/{copy.fileno()}")
