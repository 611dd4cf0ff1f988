"""An event as a mapping sees it: body, headers and key, decoded and safe to store (design 2, 8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import jiter
import orjson

from consumer.bus.port import Headers, Message
from consumer.decoding.cloudevents import SIGN, Unwrapped, is_wrapped, unwrap
from consumer.decoding.form import Form, form_said
from consumer.decoding.frame import MAGIC, framed
from consumer.decoding.schemas import Reading
from consumer.decoding.urlencoded import form_body
from consumer.reason import Reason, Stage, Stopped

_BOM = b"\xef\xbb\xbf"
_NUL = "\x00"
_PLAIN = Reading()
_JSON, _CLOUDEVENTS = Form.JSON, Form.CLOUDEVENTS  # an enum's member is slow to reach
_SORTED = orjson.OPT_SORT_KEYS
_PLACE = re.compile(r" at line (\d+) column (\d+)$")

Place = tuple[str | int, ...]
"""Names and indexes on the way from a body to the list of events in it; none: the body itself."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What paths in a mapping start from: `body`, `headers`, `key`, and `item`.

    `item` is one event of several in a message, `part` which of them, from 0, and `place` where
    they stand in the body; all None for an event that has its message to itself.
    """

    body: Any
    headers: Mapping[str, str]
    key: str | None
    item: Any = None
    part: int | None = None
    place: Place | None = None

    @property
    def alone(self) -> Any:
        """The body without the other events of its message."""
        if self.place is None:
            return self.body
        inner = [self.item] if isinstance(at(self.body, self.place), list) else self.item
        return put(self.body, self.place, inner)


def at(body: Any, place: Place) -> Any:
    """What stands at this place of a body, None if nothing does."""
    found: Any = body
    for step in place:
        # Not by trying: text has an index too, and its first letter is not the first item.
        if not isinstance(found, list if isinstance(step, int) else dict):
            return None
        try:
            found = found[step]  # type: ignore[index]  # mypy sees the pair, not which is which
        except (KeyError, IndexError):
            return None
    return found


def put(body: Any, place: Place, value: Any) -> Any:
    """A copy of the body with another value at a place that it has."""
    if not place:
        return value
    copy = body.copy()
    copy[place[0]] = put(body[place[0]], place[1:], value)
    return copy


def decode(message: Message, payload_limit_bytes: int, reading: Reading = _PLAIN) -> Envelope:
    """The message's envelope, whatever form its bytes have (docs/decoders.md).

    Raises Stopped (stage `decode`); SchemasAway when it is Avro and the registry cannot be asked.
    A byte order mark is accepted: RFC 8259 section 8.1 lets a parser skip it, and some gateways
    write one before every event. Nesting may go 200 deep.
    """
    value = message.value
    if value is None:
        _stop_at_nothing(message.headers)
    if len(value) > payload_limit_bytes:
        _stop("oversized", "body", f"limit {payload_limit_bytes} bytes")
    headers, key = _headers(message.headers), _key(message.key, reading)
    form = (headers and form_said(headers)) or reading.forms.get(message.topic, _JSON)
    # Nearly every event is this: it pays to ask no further.
    plain = form is _JSON and not value.startswith(MAGIC)
    body = _body(value) if plain else _told(value, form, reading)
    if form is _CLOUDEVENTS or (SIGN in body and is_wrapped(body, headers)):
        event = unwrap(body, headers)
        return Envelope(_data(event, reading), event.headers, key)
    return Envelope(body, headers, key)


def _stop_at_nothing(headers: Headers) -> NoReturn:
    if any(name == "ce_specversion" for name, _ in headers):
        _stop("cloudevent_without_data", "body")
    _stop("null_value", "body")


def _data(event: Unwrapped, reading: Reading) -> Any:
    if event.raw is not None:
        return _told(event.raw, event.form, reading)
    return _object(event.data)


def _told(value: bytes, form: Form, reading: Reading) -> dict[str, Any] | list[Any]:
    """What stands in these bytes: read as the frame before them says, or else by their form."""
    if (frame := framed(value)) is not None:
        schema = reading.schemas.find(frame.number, "body")
        return _body(frame.rest) if schema is None else _object(schema.read(frame.rest, "body"))
    # What makes JSON of another form may leave the old header. No form, and no Avro worth a guess,
    # begins with a brace.
    if value.lstrip().startswith(b"{"):
        return _body(value)
    if form is Form.URLENCODED:
        return form_body(value)
    if form is Form.AVRO:
        _stop("avro_unframed", "body")
    return _body(value)


def _object(body: Any) -> dict[str, Any] | list[Any]:
    if not isinstance(body, (dict, list)):
        _stop("not_an_object", "body")
    return body


def _body(value: bytes) -> dict[str, Any] | list[Any]:
    text = value.removeprefix(_BOM)
    read, broken = _parse(text, len(value) - len(text))
    if broken:
        # Out here, as the parser's own exception carries the whole text along.
        raise Stopped(broken)
    body = _object(read)
    # The walk costs more than the parsing; only an escape can bring a NUL into valid JSON.
    if b"\\u0000" in text and _holds_nul(body):
        _stop("nul_character", "body")
    return body


def _parse(text: bytes, skipped: int) -> tuple[Any, Reason | None]:
    """The value, or why there is none.

    orjson knows what JSON is to the letter, and where a text breaks it. jiter then sees what
    orjson lets pass (a name that stands twice, endless nesting), and keeps whole numbers exact
    that orjson would round to a float: 21 digits of an id are no other learner's.
    """
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return None, _broken(text, skipped, error)
    try:
        return jiter.from_json(text, catch_duplicate_keys=True, cache_mode="keys"), None
    except ValueError as error:
        return None, _refused(str(error))


def _broken(text: bytes, skipped: int, error: orjson.JSONDecodeError) -> Reason:
    """Where the text broke, never what stands there."""
    try:
        read = text.decode()
    except UnicodeDecodeError as broken:
        return Reason(Stage.DECODE, "invalid_utf8", "body", f"byte {skipped + broken.start}")
    byte = skipped + len(read[: error.pos].encode())
    where = f"line {error.lineno}, column {error.colno}, byte {byte}"
    if error.msg.startswith("depth limit"):
        return Reason(Stage.DECODE, "nested_too_deeply", "body", where)
    return Reason(Stage.DECODE, "malformed_json", "body", where)


def _refused(said: str) -> Reason:
    """What jiter did not take: its words end with the place, and may hold a name of the event."""
    code = "duplicate_key" if said.startswith("Detected duplicate") else "nested_too_deeply"
    place = _PLACE.search(said)
    return Reason(Stage.DECODE, code, "body", place.expand(r"line \1, column \2") if place else "")


def _holds_nul(body: Any) -> bool:
    """Whether any key or string holds NUL; a stack, as nesting may exceed Python's own."""
    pending: list[Any] = [body]
    while pending:
        value = pending.pop()
        if isinstance(value, str) and _NUL in value:
            return True
        if isinstance(value, dict):
            pending += value.keys()
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return False


