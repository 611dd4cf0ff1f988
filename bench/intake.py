"""How fast the intake takes new completions from the bus into the ledger: one line of JSON.

python -m bench.intake [completions] [--learners PEOPLE] [--batch MESSAGES] [--kafka HOST:PORT]
    [--ledger postgresql://USER@HOST/DATABASE]

Without --kafka the embedded log, without --ledger SQLite; a ledger on PostgreSQL must be empty.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import resource
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import event

from consumer.bus.connect import Bus
from consumer.bus.port import Outgoing
from consumer.clock import SystemClock
from consumer.credit import Identity
from consumer.garbage import search_seldom
from consumer.journey import House, Provider, hear
from consumer.ledger.ledger import Ledger, open_ledger, open_server
from consumer.ledger.seal import Seal
from consumer.mapping.loader import load_catalogue
from consumer.premises import Premises
from consumer.pumps import intake
from consumer.pumps.intake import IntakePump
from consumer.resources import shipped
from consumer.settings import Settings, load_settings
from consumer.tables import load_tables
from tests.integration.people import CANVAS, MOODLE, Physician, canvas, course, moodle

COURSES = 10
SECRET = b"a secret of this bench alone"
# Put together from parts: 1,200 family names that share their beginnings, as those of people do.
GIVEN = [
    a + b for a in "Am Bel Cat Dar El Far Gud Hal Ing Jon".split() for b in "a en ita ore".split()
]
_FIRST = "Aber Brook Castel Dub Ezen Fjäll Grün Haw Ito Jar Kess Lind Mor Nwo Oke Pell".split()
_SECOND = "an brandt court dahl e field gate holm is kin low mark ner osa quist".split()
_THIRD = ["", "", "son", "-Ng", "-Eze"]
FAMILY = [a + b + c for a in _FIRST for b in _SECOND for c in _THIRD]
NAME = "Lakeside Academy"
PROFILE = {
    "provider_id": "0009999",
    "name": NAME,
    "domain": "lakeside.example",
    "by_file": True,
}


class Stopwatch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, counted."""

        def measured(*args: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return work(*args, **options)
            finally:
                self.spent[stage] += time.perf_counter() - started

        return measured

    def watch(self, ledger: Ledger) -> None:
        """Count what the database's driver takes, without its commits."""

        def before(connection: Any, *_: Any) -> None:
            connection.info["started"] = time.perf_counter()

        def after(connection: Any, *_: Any) -> None:
            self.spent["sql"] += time.perf_counter() - connection.info["started"]

        event.listen(ledger.engine, "before_cursor_execute", before)
        event.listen(ledger.engine, "after_cursor_execute", after)


class TimedSeal(Seal):
    """A seal whose sealing is counted."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__(Fernet.generate_key())
        self._seal = watch.timed("seal", super().seal)

    def seal(self, plain: bytes) -> bytes:
        """What may be stored."""
        sealed: bytes = self._seal(plain)
        return sealed


def people(count: int) -> Iterator[Physician]:
    """Invented physicians."""
    for number in range(count):
        given, family = GIVEN[number % len(GIVEN)], FAMILY[number * 7 % len(FAMILY)]
        birth = f"{1950 + number % 45}-{1 + number % 12:02d}-{1 + number % 28:02d}"
        yield Physician(4_000_000 + number, given, family, birth, f"{number:06d}")


def completions(topic: str, learners: int, courses: int = COURSES) -> Iterator[Outgoing]:
    """Everybody's completions of every course, course by course."""
    for number in range(courses):
        for who in people(learners):
            make = canvas if number % 2 else moodle
            yield replace(make(who, str(100 + number)), topic=topic)


def write_tables(folder: Path, learners: int, courses: int = COURSES) -> None:
    """Everybody, and the courses of two LMSs, each an activity of its own."""
    sites = (MOODLE, CANVAS)
    activities = [
        course(sites[n % 2], str(100 + n), activity=f"A{n}", pars_activity_id=f"2026{n:05d}")
        for n in range(courses)
    ]
    for name, rows in (
        ("learners.csv", [who.row() for who in people(learners)]),
        ("activities.csv", activities),
    ):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def fill(bus: Bus, topic: str, learners: int, courses: int = COURSES) -> None:
    """Publish everything."""
    messages = completions(topic, learners, courses)
    with closing(bus.publisher()) as publisher:
        while some := list(islice(messages, 1000)):
            publisher.publish(some)


def drain(
    pump: IntakePump, count: int, after: Callable[[int], None] | None = None
) -> tuple[float, float]:
    """Hear everything; gives the seconds and the processor's seconds from the first batch on.

    Calls `after` each batch, with how many were heard.
    """
    heard = 0
    while not heard:  # joining Kafka's group takes its own time
        started, used = time.perf_counter(), time.process_time()
        heard = pump.turn()
    while True:
        if after:
            after(heard)
        if heard >= count:
            break
        heard += pump.turn()
    return time.perf_counter() - started, time.process_time() - used


def wanted() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.intake")
    parser.add_argument("completions", nargs="?", type=int, default=20_000)
    parser.add_argument("--learners", type=int, help="by default a tenth of the completions")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--kafka", metavar="HOST:PORT")
    parser.add_argument("--ledger", metavar="URL", help="an empty PostgreSQL database")
    return parser.parse_args()


def settings(folder: Path, args: argparse.Namespace) -> Settings:
    """The service's own settings, a topic and a group of this run alone."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    heard: dict[str, Any] = {"topics": [name], "group": name}
    if args.batch:
        heard["batch_size"] = args.batch
    kafka = {"bus": "kafka", "kafka": {"bootstrap_servers": args.kafka, "replication_factor": 1}}
    return load_settings(
        None,
        data_dir=folder,
        tables_dir=folder,
        profiles={"main": PROFILE},
        intake=heard,
        **(kafka if args.kafka else {}),
    )


def open_pump(config: Settings, bus: Bus, ledger: Ledger) -> IntakePump:
    """The service's pump."""
    house = House(
        load_catalogue(shipped("mappings"), shipped("schemas")),
        load_tables(config.tables_dir, config.profiles),
        {"main": Provider("0009999", NAME)},
        config.intake.payload_limit_bytes,
    )
    own = config.intake
    timing = own.batch_size, own.poll_timeout_seconds, own.retry_seconds
    connect = functools.partial(bus.listen, ledger.remembered)
    search_seldom()
    return IntakePump(connect, ledger, Premises(house), *timing, SystemClock(), own)


class Memory:
    """What the process holds, looked at in quarters of the work."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.resident_mb: list[int] = []

    def look(self, heard: int) -> None:
        """Note it after the first batch, and whenever a quarter is done."""
        if heard >= len(self.resident_mb) * self._count / 4:
            self.resident_mb.append(resident_mb())


def resident_mb() -> int:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 2**20)


def open_books(folder: Path, url: str | None, watch: Stopwatch) -> Ledger:
    """A new ledger, its time taken."""
    keys = TimedSeal(watch), Identity(SECRET)
    ledger = open_server(url, *keys) if url else open_ledger(folder / "ledger.db", *keys)
    watch.watch(ledger)
    return ledger


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Fill a bus, drain it into a new ledger, and look at what that took."""
    learners = args.learners or max(1, args.completions // COURSES)
    courses = -(-args.completions // learners)
    count = learners * courses
    write_tables(folder, learners, courses)
    config, watch, memory = settings(folder, args), Stopwatch(), Memory(count)
    bus = Bus(config)
    fill(bus, config.intake.topics[0], learners, courses)
    ledger = open_books(folder, args.ledger, watch)
    vars(intake)["hear"] = watch.timed("decode_map_judge", hear)
    pump = open_pump(config, bus, ledger)
    seconds, used = drain(pump, count, memory.look)
    if pump.fates != {"ready": count}:
        raise SystemExit(f"not what was published: {dict(pump.fates)}")
    per_one = {stage: round(spent / count * 1e6) for stage, spent in watch.spent.items()}
    rest = round(seconds / count * 1e6) - sum(per_one.values())
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "bus": config.bus,
        "ledger": ledger.engine.dialect.name,
        "completions": count,
        "learners": learners,
        "batch": config.intake.batch_size,
        "intake_per_second": round(count / seconds),
        "cpu_us_per_completion": round(used / count * 1e6),
        "elapsed_us_by_stage": per_one | {"rest": rest},
        "rss_mb_by_quarter": memory.resident_mb,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> int:
    """Tell what it took."""
    args = wanted()
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write(json.dumps(measure(Path(place), args)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
