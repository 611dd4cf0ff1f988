"""`python -m tests.end_to_end.harness`: see docs/reliability.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.end_to_end.harness.run import Order, run


def main() -> int:
    """Play, tell a line for each round and one of JSON at the end; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--jobs", type=int, default=1, help="rounds side by side")
    parser.add_argument("--keep", action="store_true", help="keep the folders of good rounds too")
    said = parser.parse_args()
    order = Order(said.rounds, said.seed, said.first, said.jobs, keep=said.keep)
    folder, started = Path(tempfile.mkdtemp(prefix="moc-crash-")), time.monotonic()
    tally = run(order, folder, lambda line: print(line, flush=True))  # noqa: T201
    print(tally.as_json(time.monotonic() - started), flush=True)  # noqa: T201
    if tally.wrong:
        print(f"what the processes said: {folder}", file=sys.stderr)  # noqa: T201
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
