"""A pipe can be read once, a backfill reads twice: what comes out of one is put into a file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile


@contextmanager
def spooled(file: str, folder: Path) -> Iterator[Path]:
    """The file, or for "-" one with all that stdin has: only its owner reads it, and it goes.

    Raises OSError.
    """
    if file != "-":
        yield Path(file)
        return
    with NamedTemporaryFile(dir=folder, prefix="backfill-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)
