"""Credits sent two ways, each by a process that is watched: bare posts, and the service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.lean import lean
from bench.office import STOP_SECONDS, all_sent, ended, put_back, write_settings
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
