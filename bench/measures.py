"""The measures of `make bench`, each a process of its own: nothing is left over between them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.kafka.find import NoKafka, find
from tests.postgres.server import NoPostgres, programs

Figures = dict[str, Any]

SUBMIT = {0: (8, 5000), 50: (32, 5000), 200: (32, 4800)}
"""How late PARS answers, in milliseconds: with how many workers, and how many records."""


class Measures:
    """Runs one after the other, and says on stderr which one is under way."""

    def __init__(self, times: int) -> None:
        self._times = times
        self._console = Console(stderr=True)

    def submit(self, delay_ms: int) -> Figures:
        """Bare limit and service in turn, medians; with PARS answering after so long."""
        workers, records = SUBMIT[delay_ms]
        options = {"delay-ms": delay_ms, "workers": workers, "records": records}
        return self._run("submit", **options, times=self._times)

    def intake(self, kafka: str | None = None) -> Figures:
        """Intake alone, the median of some runs."""
        where = {"kafka": kafka} if kafka else {}
        runs = [self._run("intake", **where) for _ in range(self._times)]
        in_order = sorted(runs, key=lambda run: float(run["intake_per_second"]))
        rates = [run["intake_per_second"] for run in runs]
        return in_order[len(runs) // 2] | {
            "intake_per_second": statistics.median(rates),
            "spread_per_second": rates,
        }

    def stages(self) -> Figures:
        """Processor time by stage."""
        return self._run("stages")

    def whole(self) -> Figures:
        """The whole service: rate, and latency at half of it."""
        return self._run("whole")

    def memory(self, records: int) -> Figures:
        """Resident memory over so many records."""
        return self._run("memory", records=records)

    def processes(self, kafka: str) -> Figures | None:
        """1, 2 and 4 processes; None without PostgreSQL."""
        try:
            programs()
        except NoPostgres as error:
            self._console.print(f"left out: several processes: {error}")
            return None
        return self._run("processes", kafka=kafka)

    @contextmanager
    def kafka(self, folder: Path) -> Iterator[str | None]:
        """The address of genuine Apache Kafka, None without one."""
        try:
            found = find(folder)
        except NoKafka as error:
            self._console.print(f"left out: Apache Kafka: {error}")
            yield None
            return
        try:
            yield found.bootstrap
        finally:
            found.stop()

    def _run(self, module: str, **options: object) -> Figures:
        command = [sys.executable, "-m", f"bench.{module}"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        self._console.print("$ python", *command[1:], highlight=False, soft_wrap=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if not done.stdout.strip():
            raise SystemExit(f"bench.{module} did not come to an end: exit code {done.returncode}")
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures
