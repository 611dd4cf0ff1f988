"""An office that runs the service: a folder with settings and tables, its commands as processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition

from consumer.bus.connect import Bus, kafka_config
from consumer.bus.embedded import EmbeddedListener
from consumer.bus.kafka import KafkaListener
from consumer.bus.port import Listener, Message, Outgoing, Partition
from consumer.demo.scenario import PROVIDER_ID, PROVIDER_NAME
from consumer.settings import Settings, load_settings
from tests.end_to_end import crashing
from tests.end_to_end.patience import until

COMMAND = str(Path(sys.executable).with_name("moc-consumer"))
STOP_SECONDS = 8.0
PASSWORD = "pars-web-service-password"

# A day's waits in seconds.
BRISK: dict[str, Any] = {
    "stop_seconds": STOP_SECONDS,
    "intake": {
        "batch_size": 10,
        "poll_timeout_seconds": 0.2,
        "retry_seconds": 0.5,
        "look_seconds": 0.2,
    },
    "sending": {
        "workers": 2,
        "connect_timeout_seconds": 0.75,
        "request_timeout_seconds": 0.75,
        "lease_seconds": 3,
        "grace_seconds": 1,
        "backoff_first_seconds": 0.3,
        "backoff_longest_seconds": 1,
        "breaker_pause_seconds": 0.5,
        "stopped_pause_seconds": 1,
        "idle_seconds": 0.1,
    },
    "follow": {"first_seconds": 0.5, "every_seconds": 0.5},
    "outbox": {"idle_seconds": 0.1},
}
UNSETTLED = "('ready', 'submitting', 'submitted', 'withdrawing')"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What it printed, as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Running:
    """A process under way; what it says goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    @property
    def said(self) -> str:
        """Everything it wrote so far, to stdout and stderr."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self._process.send_signal(number)

    def code(self, seconds: float) -> int:
        """Its exit code, when it has ended within this time; negative: the signal's number."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:g} s:\n{self.said}") from None

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, which must end it well, within this time."""
        self.send(signal.SIGTERM)
        assert self.code(seconds) == 0, self.said


class Office:
    """Everything of one installation below one folder."""

    def __init__(self, folder: Path, cache: Path, url: str, **settings: Any) -> None:
        """`url` is PARS's address; `settings` come over the brisk ones. `cache` is Python's."""
        self.folder, self.config = folder, folder / "moc-consumer.toml"
        self._said, self._numbers = folder / "said", itertools.count(1)
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("MOC_")}
        self._env.pop("PYTHONDONTWRITEBYTECODE", None)
        self._env |= {"PYTHONPYCACHEPREFIX": str(cache), "MOC_CONFIG": str(self.config)}
        self._said.mkdir(parents=True)
        self.write_settings(merged(merged(BRISK, _own(folder, url)), settings))
        (folder / "tables").mkdir()

    # ------------------------------------------------------------ settings

    def write_settings(self, values: Mapping[str, Any]) -> None:
        """The settings file."""
        self.values = dict(values)
        self.config.write_text(toml(self.values), encoding="utf-8")

    @property
    def settings(self) -> Settings:
        """What is in force."""
        return load_settings(self.config)

    @property
    def tables(self) -> Path:
        """The folder of learners.csv and activities.csv."""
        return self.folder / "tables"

    # ------------------------------------------------------------ processes

    @contextmanager
    def service(self) -> Iterator[Running]:
        """`moc-consumer run`, which is killed if it still runs at the end."""
        with self.process("run") as running:
            yield running

    @contextmanager
    def crashing(self, moment: crashing.Moment) -> Iterator[Running]:
        """The service in the hands of a script that spoils one moment of it."""
        with self._started([sys.executable, crashing.__file__, moment.value]) as running:
            yield running

    @contextmanager
    def script(self, module: str, *arguments: str) -> Iterator[Running]:
        """A module in the service's place, which finds the settings in MOC_CONFIG."""
        with self._started([sys.executable, "-m", module, *arguments]) as running:
            yield running

    @contextmanager
    def process(self, *arguments: str) -> Iterator[Running]:
        """A command that goes on until it is stopped."""
        with self._started([COMMAND, *arguments]) as running:
            yield running

    @contextmanager
    def _started(self, command: Sequence[str]) -> Iterator[Running]:
        log = self._said / f"{next(self._numbers):03d}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            try:
                yield Running(process, log)
            finally:
                process.kill()
                process.wait()

    def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Done:
        """`moc-consumer` with these arguments, to its end."""
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self._env | dict(env or {}),
            input=stdin,
            capture_output=True,
            timeout=90,
        )
        log = self._said / f"{next(self._numbers):03d}.log"
        log.write_bytes(done.stdout + done.stderr)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run_all(self, commands: Sequence[Sequence[str]]) -> list[Done]:
        """Several commands, two at a time: most of each is Python's start."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda arguments: self.run(*arguments), commands))

    @property
    def said(self) -> list[Path]:
        """What every process said so far, a file each."""
        return sorted(self._said.iterdir())

    # ------------------------------------------------------------ bus

    def publish(self, events: Sequence[Outgoing]) -> None:
        """Put events on the topic that the service hears."""
        topic = self.settings.intake.topics[0]
        with closing(Bus(self.settings).publisher()) as publisher:
            publisher.publish([replace(event, topic=topic) for event in events])

    def heard(self, topic: str) -> list[Message]:
        """Everything that is on a topic now, read without disturbing the service."""
        group = f"reader-{next(self._numbers)}-{time.monotonic_ns()}"
        messages: list[Message] = []
        with closing(self._listener(topic, group)) as listener:
            until(lambda: _read_on(listener, messages), 30, f"the end of {topic}")
        return messages

    def _listener(self, topic: str, group: str) -> Listener:
        settings = self.settings
        if settings.bus == "embedded":
            return EmbeddedListener(settings.bus_path, [topic], group, _from_the_start)
        config = replace(kafka_config(settings), group=group)
        return KafkaListener(config, [topic], _from_the_start)

    def committed(self) -> int:
        """How many messages the service has committed on the bus."""
        settings = self.settings
        if settings.bus == "embedded":
            found = _query(settings.bus_path, "SELECT next_offset FROM positions")
            return sum(next_ for (next_,) in found)
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            group_id=settings.intake.group,
            enable_auto_commit=False,
        )
        with closing(consumer):
            topic = settings.intake.topics[0]
            strands = [TopicPartition(topic, n) for n in range(settings.kafka.source_partitions)]
            return sum(consumer.committed(strand) or 0 for strand in strands)

    # ------------------------------------------------------------ ledger

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger, read past the service; none while it is not there yet."""
        if self.settings.on_server:
            return _query_server(self.settings.ledger_url.get_secret_value(), query)
        return _query(self.settings.ledger_path, query)

    def count(self, what: str) -> int:
        """How many rows `FROM {what}`."""
        return sum(number for (number,) in self.ledger(f"SELECT count(*) FROM {what}"))  # noqa: S608

    def at_rest(self, events: int) -> bool:
        """Whether so many events are heard, nothing is under way, and all of it is published."""
        busy = f"credits WHERE state IN {UNSETTLED}"
        return self.count("events") >= events and not self.count(busy) and not self.count("outbox")


