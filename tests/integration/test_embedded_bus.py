"""What only the embedded log does: one listener, one file, one disk."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumer.bus.blanking import blank
from consumer.bus.embedded import EmbeddedListener, EmbeddedPublisher
from consumer.bus.port import BusUnavailable, CommitRefused, Outgoing, Partition
from tests.contract import child
from tests.contract.buses import EmbeddedBus, drain, events, values

TOPIC = "completions"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "bus.db"


@pytest.fixture
def publisher(path: Path) -> Iterator[EmbeddedPublisher]:
    """One publisher."""
    with closing(EmbeddedPublisher(path)) as opened:
        yield opened


def test_a_log_of_which_nothing_goes_is_left_alone(
    path: Path, publisher: EmbeddedPublisher
) -> None:
    publisher.publish([Outgoing(TOPIC, b"k", b"v")])
    with closing(sqlite3.connect(path)) as log:
        log.execute("PRAGMA user_version = 99")
    with pytest.raises(BusUnavailable):
        blank(path, [(TOPIC, 0)])
    assert blank(path, (), ()) == 0


def test_a_second_listener_of_the_group_is_refused_until_the_first_is_gone(path: Path) -> None:
    first = EmbeddedListener(path, [TOPIC], "moc")
    with pytest.raises(BusUnavailable, match="another process listens"):
        EmbeddedListener(path, [TOPIC], "moc")
    with closing(EmbeddedListener(path, [TOPIC], "an/other")):
        first.close()
    EmbeddedListener(path, [TOPIC], "moc").close()


def test_a_listening_process_that_was_killed_holds_the_group_no_longer(
    path: Path, publisher: EmbeddedPublisher
) -> None:
    publisher.publish(events(TOPIC, "1"))
    listening = child.start("listen", EmbeddedBus(path), topic=TOPIC, group="moc", count=1)
    assert listening.stdout is not None
    assert listening.stdout.readline() == "1\n"
    with pytest.raises(BusUnavailable, match="another process listens"):
        EmbeddedListener(path, [TOPIC], "moc")
    listening.kill()
    listening.wait(30)
    with closing(EmbeddedListener(path, [TOPIC], "moc")) as listener:
        assert values(drain(listener, 1)) == ["1"]


def test_a_waiting_listener_notices_at_once_and_burns_little(
    path: Path, publisher: EmbeddedPublisher
) -> None:
    published: list[float] = []

    def publish() -> None:
        publisher.publish(events(TOPIC, "1"))
        published.append(time.monotonic())

    with closing(EmbeddedListener(path, [TOPIC], "moc")) as listener:
        burnt = time.thread_time()
        assert listener.poll(1, 1.0) == []
        assert time.thread_time() - burnt < 0.05
        late = threading.Timer(0.1, publish)
        late.start()
        assert len(listener.poll(1, 30.0)) == 1
        noticed = time.monotonic()
        late.join()
    assert noticed - published[0] < 0.05


def test_offsets_of_each_topic_start_at_nought_without_gaps(
    path: Path, publisher: EmbeddedPublisher
) -> None:
    publisher.publish([*events("a", "1", "2"), *events("b", "1"), *events("a", "3")])
    with closing(EmbeddedListener(path, ["a", "b", "c"], "moc")) as listener:
        heard = drain(listener, 4)
        assert [m.offset for m in heard if m.topic == "a"] == [0, 1, 2]
        assert [m.offset for m in heard if m.topic == "b"] == [0]
        ends = {Partition("a", 0): 3, Partition("b", 0): 1, Partition("c", 0): 0}
        assert listener.end_offsets() == ends


def test_a_busy_topic_starves_no_other(path: Path, publisher: EmbeddedPublisher) -> None:
    publisher.publish([*events("busy", *map(str, range(100))), *events("quiet", "1")])
    with closing(EmbeddedListener(path, ["busy", "quiet"], "moc")) as listener:
        heard = listener.poll(10, 1.0) + listener.poll(10, 1.0)
    assert "quiet" in {message.topic for message in heard}


def test_a_batch_is_bounded_in_bytes(path: Path, publisher: EmbeddedPublisher) -> None:
    publisher.publish([Outgoing(t, b"k", b"x" * 1000) for t in ("a", "b") for _ in range(10)])
    topics = ["a", "b"]
    with closing(EmbeddedListener(path, topics, "moc", max_batch_bytes=3000)) as listener:
        assert len(listener.poll(100, 1.0)) == 3
        assert len(drain(listener, 17)) == 17


def test_a_commit_for_another_topic_is_refused(path: Path) -> None:
    with closing(EmbeddedListener(path, [TOPIC], "moc")) as listener:
        with pytest.raises(CommitRefused):
            listener.commit({Partition("other", 0): 1})
        with pytest.raises(CommitRefused):
            listener.commit({Partition(TOPIC, 1): 1})
        assert listener.committed() == {}


def test_a_locked_log_is_unavailable_and_comes_back(path: Path) -> None:
    with (
        closing(EmbeddedPublisher(path, busy_timeout_seconds=0.1)) as publisher,
        closing(EmbeddedListener(path, [TOPIC], "moc", busy_timeout_seconds=0.1)) as listener,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusUnavailable, match="SQLITE_BUSY"):
            publisher.publish(events(TOPIC, "1"))
        with pytest.raises(BusUnavailable, match="SQLITE_BUSY"):
            listener.commit({Partition(TOPIC, 0): 0})
        other.execute("ROLLBACK")
        publisher.publish(events(TOPIC, "2"))
        assert values(drain(listener, 1)) == ["2"]


FULL_DISK = """
import json, resource, sys
from pathlib import Path
from consumer.bus.embedded import EmbeddedPublisher
from consumer.bus.port import BusUnavailable, Outgoing
publisher, taken = EmbeddedPublisher(Path(sys.argv[1])), 0
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
try:
    while True:
        publisher.publish([Outgoing("completions", b"key", b"secret-%d" % taken * 3000)])
        taken += 1
