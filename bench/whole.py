"""The whole service, from the bus to PARS: its rate, and the latency at half of it; one JSON line.

One process runs intake, submit and outbox. The latency of a completion is the time from just before
its event is published until PARS has answered its report.

python -m bench.whole [--delay-ms MS] [--workers N] [--records N] [--seconds S] [--rate PER_SECOND]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from bench.intake import completions
from bench.lean import lean
from bench.office import (
    COURSES,
    LEARNERS,
    STOP_SECONDS,
    all_sent,
    await_start,
    ended,
    open_office,
    publish,
    wait,
    write_settings,
)
from bench.ways import warm_up
from bench.window import Run, Window
from consumer.bus.connect import Bus
from tests.end_to_end.office import Office

COMMAND = ("run", "--pump", "intake", "--pump", "submit", "--pump", "outbox")
PUBLISH_SECONDS = 0.01
_SENT = """
SELECT events."offset", credits.submitted_at / 1000.0 FROM events
JOIN completion_credits ON completion_credits.completion_id = events.completion_id
JOIN credits ON credits.id = completion_credits.credit_id ORDER BY events."offset"
"""


def rate(office: Office, delay: float, workers: int, records: int) -> Window:
    """All of it at once: so many events wait on the bus when the service starts."""
    publish(office, records)
    warm, settled = warm_up(records, workers), partial(all_sent, office)
    with lean(delay) as pars:
        write_settings(office, pars.url, sending={"workers": workers})
        with office.process(*COMMAND) as running:
            run = Run(pars, [running.pid], records, warm, settled, partial(ended, running))
            window = run.watch()
            running.stop(STOP_SECONDS)
    return window


def latencies(
    office: Office, delay: float, workers: int, per_second: float, seconds: float
) -> list[float]:
    """Seconds from publishing to the answer, of each completion, at a steady rate."""
    records = round(per_second * seconds)
    with lean(delay) as pars:
        write_settings(office, pars.url, sending={"workers": workers})
        with office.process(*COMMAND) as running:
            await_start(running)
            published = _publish_steadily(office, records, per_second)
            wait(running, lambda: pars.answered >= records and all_sent(office))
        pars.check(records)
    return [sent - published[offset] for offset, sent in office.ledger(_SENT)]


def _publish_steadily(office: Office, records: int, per_second: float) -> Sequence[float]:
    """Publish what is due, a hundred times a second; gives when each was, as the clock says."""
    topic = office.settings.intake.topics[0]
    messages = itertools.islice(completions(topic, LEARNERS, COURSES), records)
    published: list[float] = []
    began = time.monotonic()
    with closing(Bus(office.settings).publisher()) as publisher:
        while len(published) < records:
            due = int((time.monotonic() - began) * per_second) + 1 - len(published)
            some = list(itertools.islice(messages, due))
            published += [time.time()] * len(some)
            publisher.publish(some)
            time.sleep(PUBLISH_SECONDS)
    return published


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The rate, and the latency at half of it."""
    delay, workers = args.delay_ms / 1000, args.workers
    with tempfile.TemporaryDirectory() as place:
        office = open_office(Path(place) / "rate")
        window = rate(office, delay, workers, args.records)
        half = (args.rate or window.per_second) / 2
        steady = open_office(Path(place) / "latency")
        times = latencies(steady, delay, workers, half, args.seconds)
    percent = statistics.quantiles(times, n=100)
    return {
        "delay_ms": args.delay_ms,
        "workers": workers,
        "records": args.records,
        "whole_per_second": round(window.per_second, 1),
        "cpu_us_per_completion": round(window.cpu_us),
        "latency_at_per_second": round(half, 1),
        "latency_of": len(times),
        "latency_ms_p50": round(percent[49] * 1000),
        "latency_ms_p99": round(percent[98] * 1000),
        "latency_ms_max": round(max(times) * 1000),
    }


def main() -> int:
    """Tell what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.whole")
    parser.add_argument("--delay-ms", type=int, default=0, help="PARS answers after")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20, help="how long latency is measured")
    parser.add_argument("--rate", type=float, help="instead of the measured one")
    sys.stdout.write(json.dumps(measure(parser.parse_args())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
