"""What an LMS was told is kept is kept: gateways killed at any moment, Kafka away, a full disk."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from consumer.demo.scenario import Scenario
from consumer.keys import make_keys
from tests.conftest import do_without
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice, kafka_settings
from tests.end_to_end.office import Office, Running, merged
from tests.end_to_end.outage import Disk, NoDisk, answering_somewhere, disk, failing
from tests.end_to_end.patience import until
from tests.kafka.broker import Broker, free_ports

PATIENCE_SECONDS = 60.0
SECRET = "an-lms-secret-of-the-tests"
SOURCE = {"auth": "header", "header": "X-Key", "secret": SECRET}
QUICK = {"bus_seconds": 1.5, "retry_seconds": 0.2}
CLIENTS = 3


def gateway_settings(**more: Any) -> dict[str, Any]:
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    return {"gateway": {"listen": listen, "sources": {"lms": SOURCE}, **QUICK} | more}


@dataclass
class Lms:
    """Clients that each post one event after the other, until told to stop; none is sent twice."""

    office: Office
    kept: list[tuple[int, int]] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Post meanwhile."""
        clients = [threading.Thread(target=self._post_all, args=(n,)) for n in range(CLIENTS)]
        for one in clients:
            one.start()
        try:
            yield
        finally:
            self.over.set()
            for one in clients:
                one.join()

    def _post_all(self, client: int) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            if self.post(orjson.dumps({"client": client, "n": number})) == 200:
                self.kept.append((client, number))
            self.over.wait(0.005)

    def post(self, body: bytes) -> int:
        """The code of the answer; 0 for none."""
        url = f"http://{self.office.settings.gateway.listen}/in/lms"
        told = {"x-key": SECRET, "content-type": "application/json"}
        try:
            answer = httpx.post(url, content=body, headers=told, trust_env=False, timeout=20)
        except httpx.TransportError:
            return 0
        self.codes[answer.status_code] += 1
        assert answer.status_code != 503 or int(answer.headers["retry-after"]) > 0
        return answer.status_code

    def comes(self, count: int) -> None:
        """Wait for so many more that were kept."""
        goal = len(self.kept) + count
        until(lambda: len(self.kept) >= goal, PATIENCE_SECONDS, f"{count} more")


def spooled(office: Office) -> int:
    from tests.end_to_end.office import _query  # the spool, read past the gateway

    return sum(n for (n,) in _query(office.settings.spool_path, "SELECT count(*) FROM waiting"))


def assert_all_there(office: Office, lms: Lms) -> None:
    """All that was acknowledged, and of each client in its order."""
    until(lambda: spooled(office) == 0, PATIENCE_SECONDS, "the spool is empty")
    heard = [orjson.loads(m.value or b"") for m in office.heard(office.settings.intake.topics[0])]
    first = [*dict.fromkeys((one["client"], one["n"]) for one in heard)]
    assert set(lms.kept) <= set(first)
    for client in range(CLIENTS):
        own = [n for who, n in first if who == client]
        assert own == sorted(own)


@pytest.mark.kafka
def test_gateways_are_killed_while_kafka_goes_and_comes(
    open_office: OpenOffice, own_broker: Broker
) -> None:
    office = open_office("http://127.0.0.1:9", **kafka_settings(own_broker.bootstrap),
                         **gateway_settings())  # fmt: skip
    make_keys(office.settings.keys_path)
    lms = Lms(office)
    with lms.posting():
        with office.process("gateway") as first:
            lms.comes(20)
            assert spooled(office) == 0
            own_broker.freeze()
            lms.comes(30)
            assert spooled(office) > 0
            first.send(signal.SIGKILL)
            first.code(10)
        with office.process("gateway") as second:
            lms.comes(20)
            second.send(signal.SIGKILL)
        own_broker.kill()
        own_broker.start()
        with office.process("gateway") as third:
            until(lambda: "events.forwarded" in third.said, PATIENCE_SECONDS, "forwarding")
            third.send(signal.SIGKILL)
        with office.process("gateway") as last:
            lms.comes(20)
            lms.over.set()
            assert_all_there(office, lms)
            last.stop()
    assert lms.codes.keys() == {200}
    assert SECRET not in "".join(file.read_text() for file in office.said)


def test_run_takes_posts_too_and_may_be_killed(
    open_office: OpenOffice, pars: Pars, story: Scenario
) -> None:
    office = open_office(pars.url, **merged(answering_somewhere(), gateway_settings()))
    story.write_tables(office.tables)
    lms, told = Lms(office), []
    events = [one for one in story.events if one.value is not None and not one.headers]
    with office.service() as service:
        until(lambda: "gateway.started" in service.said, PATIENCE_SECONDS, "the start")
        told += [lms.post(one.value or b"") for one in events[::2]]
        service.send(signal.SIGKILL)
    others = [one for one in story.events if one not in events]
    office.publish(others)
    with office.service() as service:
        until(lambda: "gateway.started" in service.said, PATIENCE_SECONDS, "the start")
        told += [lms.post(one.value or b"") for one in events]
        rest = len(events[::2]) + len(story.events)
        until(lambda: office.at_rest(rest) or service.ended, PATIENCE_SECONDS, "rest")
        assert failing(office) == {}
        service.stop()
    assert set(told) == {200}
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is easily filled."""
    try:
        with disk(tmp_path / "disk", 4) as mounted:
            yield mounted
    except NoDisk as error:
        do_without("disk of its own", error)


def test_a_full_disk_is_told_and_nothing_else_is(open_office: OpenOffice, small_disk: Disk) -> None:
    office = open_office("http://127.0.0.1:9", data_dir=str(small_disk.folder),
                         **gateway_settings())  # fmt: skip
    make_keys(office.settings.keys_path)
    health = free_ports(1)[0]
    lms = Lms(office)
    with office.process("gateway", "--health", f"127.0.0.1:{health}") as gateway, lms.posting():
        lms.comes(20)
        small_disk.fill()
        until(lambda: lms.codes[503] > 3, PATIENCE_SECONDS, "refusals")
        assert "SQLITE_FULL" in ready(health) or "No space" in ready(health)
        assert told(health, "ready").status_code == 503
        counted = told(health, "metrics").text
        assert 'moc_posts_total{outcome="spool",source="lms"}' in counted
        assert 'moc_condition_ok{condition="gateway"} 0.0' in counted
        small_disk.free()
        lms.comes(20)
        until(lambda: not ready(health), PATIENCE_SECONDS, "ready again")
        assert told(health, "ready").status_code == told(health, "startup").status_code == 200
        lms.over.set()
        assert_all_there(office, lms)
        stopped(gateway)
    assert lms.codes.keys() == {200, 503}


def ready(port: int) -> str:
    """What the gateway alone says is wrong."""
    conditions = told(port, "ready").json()["conditions"]
    return "; ".join(one["cause"] for one in conditions if not one["ok"])


def told(port: int, what: str) -> httpx.Response:
    """What the gateway alone answers, by the address of its health."""
    return httpx.get(f"http://127.0.0.1:{port}/{what}", trust_env=False, timeout=5)


def stopped(gateway: Running) -> None:
    """SIGTERM is a good end."""
    gateway.send(signal.SIGTERM)
    assert gateway.code(10) == 0