def _headers(headers: Headers) -> dict[str, str]:
    """Readable headers by name.

    CloudEvents attributes (`ce_*`) decide what an event is, so there an unreadable or repeated one
    refuses the event. Of the others, which may be anybody's, an unreadable one, or one repeated
    with another value, is left out: a mapping that needs it then finds it missing.
    """
    read: dict[str, str] = {}
    conflicting: set[str] = set()
    for name, raw in headers:
        text = _readable(raw)
        if name.startswith("ce_"):
            _check_attribute(name, text, read)
        if text is None or read.setdefault(name, text) != text:
            conflicting.add(name)
    return {name: text for name, text in read.items() if name not in conflicting}


def _check_attribute(name: str, text: str | None, read: Mapping[str, str]) -> None:
    # A header's name is chosen by the sender; naming it in a reason could publish anything.
    if name in read:
        _stop("repeated_header", "headers")
    if text is None:
        _stop("undecodable_header", "headers")


def _readable(raw: bytes) -> str | None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return None if _NUL in text else text


def _key(key: bytes | None, reading: Reading) -> str | None:
    """The key as text; a record, as it may be where keys are Avro, is JSON text."""
    if key is None:
        return None
    if key.startswith(MAGIC) and (frame := framed(key)) is not None:
        schema = reading.schemas.find(frame.number, "key")
        if schema is not None:
            return _as_text(schema.read(frame.rest, "key"))
        key = frame.rest
    text = _readable(key)
    if text is None:
        _stop("undecodable_key", "key")
    return text


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=_SORTED).decode()


def _stop(code: str, field: str, detail: str = "") -> NoReturn:
    raise Stopped(Reason(Stage.DECODE, code, field, detail))
