"""The outbox: messages written in the ledger's transaction, published later (design 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from consumer.bus.port import Headers, Outgoing
from consumer.ledger.schema import outbox
from consumer.ledger.seal import Original, Seal, pack_original, unpack_original
from consumer.reason import unpack_reasons
from consumer.trace import TRACEPARENT, is_traceparent

DEAD_LETTERS = "moc.dead-letters"
OUTCOMES = "moc.outcomes"

# Only trace and CloudEvents context passes on: any other foreign header may be personal.
PASSED_ON = frozenset(
    "traceparent tracestate ce_id ce_type ce_source ce_specversion ce_time".split()
)
# And of that what can be one: no blanks, no "@", nothing a person's name is written with.
_CONTEXT = re.compile(rb"[\w.:/+=,;~*-]{0,256}")
# A dead letter must fit a topic made for 1 MiB payloads; larger bytes stay in the ledger.
PUBLISH_LIMIT_BYTES = 1024 * 1024
_HEADER_LIMIT_BYTES = 256
KEPT_IN_LEDGER = ("moc-original-kept", b"ledger")
"""Header of a letter whose bytes were too large to publish."""


def put(connection: Connection, seal: Seal, messages: Iterable[Outgoing], now: datetime) -> None:
    """Queue messages in this transaction, in this order."""
    rows = [
        {"topic": message.topic, "message": seal.seal(_packed(message)), "created_at": now}
        for message in messages
    ]
    if rows:
        connection.execute(insert(outbox), rows)


def _packed(message: Outgoing) -> bytes:
    return pack_original(Original(message.key, message.value, message.headers))


def take(connection: Connection, seal: Seal, limit: int) -> list[tuple[int, Outgoing]]:
    """The oldest messages with their numbers; they stay until `drop`."""
    rows = connection.execute(select(outbox).order_by(outbox.c.id).limit(limit))
    return [(row.id, opened(seal, row)) for row in rows]


def drop(connection: Connection, numbers: Sequence[int]) -> None:
    """Forget messages that the bus has."""
    connection.execute(delete(outbox).where(outbox.c.id.in_(numbers)))


def opened(seal: Seal, row: Row[Any]) -> Outgoing:
    """A queued message as it is to be published. Raises SealBroken."""
    original = unpack_original(seal.open(row.message))
    return Outgoing(row.topic, original.key, original.value, original.headers)


def dead_letter(seal: Seal, row: Row[Any]) -> Outgoing:
    """A letter as the topic carries it: original bytes, reasons in readable headers."""
    original = unpack_original(seal.open(row.original))
    value, kept = original.value or b"", original.value is not None
    too_large = len(value) > PUBLISH_LIMIT_BYTES
    headers = [*_letter_headers(row), *_passed_on(original.headers)]
    if original.part is not None:
        headers.append(("moc-original-part", _text(original.part)))
    if not kept:
        headers.append(("moc-original-null", b"true"))
    if too_large:
        headers.append(KEPT_IN_LEDGER)
    body = b"" if too_large else value
    return Outgoing(DEAD_LETTERS, row.id.encode(), body, tuple(headers))


def _letter_headers(row: Row[Any]) -> Headers:
    reasons = unpack_reasons(row.reasons)
    values = {
        "moc-version": "1",
        "moc-letter-id": row.id,
        "moc-status": row.status,
        "moc-stage": row.stage,
        "moc-reason": reasons[0].code,
        "moc-reasons": "; ".join(map(str, reasons)),
        "moc-source": row.source,
        "moc-mapping": row.mapping,
        "moc-mapping-version": row.mapping_version,
        "moc-first-failed-at": row.first_failed_at.isoformat(),
        "moc-last-failed-at": row.last_failed_at.isoformat(),
        "moc-failures": row.failures,
        "moc-replays": row.replays,
        "moc-original-topic": row.topic,
        "moc-original-partition": row.partition,
        "moc-original-offset": row.offset,
    }
    return tuple((name, _text(value)) for name, value in values.items() if value != "")


def _text(value: object) -> bytes:
    # Cut between characters: whoever reads it expects UTF-8.
    return str(value).encode()[:_HEADER_LIMIT_BYTES].decode(errors="ignore").encode()


def _passed_on(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if _passes(name, value))


def _passes(name: str, value: bytes) -> bool:
    if name == TRACEPARENT:
        return is_traceparent(value)
    return name in PASSED_ON and _CONTEXT.fullmatch(value) is not None