except BusUnavailable as error:
    full = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
publisher.publish([Outgoing("completions", b"key", b"room again")])
print(json.dumps([full, taken]))
"""


def test_a_full_disk_is_unavailable_loses_nothing_taken_and_comes_back(path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    full, taken = json.loads(done.stdout)
    assert "secret" not in full
    with closing(EmbeddedListener(path, [TOPIC], "moc")) as listener:
        heard = drain(listener, taken + 1)
        assert listener.poll(10, 0.0) == []
    assert values(heard[:-1]) == [f"secret-{n}" * 3000 for n in range(taken)]
    assert values(heard[-1:]) == ["room again"]


def test_a_publish_that_fails_midway_leaves_nothing(
    path: Path, publisher: EmbeddedPublisher
) -> None:
    broken = Outgoing(TOPIC, b"k", _Unstorable(b"x"))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(BusUnavailable):
        publisher.publish([*events(TOPIC, "1"), broken])
    publisher.publish(events(TOPIC, "2"))
    with closing(EmbeddedListener(path, [TOPIC], "moc")) as listener:
        assert [(m.offset, m.value) for m in drain(listener, 1)] == [(0, b"2")]


class _Unstorable(list[int]):
    """Has a length, but is nothing that SQLite stores."""


def test_only_its_owner_can_read_the_log(path: Path, publisher: EmbeddedPublisher) -> None:
    publisher.publish(events(TOPIC, "1"))
    for file in (path, path.with_name("bus.db-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_log_of_a_newer_version_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(BusUnavailable, match="newer"):
        EmbeddedPublisher(path)


def test_a_file_that_is_no_log_is_unavailable(path: Path) -> None:
    path.write_bytes(b"This is a text file, long enough not to be a database." * 100)
    with pytest.raises(BusUnavailable, match="SQLITE_NOTADB"):
        EmbeddedPublisher(path)
    with pytest.raises(BusUnavailable, match="No such file"):
        EmbeddedPublisher(path.parent / "nowhere" / "bus.db")
