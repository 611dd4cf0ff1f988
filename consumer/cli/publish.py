"""`publish`: puts events on the bus, as an LMS's bridge would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import click
import orjson

from consumer.bus.connect import Bus
from consumer.bus.port import Outgoing
from consumer.cli.context import settings_of, telling_faults
from consumer.cli.output import confirm, fail, show_one

_BATCH = 500


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--topic", help="Topic to publish to. Default: the first of intake.topics.")
@click.option(
    "--envelopes",
    is_flag=True,
    help='Lines are {"key": ..., "headers": {...}, "value": ...} instead of bare events.',
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def publish(
    context: click.Context, file: IO[bytes], topic: str | None, *, envelopes: bool, yes: bool
) -> None:
    """Publish the events of FILE, one a line, as they are ('-' reads from a pipe).

    A file that holds one JSON object on several lines is one event.
    """
    settings = settings_of(context)
    topic = topic or settings.intake.topics[0]
    messages = list(_messages(file, topic, envelopes=envelopes))
    count = len(messages)
    told = "1 event goes" if count == 1 else f"{count} events go"
    confirm(f"{told} to {topic} ({settings.bus}).", yes=yes)
    with telling_faults():
        publisher = Bus(settings).publisher()
        try:
            for start in range(0, len(messages), _BATCH):
                publisher.publish(messages[start : start + _BATCH])
        finally:
            publisher.close()
    show_one({"published": len(messages), "topic": topic})


def _messages(file: IO[bytes], topic: str, *, envelopes: bool) -> Iterator[Outgoing]:
    text = file.read()
    lines = [text] if _is_one(text) else text.split(b"\n")
    for number, line in enumerate(lines, 1):
        bare = line.rstrip(b"\r\n")
        if bare and not envelopes:
            yield Outgoing(topic, None, bare)
        elif bare:
            yield _opened(topic, bare, f"{file.name}:{number}")


def _is_one(text: bytes) -> bool:
    """Whether this is one event, laid out for reading."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _opened(topic: str, line: bytes, place: str) -> Outgoing:
    try:
        envelope = orjson.loads(line)
        key, value = envelope.get("key"), envelope["value"]
        headers = tuple((str(k), str(v).encode()) for k, v in envelope.get("headers", {}).items())
    except (orjson.JSONDecodeError, KeyError, AttributeError):
        fail([f'{place}: not an envelope {{"key", "headers", "value"}}'])
    body = None if value is None else orjson.dumps(value)
    return Outgoing(topic, None if key is None else str(key).encode(), body, headers)
