"""How many posts a second the webhook gateway keeps, each durable before its answer.

    python -m bench.gateway [posts] [--clients N]

The gateway is a process of its own, as `moc-consumer gateway` starts it; clients are connections
that post one event after the other, signed, in two more processes. Exit code 1 below 1,000 a
second.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from consumer.bus.embedded import EmbeddedListener
from consumer.bus.port import Message
from consumer.keys import make_keys
from tests.kafka.broker import free_ports

LEAST_PER_SECOND = 1000
SECRET = "a-secret-of-the-benchmark"  # noqa: S105  no one's
TOPIC = "lms.events"
SENDERS = 2
EVENT = {
    "eventname": "\\core\\event\\course_completed", "component": "core", "action": "completed",
    "target": "course", "objecttable": "course_completions", "crud": "u", "edulevel": 2,
    "contextid": 411, "contextlevel": 50, "contextinstanceid": "37", "userid": "2",
    "courseid": "37", "anonymous": 0, "timecreated": 1795200000, "host": "learn.example.org",
    "extra": "",
}  # fmt: skip
SETTINGS = """
data_dir = "data"

[profiles.main]
provider_id = "0009999"
name = "Example Academy of Medicine"
domain = "example.org"
url = "http://127.0.0.1:9"
user = "demo"
password = "demo"

[gateway.sources.lms]
auth = "hmac"
header = "X-Signature"
secret = "{secret}"
rate_per_second = 100000
burst = 1000000
"""


def main() -> int:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway")
    parser.add_argument("posts", nargs="?", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=64)
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="moc-bench-") as folder:
        figures = measured(Path(folder), chosen.posts, chosen.clients)
    sys.stdout.write(json.dumps(figures) + "\n")
    return int(figures["per_second"] < LEAST_PER_SECOND or figures["lost"] > 0)


def measured(folder: Path, posts: int, clients: int) -> dict[str, Any]:
    """The figures of so many posts by so many clients; milliseconds."""
    each = posts // clients
    with gateway(folder) as port, ProcessPoolExecutor(SENDERS) as pool:
        shares = [range(n, clients, SENDERS) for n in range(SENDERS)]
        [one.result() for one in [pool.submit(_post_all, port, s, 20) for s in shares]]
        begun = time.perf_counter()
        under_way = [pool.submit(_post_all, port, share, each) for share in shares]
        took = sorted(one for share in under_way for one in share.result())
        seconds = time.perf_counter() - begun
    kept = {message.value for message in _on_bus(folder / "data" / "bus.db")}
    return {
        "posts": len(took),
        "clients": clients,
        "per_second": round(len(took) / seconds),
        "p50_ms": round(took[len(took) // 2] * 1000, 1),
        "p99_ms": round(took[len(took) * 99 // 100] * 1000, 1),
        "lost": clients * each - len(kept & _every(clients, each)),
        "load": round(os.getloadavg()[0], 1),
    }


@contextmanager
def gateway(folder: Path) -> Iterator[int]:
    """The port where a gateway on an embedded log answers, as a process of its own."""
    (folder / "moc-consumer.toml").write_text(SETTINGS.format(secret=SECRET))
    (folder / "data").mkdir()
    make_keys(folder / "data" / "keys.toml")
    (port,) = free_ports(1)
    program = str(Path(sys.executable).with_name("moc-consumer"))
    command = [program, "gateway", f"--listen=127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None  # noqa: S101
        while not (line := process.stderr.readline()).startswith("gateway at"):
            if not line:
                raise SystemExit("the gateway did not start")
        try:
            yield port
        finally:
            process.terminate()


def _event(client: int, number: int) -> bytes:
    own = {"objectid": str(number), "relateduserid": str(client)}
    return json.dumps(EVENT | own).encode()


def _every(clients: int, each: int) -> set[bytes | None]:
    return {_event(client, number) for client in range(clients) for number in range(each)}


def _post_all(port: int, clients: range, each: int) -> list[float]:
    """Seconds that each post of these clients took."""

    async def together() -> list[float]:
        found = await asyncio.gather(*(_post(port, client, each) for client in clients))
        return [one for client in found for one in client]

    return asyncio.run(together())


async def _post(port: int, client: int, each: int) -> list[float]:
    # A client by hand: a library's would take more of the processor than the gateway.
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for number in range(each):
        request = _request(_event(client, number))
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        await reader.readexactly(len(b"kept\n"))
        took.append(time.perf_counter() - begun)
    writer.close()
    return took


def _request(body: bytes) -> bytes:
    mac = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    head = "POST /in/lms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}X-Signature: {mac}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _on_bus(path: Path) -> Iterator[Message]:
    with closing(EmbeddedListener(path, [TOPIC], "bench")) as listener:
        while heard := listener.poll(1000, 0):
            yield from heard


if __name__ == "__main__":
    sys.exit(main())
