"""Opens the office of the cases to look at: `python -m tests.console --port 8792`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.console.cases import Cases
from tests.console.place import NAMES, PASSWORDS, opened


def main() -> None:
    """Open it until Ctrl-C or SIGTERM."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, default=8792)
    asked.add_argument("--fine", type=int, default=60, help="people of whom nothing is to be said")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        with opened(where / "office", where / "cache", Cases(fine=told.fine), told.port) as place:
            sys.stdout.write(f"{place.address}  PARS at {place.pars.address}\n{where}/office\n")
            for role, name in NAMES.items():
                sys.stdout.write(f"{name} / {PASSWORDS[role]} ({role.word})\n")
            sys.stdout.flush()
            stop.wait()


main()
