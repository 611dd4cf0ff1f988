"""The service's memory while it takes in completions and sends them: one line of JSON.

One process runs intake, submit and outbox, with 20,000 learners in its tables. The events are put
on the bus as it goes, and at every tenth of the way its resident memory is noted. When all is taken
in it stops, with a part of it sent. Exit code 1 above the limit.

python -m bench.memory [--records N] [--workers N]
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.intake import completions
from bench.lean import Lean, lean
from bench.office import COURSES, LEARNERS, STOP_SECONDS, ended, open_office, write_settings
from bench.whole import COMMAND
from bench.window import PATIENCE_SECONDS, memory_mb
from consumer.bus.connect import Bus
from tests.end_to_end.office import Office, Running

LIMIT_MB = 250
STEPS = 10
AHEAD, LOOK_SECONDS = 20_000, 0.5


def feed(office: Office, records: int) -> Iterator[int]:
    """Publish ahead of the intake; gives how many it has taken in, again and again, to the end."""
    topic = office.settings.intake.topics[0]
    messages = itertools.islice(completions(topic, LEARNERS, COURSES), records)
    deadline, published, heard = time.monotonic() + 4 * PATIENCE_SECONDS, 0, 0
    with closing(Bus(office.settings).publisher()) as publisher:
        while heard < records:
            if time.monotonic() > deadline:
                raise SystemExit("the run takes too long")
            while published < min(records, heard + AHEAD):
                some = list(itertools.islice(messages, 1000))
                publisher.publish(some)
                published += len(some)
            time.sleep(LOOK_SECONDS)
            heard = office.committed()
            yield heard


def watch(office: Office, running: Running, pars: Lean, records: int) -> list[dict[str, Any]]:
    """What the process had in memory at each tenth of the way."""
    noted: list[dict[str, Any]] = []
    for heard in feed(office, records):
        if said := ended(running):
            raise SystemExit(f"ended too soon:\n{said}")
        if heard >= records * (len(noted) + 1) // STEPS:
            rss = memory_mb(running.pid, "VmRSS")
            noted.append({"heard": heard, "sent": pars.answered, "rss_mb": rss})
    return noted


def measure(records: int, workers: int) -> dict[str, Any]:
    """Memory on the way, and at most."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, lean() as pars:
        office = open_office(Path(place) / "office")
        write_settings(office, pars.url, sending={"workers": workers})
        with office.process(*COMMAND) as running:
            noted = watch(office, running, pars, records)
            peak = memory_mb(running.pid)
            running.stop(STOP_SECONDS)
    return {
        "records": records,
        "learners": LEARNERS,
        "workers": workers,
        "sent": pars.answered,
        "seconds": round(time.monotonic() - began),
        "rss_mb": noted,
        "peak_rss_mb": peak,
        "limit_mb": LIMIT_MB,
        "ok": peak < LIMIT_MB,
    }


def main() -> int:
    """Tell what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=8)
    args = parser.parse_args()
    figures = measure(args.records, args.workers)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
