"""1, 2 and 4 processes of `run` on one PostgreSQL ledger and Apache Kafka: one line of JSON.

Each runs intake, submit and outbox; the events are published when all have started. PostgreSQL and
Kafka are on the same machine, and share its processors with them; PostgreSQL is durable.

python -m bench.processes [--delay-ms MS] [--workers N] [--records N] [--processes N ...]
                       [--kafka HOST:PORT]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.lean import lean
from bench.office import (
    STOP_SECONDS,
    all_sent,
    await_start,
    ended,
    open_office,
    publish,
    write_settings,
)
from bench.ways import warm_up
from bench.whole import COMMAND
from bench.window import Run, Window
from tests.end_to_end.office import Office
from tests.kafka.find import find
from tests.postgres.server import PostgresServer

PARTITIONS = 4


def settings(bootstrap: str, ledger_url: str, workers: int) -> dict[str, Any]:
    """One ledger, and topics and a group of this run alone."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    return {
        "bus": "kafka",
        "ledger_url": ledger_url,
        "sending": {"workers": workers},
        "kafka": {
            "bootstrap_servers": bootstrap,
            "source_partitions": PARTITIONS,
            "replication_factor": 1,
        },
        "intake": {"topics": [name], "group": name},
        "outbox": {"dead_letters_topic": f"{name}-dead", "outcomes_topic": f"{name}-outcomes"},
    }


def rate(office: Office, own: dict[str, Any], processes: int, delay: float, records: int) -> Window:
    """So many processes take in and send so many completions."""
    with lean(delay) as pars, ExitStack() as running:
        write_settings(office, pars.url, **own)
        if office.run("ledger", "keys").code != 0:
            raise SystemExit("no keys could be made")
        services = [running.enter_context(office.process(*COMMAND)) for _ in range(processes)]
        for service in services:
            await_start(service)
        publish(office, records)
        pids = [service.pid for service in services]
        warm = processes * warm_up(records, own["sending"]["workers"])
        settled = partial(all_sent, office)
        window = Run(pars, pids, records, warm, settled, partial(ended, *services)).watch()
        for service in services:
            service.stop(STOP_SECONDS)
    return window


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The rate with each number of processes."""
    rates, cpu = {}, {}
    with servers(args.kafka) as (folder, bootstrap, postgres):
        for count in args.processes:
            office = open_office(folder / f"office{count}")
            own = settings(bootstrap, postgres.database(), args.workers)
            window = rate(office, own, count, args.delay_ms / 1000, args.records)
            rates[str(count)] = round(window.per_second, 1)
            cpu[str(count)] = round(window.cpu_us)
    return {
        "delay_ms": args.delay_ms,
        "workers": args.workers,
        "records": args.records,
        "processes_per_second": rates,
        "processes_cpu_us": cpu,
    }


@contextmanager
def servers(kafka: str | None) -> Iterator[tuple[Path, str, PostgresServer]]:
    """A folder, Kafka's address and PostgreSQL, while they are needed."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as started:
        folder = Path(place)
        if kafka is None:
            (folder / "kafka").mkdir()
            found = find(folder / "kafka")
            started.callback(found.stop)
            kafka = found.bootstrap
        postgres = PostgresServer(durable=True)
        started.callback(postgres.remove)
        yield folder, kafka, postgres


def main() -> int:
    """Tell what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.processes")
    parser.add_argument("--delay-ms", type=int, default=0, help="PARS answers after")
    parser.add_argument("--workers", type=int, default=8, help="of each process")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--kafka", metavar="HOST:PORT", help="default: one of its own")
    sys.stdout.write(json.dumps(measure(parser.parse_args())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
