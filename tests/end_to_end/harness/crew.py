"""The office of one round: its settings, and its processes by name."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from consumer.bus.embedded import EmbeddedListener
from consumer.bus.port import Message
from consumer.settings import Settings, load_settings
from tests.contract.buses import unique
from tests.end_to_end.harness.moments import Spoiling
from tests.end_to_end.harness.nursery import Born, Wanted, ended
from tests.end_to_end.harness.steps import Setting
from tests.end_to_end.harness.world import World
from tests.end_to_end.office import UNSETTLED, Office, merged
from tests.postgres.server import programs

COMMAND_SECONDS = 30.0
OVERTAKEN_SECONDS = 12.0
"""A post that comes later than that after a takeover is nobody's to put right."""
# Waits that a round has time for. No try is ever the last: faults are what a round is made of.
QUICK: dict[str, Any] = {
    "sending": {
        "connect_timeout_seconds": 0.5,
        "request_timeout_seconds": 0.5,
        "lease_seconds": 2,
        "grace_seconds": 0.5,
        "overtaken_seconds": OVERTAKEN_SECONDS,
        "max_tries": 1000,
        "backoff_longest_seconds": 0.6,
        "breaker_pause_seconds": 0.3,
    },
    "follow": {"first_seconds": 0.3, "every_seconds": 0.3, "absent_seconds": 2},
    "intake": {"batch_size": 3, "retry_seconds": 0.3},
}
SESSION_SECONDS = 1.5
# Not sent for sure when the LMS took it back: it stays ready until a person has answered.
_ASKED_ABOUT = """
state = 'ready' AND EXISTS (SELECT 1 FROM letters, completion_credits link
 WHERE link.credit_id = credits.id AND letters.completion_id = link.completion_id
 AND letters.status = 'open' AND letters.stage = 'review')
"""
_AT_REST = f"""
SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM outbox),
(SELECT count(*) FROM credits WHERE state IN {UNSETTLED} AND NOT ({_ASKED_ABOUT})
 OR restored_at IS NOT NULL AND state IN ('accepted', 'rejected'))
"""  # noqa: S608  a constant of ours


