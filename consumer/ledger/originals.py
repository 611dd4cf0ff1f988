"""Originals: what is kept of an event so that it can be heard again, and the hearing again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import jiter
import orjson
from sqlalchemy import Row

from consumer.bus.port import Message
from consumer.event import Envelope, decode
from consumer.journey import Heard, House, corrected, hear, hear_part
from consumer.ledger.letters import Origin
from consumer.ledger.seal import Original, Seal, pack_original, unpack_original


def sealed_original(seal: Seal, message: Message, what: Heard) -> bytes:
    """The message's own bytes, as the ledger keeps them; of an event in a list, that one's."""
    original = Original(message.key, message.value, message.headers, edit=what.edit)
    if what.event is not None:
        headers = tuple((name, text.encode()) for name, text in what.event.headers.items())
        # As it was read: the message's own key may be Avro.
        key = None if what.event.key is None else what.event.key.encode()
        original = Original(key, _packed(what.event.alone), headers, what.part, what.edit)
    return seal.seal(pack_original(original))


def origin_from(seal: Seal, message: Message, what: Heard) -> Origin:
    """Where an event came from, to keep with a letter about it."""
    return Origin(
        source=what.mapping.partition("/")[0],
        mapping=what.mapping,
        mapping_version=what.version,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        original=sealed_original(seal, message, what),
    )


def origin_of_letter(row: Row[Any]) -> Origin:
    """Where a letter's event came from, as its row has it."""
    mapped = (row.source, row.mapping, row.mapping_version)
    return Origin(*mapped, row.topic, row.partition, row.offset, row.original)


def hear_again(
    seal: Seal, kept: Origin | Row[Any], house: House, now: datetime
) -> tuple[Message, Sequence[Heard]]:
    """The message as it is kept, and what today's mapping, tables and rules make of it.

    `kept` is a letter's row, or a completion's origin. Raises SealBroken.
    """
    original = unpack_original(seal.open(kept.original))
    place = (kept.topic, kept.partition, kept.offset)
    message = Message(*place, original.key, original.value, original.headers)
    if original.part is None:
        read = message if _as_it_came(original) else replace(message, value=_value(original))
        heard = hear(read, house, now)
    else:
        heard = hear_part(_event(original), original.part, house, now)
    edit = original.edit
    return message, heard if edit is None else corrected(heard, edit, house, now)


def events_kept(seal: Seal, kept: Origin | Row[Any], house: House) -> Sequence[Envelope]:
    """The events that are kept, as today's mappings would be asked about them, mostly one.

    Raises SealBroken, Stopped, SchemasAway.
    """
    original = unpack_original(seal.open(kept.original))
    if original.part is not None:
        return house.catalogue.events(_event(original))
    place = (kept.topic, kept.partition, kept.offset)
    message = Message(*place, original.key, _value(original), original.headers)
    return house.catalogue.events(decode(message, house.payload_limit_bytes, house.reading))


def _as_it_came(original: Original) -> bool:
    return original.edit is None or original.edit.value is None


def _value(original: Original) -> bytes | None:
    """What is read: the bytes as they came, or those that a person put in their place."""
    return original.edit.value if original.edit and original.edit.value else original.value


def _event(original: Original) -> Envelope:
    headers = {name: text.decode() for name, text in original.headers}
    key = None if original.key is None else original.key.decode()
    body = jiter.from_json(original.value or b"null", cache_mode="keys")
    return Envelope(body, headers, key)


def _packed(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a whole number of more than 64 bits, which decoding keeps exact
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
