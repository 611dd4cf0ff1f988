"""A process of its own that publishes or listens until it is done, or killed.

`python -m tests.contract.child '{"do": "publish", "bus": {...}, ...}'`
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import Any

from tests.contract import buses


def start(do: str, bus: buses.Bus, **order: Any) -> subprocess.Popen[str]:
    """A child that prints one line for each message it published or heard."""
    said = json.dumps({"do": do, "bus": bus.address, **order})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.child", said],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _publish(order: dict[str, Any]) -> None:
    publisher = buses.at(order["bus"]).publisher()
    numbers = range(order["count"]) if "count" in order else itertools.count()
    for number in numbers:
        event = f"{order['name']}:{number}"
        publisher.publish(buses.events(order["topic"], event, key=f"key-{number % 3}"))
        _tell(event)
    publisher.close()


def _listen(order: dict[str, Any]) -> None:
    listener = buses.at(order["bus"]).listener([order["topic"]], order["group"])
    for event in buses.values(buses.drain(listener, order["count"])):
        _tell(event)
    sys.stdin.read()  # commits nothing, leaves nothing, until it is killed


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    {"publish": _publish, "listen": _listen}[asked["do"]](asked)
