"""An LMS that publishes with Kafka's own producer, in Java."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.kafka import jars

SOURCE = Path(__file__).with_name("LmsProducer.java")
LONGEST_SECONDS = 120.0

# ("send", codec, value), ("write", value) in a transaction, ("begin",), ("abort",), ("commit",),
# ("nothing",): neither key nor value, ("header",): value "v", a header without a value and h=1
Order = tuple[str] | tuple[str, bytes] | tuple[str, str, bytes]


def publish(bootstrap: str, topic: str, orders: Iterable[Order]) -> None:
    """Carry out all orders, in this order; everything is acknowledged then. Raises NoJars."""
    java = [jars.java(), "-cp", jars.classpath(), str(SOURCE), bootstrap, topic]
    lines = "\n".join("\t".join(map(_text, order)) for order in orders)
    done = subprocess.run(
        java, input=lines, text=True, capture_output=True, timeout=LONGEST_SECONDS
    )
    assert done.stdout == "done\n", done.stderr[-4000:]


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else base64.b64encode(word).decode()
