"""Avro as an LMS writes it: values by a schema, in Confluent's frame."""

from __future__ import annotations

import io
from typing import Any

import fastavro


def written(schema: Any, value: Any) -> bytes:
    """A value by a schema, without a frame."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def frame(number: int, body: bytes) -> bytes:
    """Confluent's wire format: a zero byte, the schema's number in four bytes, the value."""
    return b"\x00" + number.to_bytes(4, "big") + body