class Place(Office):
    """An office in a folder of its own, on one setting."""

    def __init__(self, world: World, folder: Path, setting: Setting) -> None:
        self._world, self.setting = world, setting
        self.database = ""
        super().__init__(folder, world.cache, world.pars.url, **merged(QUICK, self._own(setting)))
        self._backups = 0
        if setting is Setting.SERVER:
            self._take_keys()

    def _own(self, setting: Setting) -> dict[str, Any]:
        own: dict[str, Any] = {"bus": "embedded"}
        if setting is not Setting.EMBEDDED:
            own = {
                "bus": "kafka",
                "kafka": {
                    "bootstrap_servers": self._world.broker.bootstrap,
                    "session_timeout_seconds": SESSION_SECONDS,
                },
                "intake": {"topics": [unique("events")], "group": unique("group")},
                "outbox": {
                    "dead_letters_topic": unique("dead-letters"),
                    "outcomes_topic": unique("outcomes"),
                },
            }
        if setting is Setting.SERVER:
            self.database = self._world.postgres.database()
            own["ledger_url"] = self.database
        return own

    def _take_keys(self) -> None:
        assert self.command("ledger", "keys") == 0

    @cached_property
    def settings(self) -> Settings:  # type: ignore[override]
        """What is in force; never changed during a round."""
        return load_settings(self.config)

    # ------------------------------------------------------------ commands

    def born(self, words: Sequence[str], spoiling: Spoiling | None = None) -> Born:
        """A process of ours that runs `moc-consumer` with these words."""
        log = self._said / f"{next(self._numbers):03d}-{'-'.join(words[:2])}.log"
        packed = spoiling.packed() if spoiling else ""
        return self._world.nursery.bear(Wanted(words, packed, self.folder, self._env, log))

    def command(self, *words: str, spoiling: Spoiling | None = None) -> int:
        """A person's command, to its end or its moment; gives its exit code."""
        born = self.born(words, spoiling)
        if not ended(born, COMMAND_SECONDS):
            born.send(signal.SIGKILL)
            raise AssertionError(f"still running: {words[:2]}")
        return born.exit_code or 0

    def back_up(self, spoiling: Spoiling | None = None) -> int:
        """Copy the ledger; gives the exit code."""
        if self.setting is Setting.SERVER:
            return self._dump()
        self._backups += 1
        return self.command("ledger", "backup", self.backup, spoiling=spoiling)

    @property
    def backup(self) -> str:
        """The file of the last backup."""
        return f"backup-{self._backups}.db"

    def put_back(self, spoiling: Spoiling | None = None) -> int:
        """The backup in the ledger's place; gives the exit code."""
        if self.setting is Setting.SERVER:
            return self._load()
        return self.command("ledger", "restore", self.backup, "--yes", spoiling=spoiling)

    def _dump(self) -> int:
        file = str(self.folder / "backup.sql")
        tool = [str(programs() / "pg_dump"), "--clean", "--if-exists", "-f", file, self.database]
        return subprocess.run(tool, check=False, stdin=subprocess.DEVNULL).returncode

    def _load(self) -> int:
        tool = [str(programs() / "psql"), "-q", "-1", "-f", str(self.folder / "backup.sql")]
        done = subprocess.run([*tool, self.database], check=False, capture_output=True)
        return done.returncode or self.command("ledger", "restored", "--yes")

    # ------------------------------------------------------------ what is there

    def rests(self, events: int) -> bool:
        """Whether so many events are heard, and nothing is under way or unpublished."""
        found = self.ledger(_AT_REST)
        return bool(found) and found[0][0] >= events and found[0][1:] == (0, 0)

    def sent(self, events: int) -> bool:
        """Whether so many events are heard and nothing is on its way to PARS."""
        found = self.ledger(_AT_REST)
        return bool(found) and found[0][0] >= events and found[0][2] == 0

    def on_bus(self) -> int:
        """How many messages stand on the topic that the service hears."""
        topic = self.settings.intake.topics[0]
        if self.settings.bus == "embedded":
            listener = EmbeddedListener(self.settings.bus_path, [topic], unique("reader"))
            with closing(listener):
                return sum(listener.end_offsets().values())
        with closing(self._reader()) as reader:
            return sum(reader.end_offsets(self._strands(reader, topic)).values())

    def all_of(self, topic: str) -> list[Message]:
        """Everything on a topic, in order of each partition."""
        if self.settings.bus == "embedded":
            return self.heard(topic)
        with closing(self._reader()) as reader:
            strands = self._strands(reader, topic)
            reader.assign(strands)
            reader.seek_to_beginning(*strands)
            return list(_read(reader, reader.end_offsets(strands)))

    def _reader(self) -> Any:
        return KafkaConsumer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers, enable_auto_commit=False
        )

    def _strands(self, reader: Any, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic)]

    def give_back(self) -> None:
        """Leave nothing behind."""
        if self.database:
            self._world.postgres.drop(self.database)
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(reader: Any, ends: dict[TopicPartition, int]) -> Iterable[Message]:
    while any(reader.position(strand) < end for strand, end in ends.items()):
        for batch in reader.poll(500).values():
            for one in batch:
                place = (one.topic, one.partition, one.offset)
                yield Message(*place, one.key, one.value, tuple(one.headers))


class Crew:
    """A round's processes by name; whoever still runs at the end is killed."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._running: dict[str, Born] = {}
        self.frozen: set[str] = set()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._running.values():
            one.send(signal.SIGKILL)
        for one in self._running.values():
            ended(one, COMMAND_SECONDS)

    def start(self, name: str, spoiling: Spoiling | None, pumps: Iterable[str]) -> None:
        """A `moc-consumer run`."""
        chosen = [word for pump in pumps for word in ("--pump", pump)]
        self._running[name] = self._place.born(["run", *chosen], spoiling)

    @property
    def alive(self) -> list[str]:
        """Who runs, or is frozen."""
        return [name for name, one in self._running.items() if not one.ended]

    def of(self, name: str) -> Born:
        """A process that was started."""
        return self._running[name]

    def struck(self, name: str) -> bool:
        """Whether it has ended or stands still."""
        running = self._running[name]
        if running.ended:
            return True
        if _stands_still(running.pid):
            self.frozen.add(name)
            return True
        return False

    def send(self, name: str, number: signal.Signals) -> None:
        """A signal; stopped ones get it too."""
        self._running[name].send(number)


def _stands_still(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in {"T", "t"}


PAUSE = threading.Event()
"""Never set: waiting for it is how a plan lets time pass."""
