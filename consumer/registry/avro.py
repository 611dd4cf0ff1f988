"""Avro: the schema that a message was written with, and its values as JSON knows them."""

from __future__ import annotations

import base64
import io
import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import orjson

from consumer.decoding.refusal import stop
from consumer.registry.bounds import Unusable, check_depth, check_size

_NOT_A_SCHEMA = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
# fastavro raises what its own reading ran into: a length past the end, a branch a union has not,
# text that is no UTF-8, an instant that no calendar has.
_MISFITS = (ValueError, LookupError, TypeError, EOFError, ArithmeticError, AssertionError)


class AvroSchema:
    """A writer's schema; values are read by it alone."""

    def __init__(self, text: str) -> None:
        """Parse a schema as the registry tells it. Raises Unusable."""
        self._schema = _parsed(text)

    def read(self, written: bytes, field: str) -> Any:
        """The one value that these bytes are, as JSON knows it.

        Instants are ISO 8601 text with Z, local ones without; dates, times and UUIDs are text;
        decimals exact text; bytes base64; of a union the value alone. Raises Stopped about `field`
        when the bytes are not one value of this schema.
        """
        source = io.BytesIO(written)
        read, fits = self._read(source)
        if not fits:
            stop("avro_misfit", field)
        if source.tell() != len(written):
            stop("avro_misfit", field, "bytes are left over")
        return _as_json(read, field)

    def _read(self, source: io.BytesIO) -> tuple[Any, bool]:
        # Raised outside, as fastavro's own exceptions may hold what they choked on.
        try:
            return fastavro.schemaless_reader(source, self._schema, None), True
        except _MISFITS:
            return None, False


def _parsed(text: str) -> Any:
    try:
        schema = orjson.loads(text)
        check_depth(schema)
        parsed = fastavro.parse_schema(schema)
    except _NOT_A_SCHEMA:
        parsed = None
    except fastavro.schema.SchemaParseException:
        parsed = None
    if parsed is None:
        raise Unusable("not Avro, or it refers to other schemas")
    check_size(parsed)
    return parsed


def _as_json(value: Any, field: str) -> Any:
    match value:
        case str():
            return _without_nul(value, field)
        case dict():
            return {_without_nul(k, field): _as_json(v, field) for k, v in value.items()}
        case list():
            return [_as_json(one, field) for one in value]
        case bytes():
            return base64.b64encode(value).decode()
        case float() if not math.isfinite(value):
            stop("avro_misfit", field, "a number that is none")
    return _plain(value)


def _plain(value: Any) -> Any:
    """What logical types stand for, as text that mappings can read."""
    match value:
        case datetime():
            text = value.isoformat()
            return text.removesuffix("+00:00") + "Z" if value.tzinfo else text
        case date() | time():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case UUID():
            return str(value)
    return value


def _without_nul(text: str, field: str) -> str:
    if "\x00" in text:
        stop("nul_character", field)
    return text
