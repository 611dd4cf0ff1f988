"""How fast ready credits are sent to PARS, beside the bare limit of the same posts: one JSON line.

python -m bench.submit [--delay-ms MS] [--workers N] [--records N] [--times N] [--profile FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.lean import lean
from bench.office import (
    STOP_SECONDS,
    all_sent,
    ended,
    make_ready,
    open_office,
    put_back,
    write_settings,
)
from bench.window import Run, Window, memory_mb
from tests.end_to_end.office import Office


def warm_up(records: int, workers: int) -> int:
    """After how many posts the measuring begins: each worker has its connection by then."""
    return max(records // 10, 4 * workers)


def bare(office: Office, delay: float, workers: int, records: int) -> Window:
    """The same posts, and nothing else."""
    warm = warm_up(records, workers)
    with lean(delay) as pars:
        write_settings(office, pars.url)
        with _bare_client(office, workers, records) as client:
            failed = partial(_failed, client)
            return Run(pars, [client.pid], records, warm, always, failed).watch()


@contextmanager
def _bare_client(office: Office, workers: int, records: int) -> Iterator[subprocess.Popen[str]]:
    """A process that has rendered everything and begins to post."""
    command = [sys.executable, "-m", "bench.bare", str(workers), str(records)]
    env = {**os.environ, "MOC_CONFIG": str(office.config)}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, text=True, **pipes) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the bare client did not start")
        process.stdin.write("go\n")
        process.stdin.flush()
        yield process
        process.stdin.close()


def service(
    office: Office, delay: float, workers: int, records: int, profile: str | None = None
) -> tuple[Window, float]:
    """The service's submit pump, from a ready ledger; also its peak memory in MB."""
    put_back(office)
    warm = warm_up(records, workers)
    with lean(delay) as pars:
        write_settings(office, pars.url, sending={"workers": workers})
        with office.process("run", "--pump", "submit") as one, _spy(one.pid, profile):
            pids, settled = [one.pid], partial(all_sent, office)
            window = Run(pars, pids, records, warm, settled, partial(ended, one)).watch()
            peak = memory_mb(one.pid)
            one.stop(STOP_SECONDS)
    if office.count("credits WHERE state = 'submitted'") != records:
        raise SystemExit("not every credit is settled as sent")
    return window, peak


def always() -> bool:
    """The bare client writes nothing down."""
    return True


def _failed(client: subprocess.Popen[str]) -> str:
    return "the bare client, see above" if client.poll() else ""


@contextmanager
def _spy(pid: int, profile: str | None) -> Iterator[None]:
    """A sampling profile of all threads that hold the interpreter, from another process."""
    if profile is None:
        yield
        return
    program = str(Path(sys.executable).with_name("py-spy"))
    form = "speedscope" if profile.endswith(".json") else "raw"
    options = ("--gil", "--rate", "500", "--format", form, "--output", profile, "--nonblocking")
    with subprocess.Popen([program, "record", "--pid", str(pid), *options]):
        yield


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
