"""One Apache Kafka broker, started from its jars; ports and data survive a restart."""

from __future__ import annotations

import base64
import ctypes
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.kafka import jars
from tests.kafka.guarded import LISTENERS, Guarded

START_SECONDS = 90.0
STOP_SECONDS = 30.0
LOG_TAIL_LINES = 40
# Below the usual range of ephemeral ports: a client that keeps knocking at a stopped broker's
# ephemeral port can end up connected to itself and so keep the broker from coming back.
PORTS = range(20_000, 32_000)

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}{guarded}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}{guarded}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
log.dirs={data}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=500
"""


class BrokerFailed(Exception):
    """The broker did not start; the text ends with its log's last lines."""


class Broker:
    """One KRaft broker and controller in one process, on loopback ports.

    Start it from a thread that lives as long as it should: on Linux the kernel kills it when that
    thread ends, so that a killed test run leaves no broker behind.
    """

    def __init__(self, folder: Path, *, guarded: bool = False, port: int | None = None) -> None:
        """A broker that is not started; guarded: with the listeners of tests.kafka.guarded too."""
        self._folder = folder
        self._log = folder / "broker.log"
        self._properties = folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [jars.java(), "-Xmx512m", "-cp", jars.classpath()]
        free, controller, *ports = free_ports(2 + len(LISTENERS))
        broker = port or free
        self.bootstrap = f"127.0.0.1:{broker}"
        self.guarded = Guarded(folder / "certificates", ports) if guarded else None
        self._properties.write_text(self._said_to_it(broker, controller))

    def _said_to_it(self, broker: int, controller: int) -> str:
        doors = self.guarded.addresses if self.guarded else {}
        own = PROPERTIES.format(
            broker=broker,
            controller=controller,
            data=self._folder / "data",
            guarded="".join(f",{name}://{address}" for name, address in doors.items()),
            protocols="".join(f",{name}:{LISTENERS[name]}" for name in doors),
        )
        return own + (self.guarded.properties() if self.guarded else "")

    def start(self) -> None:
        """Return when the broker answers; the first start formats its storage. BrokerFailed."""
        if not (self._folder / "data").exists():
            self._format()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "kafka.Kafka", str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Shut down in an orderly way (or kill, if that takes too long); data stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`; data stays."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Answers nothing any more, and keeps its connections, as a machine that hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Goes on where it was frozen."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", f"1{cluster[1:]}"]
        users = self.guarded.users if self.guarded else []
        command = [*self._command, *tool, "-c", str(self._properties), *users]
        with self._log.open("ab") as log:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=120
            )
        if done.returncode != 0:
            raise BrokerFailed(self._said("storage could not be formatted"))

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.bootstrap):
            if self._process.poll() is not None:
                raise BrokerFailed(self._said(f"ended with code {self._process.returncode}"))
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerFailed(self._said(f"did not answer in {START_SECONDS:.0f} s"))

    def _said(self, what: str) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"Apache Kafka {what}; the end of {self._log}:", *lines])


def answers(bootstrap: str, timeout_seconds: float = 1.0) -> bool:
    """Whether a Kafka broker answers there and its cluster's topics can be listed."""
    host, _, port = bootstrap.split(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout_seconds).close()
    except OSError:
        time.sleep(0.1)
        return False
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=10_000)
    except KafkaError:
        return False
    try:
        admin.list_topics()
    except KafkaError:
        return False
    finally:
        admin.close()
    return True


def free_ports(count: int) -> list[int]:
    """Loopback ports that nothing listens on at the moment."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)  # noqa: S311 - a port, not a secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
