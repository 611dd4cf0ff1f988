"""The form of an event's bytes, as the message itself says it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Form(StrEnum):
    """A form that an event's bytes can have."""

    JSON = "json"
    URLENCODED = "form"
    CLOUDEVENTS = "cloudevents"
    AVRO = "avro"


_BY_MEDIA_TYPE = {
    "application/json": Form.JSON,
    "text/json": Form.JSON,
    "application/x-www-form-urlencoded": Form.URLENCODED,
    "application/cloudevents+json": Form.CLOUDEVENTS,
    "application/cloudevents": Form.CLOUDEVENTS,
    "application/avro": Form.AVRO,
    "avro/binary": Form.AVRO,
    "application/vnd.apache.avro": Form.AVRO,
    "application/vnd.apache.avro+binary": Form.AVRO,
}
# The first is the Kafka binding's of CloudEvents 1.0; bridges pass on HTTP's own spelling, and
# Open edX says it in both.
CONTENT_TYPES = ("content-type", "Content-Type")
_WHERE = (*CONTENT_TYPES, "ce_datacontenttype")


def form_said(headers: Mapping[str, str]) -> Form | None:
    """The form that the headers name; None if they name none that is known here."""
    for name in _WHERE:
        if name in headers and (form := form_named(headers[name])) is not None:
            return form
    return None


def form_named(content_type: str) -> Form | None:
    """The form that a content type stands for; None for one that is not known here."""
    media_type = content_type.partition(";")[0].strip().lower()
    known = _BY_MEDIA_TYPE.get(media_type)
    if known is None and media_type.endswith("+json"):
        return Form.JSON
    return known
