"""How fast ready credits are sent to PARS, beside the bare limit of the same posts: one JSON line.

python -m bench.submit [--delay-ms MS] [--workers N] [--records N] [--times N] [--profile FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.office import make_ready, open_office
from bench.ways import bare, service
from bench.window import Window


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Both in turn, so many times; medians."""
    delay, workers, records = args.delay_ms / 1000, args.workers, args.records
    with tempfile.TemporaryDirectory() as place:
        office = open_office(Path(place) / "office")
        make_ready(office, records)
        bares, services, peaks = [], [], []
        for _ in range(args.times):
            bares.append(bare(office, delay, workers, records))
            window, peak = service(office, delay, workers, records, args.profile)
            services.append(window)
            peaks.append(peak)
    return told(args, bares, services) | {"peak_rss_mb": max(peaks)}


def told(args: argparse.Namespace, bares: list[Window], services: list[Window]) -> dict[str, Any]:
    """The figures."""
    bare_rate = statistics.median(one.per_second for one in bares)
    rate = statistics.median(one.per_second for one in services)
    bare_cpu = statistics.median(one.cpu_us for one in bares)
    cpu = statistics.median(one.cpu_us for one in services)
    figures: dict[str, Any] = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "delay_ms": args.delay_ms,
        "workers": args.workers,
        "records": args.records,
        "completions_per_second": round(rate, 1),
        "bare_posts_per_second": round(bare_rate, 1),
        "ratio_to_bare": round(rate / bare_rate, 3),
        "cpu_us_per_completion": round(cpu),
        "cpu_us_per_bare_post": round(bare_cpu),
        "cpu_us_per_completion_beyond_post": round(cpu - bare_cpu),
        "cpu_us_of_the_server": round(statistics.median(one.pars_us for one in bares)),
        "spread_per_second": [round(one.per_second) for one in services],
        "spread_bare_per_second": [round(one.per_second) for one in bares],
    }
    if args.delay_ms:
        ideal = args.workers / args.delay_ms * 1000
        figures["ratio_to_ideal"] = round(rate / ideal, 3)
    return figures


def wanted() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.submit")
    parser.add_argument("--delay-ms", type=int, default=0, help="PARS answers after")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--profile", metavar="FILE", help="by py-spy; .json for speedscope")
    return parser.parse_args()


def main() -> int:
    """Tell what it took."""
    began = time.monotonic()
    figures = measure(wanted())
    figures["bench_seconds"] = round(time.monotonic() - began)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
