"""CloudEvents 1.0 in structured mode: attributes and data stand side by side in one object."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from consumer.decoding.form import CONTENT_TYPES, Form, form_named
from consumer.decoding.refusal import stop

SIGN = "specversion"
"""The attribute that no other kind of event has."""
_REQUIRED = (SIGN, "id", "source", "type")
_DATA = frozenset(("data", "data_base64"))
_CONTENT_TYPE = "datacontenttype"
_NAME = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """The event as binary mode would have brought it: its headers, and its data or their bytes."""

    headers: Mapping[str, str]
    data: Any
    raw: bytes | None
    form: Form


def is_wrapped(body: Any, headers: Mapping[str, str]) -> bool:
    """Whether a body is a whole CloudEvent though no header says so.

    Where the attributes stand in headers, the body is data, whatever it looks like.
    """
    return (
        isinstance(body, dict)
        and SIGN in body
        and "ce_specversion" not in headers
        and all(isinstance(body.get(name), str) for name in _REQUIRED)
    )


def unwrap(event: Any, headers: Mapping[str, str]) -> Unwrapped:
    """The data and the headers of a whole event. Raises Stopped.

    The attributes become headers as in the Kafka binding's binary mode (section 3.2): `ce_` and
    their name, but `datacontenttype` is `content-type`.
    """
    if not isinstance(event, dict):
        _refuse("not one event")
    attributes = _attributes(event)
    content_type = attributes.pop(_CONTENT_TYPE, "")
    merged = _merged(headers, attributes, content_type)
    form = form_named(content_type) or Form.JSON
    if form is Form.CLOUDEVENTS:
        _refuse("an event inside an event")
    data, raw = _data(event, form)
    return Unwrapped(merged, data, raw, form)


def _attributes(event: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that have a value, as text. Null says that there is none."""
    given = {n: v for n, v in event.items() if n not in _DATA and v is not None}
    for name in _REQUIRED:
        if not isinstance(given.get(name), str) or not given[name]:
            _refuse(f"{name} is missing")
    if given[SIGN] != "1.0":
        _refuse("specversion is not 1.0")
    # A name is chosen by the sender; telling it could publish anything.
    if not all(map(_NAME.fullmatch, given)):
        _refuse("an attribute's name holds more than a-z and 0-9")
    return {name: _text(value) for name, value in given.items()}


def _text(value: Any) -> str:
    """An attribute as a header spells it (CloudEvents 1.0, type system)."""
    if not isinstance(value, int | str):
        _refuse("an attribute is neither text, nor whole number, nor true or false")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _merged(
    headers: Mapping[str, str], attributes: Mapping[str, str], content_type: str
) -> dict[str, str]:
    merged = {name: text for name, text in headers.items() if name not in CONTENT_TYPES}
    for name, text in attributes.items():
        if merged.setdefault(f"ce_{name}", text) != text:
            _refuse("an attribute differs from its header")
    return merged | ({CONTENT_TYPES[0]: content_type} if content_type else {})


def _data(event: Mapping[str, Any], form: Form) -> tuple[Any, bytes | None]:
    data, coded = event.get("data"), event.get("data_base64")
    if data is None and coded is None:
        stop("cloudevent_without_data")
    if coded is None:
        if form is not Form.JSON and isinstance(data, str):
            return None, data.encode()
        return data, None
    if data is not None:
        _refuse("data and data_base64")
    return None, _decoded(coded)


def _decoded(coded: Any) -> bytes:
    try:
        return base64.b64decode(coded, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raw = None
    if raw is None:
        # Out here, as the exception may carry the data along.
        _refuse("data_base64 is not base64")
    return raw


def _refuse(detail: str) -> NoReturn:
    stop("cloudevent_invalid", "body", detail)