def _own(folder: Path, url: str) -> dict[str, Any]:
    """What is this office's alone."""
    return {
        "data_dir": str(folder / "data"),
        "tables_dir": str(folder / "tables"),
        "profiles": {
            "main": {
                "provider_id": PROVIDER_ID,
                "name": PROVIDER_NAME,
                "domain": "example.org",
                "url": url,
                "user": "demo",
                "password": PASSWORD,
                "requests_per_second": 60,
            }
        },
    }


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with what `new` says over it, section by section."""
    both = dict(old)
    for name, value in new.items():
        mine = both.get(name)
        sections = isinstance(mine, Mapping) and isinstance(value, Mapping)
        both[name] = merged(mine, value) if sections else value
    return both


def toml(values: Mapping[str, Any], section: str = "") -> str:
    """A TOML file of these values; JSON's spelling of a value is TOML's too."""
    lines = [f"[{section}]"] if section else []
    lines += [f"{k} = {json.dumps(v)}" for k, v in values.items() if not isinstance(v, Mapping)]
    parts = [
        toml(v, f"{section}.{k}" if section else k)
        for k, v in values.items()
        if isinstance(v, Mapping)
    ]
    return "\n".join([*lines, *parts, ""])


def _query(path: Path, query: str) -> list[tuple[Any, ...]]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


def _query_server(address: str, query: str) -> list[tuple[Any, ...]]:
    try:
        with psycopg.connect(address) as database:
            return database.execute(query.encode()).fetchall()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return []


def _from_the_start(strands: Any) -> dict[Partition, int]:
    return dict.fromkeys(strands, 0)


def _read_on(listener: Listener, messages: list[Message]) -> bool:
    """Read what there is; whether that was all."""
    messages += listener.poll(1000, 0.3)
    ends = listener.end_offsets()
    return bool(ends) and len(messages) >= sum(ends.values())
