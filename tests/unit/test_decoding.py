"""Which form an event has, and that each form of one event gives the same envelope."""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.bus.port import Headers, Message
from consumer.decoding.form import Form
from consumer.decoding.frame import schemas_named
from consumer.decoding.refusal import stop
from consumer.decoding.schemas import Reading, Schema, SchemasAway
from consumer.event import Envelope, decode
from consumer.reason import Reason, Stage, Stopped
from consumer.registry.avro import AvroSchema
from tests.avro import frame, written

LIMIT = 100_000
FORM = (("content-type", b"application/x-www-form-urlencoded; charset=UTF-8"),)
STRUCTURED = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/lms/harbor",
    "type": "example.harbor.completed",
    "data": {"user": {"id": 905}, "course": "37"},
}
BODY = {"user": "905", "courses": ["37", "38"]}
USER = {
    "type": "record",
    "name": "Completed",
    "fields": [
        {"name": "user", "type": "string"},
        {"name": "courses", "type": {"type": "array", "items": "string"}},
    ],
}


class Shelf:
    """Schemas that are at hand; a number above 900 is a registry's that is away."""

    def __init__(self, **schemas: Any) -> None:
        self._schemas = {int(name[1:]): schema for name, schema in schemas.items()}

    def find(self, number: int, field: str) -> Schema | None:
        if number > 900:
            raise SchemasAway("it cannot be reached")
        if number not in self._schemas:
            stop("schema_unknown", field)
        schema = self._schemas[number]
        return None if schema is None else AvroSchema(orjson.dumps(schema).decode())

    def know(self, numbers: Collection[int]) -> bool:
        return True


READING = Reading(Shelf(_1=USER, _2="string", _3=None, _4=USER | {"name": "Key"}, _5="int"))


def message(value: bytes | None, headers: Headers = (), key: bytes | None = None) -> Message:
    return Message("lms.events", 0, 7, key, value, headers)


def heard(value: bytes | None, headers: Headers = (), key: bytes | None = None) -> Envelope:
    return decode(message(value, headers, key), LIMIT, READING)


def refusal(value: bytes | None, headers: Headers = (), key: bytes | None = None) -> Reason:
    with pytest.raises(Stopped) as stopped:
        heard(value, headers, key)
    (reason,) = stopped.value.reasons
    assert reason.stage is Stage.DECODE
    return reason


def told(reason: Reason) -> tuple[str, str]:
    return reason.code, reason.detail


# ---------------------------------------------------------------- which form


JSON_TEXT = orjson.dumps(BODY)
FORM_TEXT = b"user=905&courses[]=37&courses[]=38"
WRAPPED = orjson.dumps(EVENT | {"data": BODY})
FRAMED = frame(1, written(USER, BODY))


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        (JSON_TEXT, ""),
        (JSON_TEXT, "application/json"),
        (JSON_TEXT, "application/vnd.lms.v2+json; charset=utf-8"),
        (JSON_TEXT, "text/plain"),
        (JSON_TEXT, "application/whatever-the-admin-typed"),
        (JSON_TEXT, "application/avro"),  # a bridge made JSON of it and kept the header
        (b"\n " + JSON_TEXT, "application/x-www-form-urlencoded"),
        (FORM_TEXT, "application/x-www-form-urlencoded"),
        (FORM_TEXT, " Application/X-WWW-Form-URLEncoded ;charset=utf-8"),
        (WRAPPED, "application/cloudevents+json"),
        (WRAPPED, "Application/CloudEvents+JSON; charset=UTF-8"),
        (WRAPPED, "application/json"),
        (WRAPPED, ""),
        (FRAMED, "application/avro"),
        (FRAMED, ""),
        (FRAMED, "application/octet-stream"),
        (FRAMED, "application/json"),
        (frame(3, JSON_TEXT), "application/json"),
    ],
)
@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_the_message_says_its_form(value: bytes, content_type: str, name: str) -> None:
    headers = ((name, content_type.encode()),) if content_type else ()
    assert heard(value, headers).body == BODY


def test_where_the_message_says_nothing_the_topic_does() -> None:
    forms = {"lms.hooks": Form.URLENCODED, "lms.cloud": Form.CLOUDEVENTS}
    reading = Reading(forms=forms)

    def body(topic: str, value: bytes, headers: Headers = ()) -> Any:
        return decode(Message(topic, 0, 0, None, value, headers), LIMIT, reading).body

    assert body("lms.hooks", FORM_TEXT) == body("lms.events", JSON_TEXT) == BODY
    assert body("lms.hooks", FORM_TEXT, (("content-type", b"text/plain"),)) == BODY
    for said in (b"application/json", b"application/vnd.lms+json"):
        headers = (("content-type", said),)
        with pytest.raises(Stopped, match="malformed_json"):
            body("lms.hooks", FORM_TEXT, headers)
    with pytest.raises(Stopped, match="cloudevent_invalid: id is missing"):
        body("lms.cloud", b'{"specversion": "1.0"}')
    with pytest.raises(Stopped, match="malformed_json"):
        body("lms.events", FORM_TEXT)


def test_a_header_that_contradicts_itself_says_nothing() -> None:
    headers = (("content-type", b"application/json"), *FORM)
    assert heard(JSON_TEXT, headers).body == BODY


def test_open_edx_names_the_form_in_an_attribute_too() -> None:
    named = (("ce_datacontenttype", b"application/x-www-form-urlencoded"),)
    assert heard(FORM_TEXT, named).body == BODY
    assert refusal(b"\x02\x04", (("ce_datacontenttype", b"application/avro"),)).code == (
        "avro_unframed"
    )


# ---------------------------------------------------------------- Avro's frame


def test_keys_may_be_avro() -> None:
    assert heard(JSON_TEXT, (), frame(2, written("string", "course-1"))).key == "course-1"
    assert heard(JSON_TEXT, (), frame(5, written("int", 37))).key == "37"
    assert heard(JSON_TEXT, (), frame(3, b"plain")).key == "plain"
    key = frame(4, written(USER, BODY))
    assert heard(JSON_TEXT, (), key).key == '{"courses":["37","38"],"user":"905"}'


@pytest.mark.parametrize(
    ("value", "key", "code", "field"),
    [
        (frame(9, b"x"), None, "schema_unknown", "body"),
        (JSON_TEXT, frame(9, b"x"), "schema_unknown", "key"),
        (FRAMED + b"x", None, "avro_misfit", "body"),
        (FRAMED[:-2], None, "avro_misfit", "body"),
        (JSON_TEXT, frame(2, b"\x7fx"), "avro_misfit", "key"),
        (frame(2, written("string", "text alone")), None, "not_an_object", "body"),
        (JSON_TEXT, frame(2, written("string", "a\x00b")), "nul_character", "key"),
        (frame(3, b"{"), None, "malformed_json", "body"),
        (b"\x00\x00\x01", None, "malformed_json", "body"),
        (JSON_TEXT, b"\x00\x01", "undecodable_key", "key"),
    ],
)
def test_what_the_frame_leads_to_is_refused(
    value: bytes, key: bytes | None, code: str, field: str
) -> None:
    reason = refusal(value, (), key)
    assert (reason.code, reason.field) == (code, field)


def test_without_a_registry_avro_is_refused_and_not_guessed_at() -> None:
    for value, key, field in ((FRAMED, None, "body"), (JSON_TEXT, FRAMED, "key")):
        with pytest.raises(Stopped) as stopped:
            decode(message(value, (), key), LIMIT)
        assert stopped.value.reasons == (Reason(Stage.DECODE, "registry_not_set", field),)


def test_a_registry_that_is_away_refuses_nothing() -> None:
    with pytest.raises(SchemasAway):
        heard(frame(901, b"x"))
    with pytest.raises(SchemasAway):
        heard(JSON_TEXT, (), frame(901, b"x"))


def test_what_a_message_needs_of_a_registry_is_known_beforehand() -> None:
    assert [*schemas_named(message(FRAMED, (), frame(70_000, b"")))] == [1, 70_000]
    assert [*schemas_named(message(JSON_TEXT, (), b"key"))] == []
    assert [*schemas_named(message(None))] == []


# ---------------------------------------------------------------- CloudEvents


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=9).filter(
    lambda name: name not in {"data", "specversion", "datacontenttype"}
)
texts = st.text(min_size=1).filter(lambda text: "\x00" not in text)
values = st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | texts
bodies = st.dictionaries(
    texts, st.recursive(values, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
).filter(lambda body: "specversion" not in body)
attributes = st.fixed_dictionaries(
    {"id": texts, "source": texts, "type": texts, "specversion": st.just("1.0")}
)
FOREIGN = (("x-trace", b"1"),)


def spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def binary(given: dict[str, Any], content_type: str) -> Headers:
    """An event's attributes as the Kafka binding's binary mode brings them."""
    pairs = [(f"ce_{n}", spelled(v).encode()) for n, v in given.items() if v is not None]
    if content_type:
        pairs.append(("content-type", content_type.encode()))
    return (*FOREIGN, *pairs)


@given(
    attributes,
    st.dictionaries(names, st.booleans() | st.integers(-(2**31), 2**31 - 1) | texts | st.none()),
    bodies,
    st.sampled_from(["", "application/json", "application/lms+json"]),
    st.booleans(),
    st.booleans(),
)
@example(EVENT | {"data": None}, {"subject": None, "n": 5, "yes": True}, {"a": 1}, "", True, True)
def test_law_both_modes_of_one_cloudevent_give_one_envelope(
    required: dict[str, Any],
    extensions: dict[str, Any],
    body: dict[str, Any],
    content_type: str,
    as_bytes: bool,
    with_header: bool,
) -> None:
    required.pop("data", None)
    given = extensions | required
    raw = orjson.dumps(body)
    data = {"data_base64": base64.b64encode(raw).decode()} if as_bytes else {"data": body}
    whole = given | data | ({"datacontenttype": content_type} if content_type else {})
    own = STRUCTURED if with_header else ()
    structured = heard(orjson.dumps(whole), (*FOREIGN, *own), b"k")
    assert structured == heard(raw, binary(given, content_type), b"k")
    assert structured.body == body


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("application/x-www-form-urlencoded", {"data": FORM_TEXT.decode()}),
        (
            "application/x-www-form-urlencoded",
            {"data_base64": base64.b64encode(FORM_TEXT).decode()},
        ),
        ("application/avro", {"data_base64": base64.b64encode(FRAMED).decode()}),
        ("application/x-www-form-urlencoded", {"data": BODY}),
    ],
)
def test_the_data_of_a_whole_event_may_have_any_form(content_type: str, data: Any) -> None:
    event = {n: v for n, v in EVENT.items() if n != "data"} | data
    found = heard(orjson.dumps(event | {"datacontenttype": content_type}), STRUCTURED)
    assert found.body == BODY
    assert found.headers["content-type"] == content_type
    assert found.headers["ce_type"] == "example.harbor.completed"
    assert "ce_data" not in found.headers


@pytest.mark.parametrize(
    ("changed", "code", "detail"),
    [
        ({"data": None}, "cloudevent_without_data", ""),
        ({"id": None}, "cloudevent_invalid", "id is missing"),
        ({"source": ""}, "cloudevent_invalid", "source is missing"),
        ({"type": 5}, "cloudevent_invalid", "type is missing"),
        ({"specversion": "0.3"}, "cloudevent_invalid", "specversion is not 1.0"),
        ({"data_base64": "e30="}, "cloudevent_invalid", "data and data_base64"),
        (
            {"data": None, "data_base64": "Vantongeren"},
            "cloudevent_invalid",
            "data_base64 is not base64",
        ),
        (
            {"data": None, "data_base64": "e3!0="},
            "cloudevent_invalid",
            "data_base64 is not base64",
        ),
        ({"data": None, "data_base64": 5}, "cloudevent_invalid", "data_base64 is not base64"),
        ({"data": None, "data_base64": "ey"}, "cloudevent_invalid", "data_base64 is not base64"),
        (
            {"Vantongeren": "x"},
            "cloudevent_invalid",
            "an attribute's name holds more than a-z and 0-9",
        ),
        (
            {"x": 1.5},
            "cloudevent_invalid",
            "an attribute is neither text, nor whole number, nor true or false",
        ),
        (
            {"datacontenttype": "application/cloudevents+json"},
            "cloudevent_invalid",
            "an event inside an event",
        ),
        ({"data": "text"}, "not_an_object", ""),
        ({"data": "a\x00"}, "nul_character", ""),
    ],
)
def test_cloudevents_that_are_refused(changed: dict[str, Any], code: str, detail: str) -> None:
    assert told(refusal(orjson.dumps(EVENT | changed), STRUCTURED)) == (code, detail)


def test_several_whole_events_are_no_event() -> None:
    reason = refusal(orjson.dumps([EVENT, EVENT]), STRUCTURED)
    assert told(reason) == ("cloudevent_invalid", "not one event")


def test_an_attribute_that_differs_from_its_header_is_refused() -> None:
    same, other = (("ce_type", EVENT["type"].encode()),), (("ce_type", b"another"),)
    assert heard(orjson.dumps(EVENT), (*STRUCTURED, *same)).body == EVENT["data"]
    reason = refusal(orjson.dumps(EVENT), (*STRUCTURED, *other))
    assert told(reason) == ("cloudevent_invalid", "an attribute differs from its header")


def test_binary_mode_without_data_says_so() -> None:
    assert refusal(None, (("ce_specversion", b"1.0"),)).code == "cloudevent_without_data"
    assert refusal(None).code == "null_value"


def test_data_that_looks_like_an_event_stays_data() -> None:
    headers = binary({"specversion": "1.0", "id": "1", "source": "s", "type": "t"}, "")
    assert heard(orjson.dumps(EVENT), headers).body == EVENT
    partly = {"specversion": "1.0", "id": 5, "source": "s", "type": "t"}
    assert heard(orjson.dumps(partly)).body == partly


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("a=1", {"a": "1"}),
        ("a=", {"a": ""}),
        ("name=Priya+V%C3%A4n&x=1%2B1", {"name": "Priya Vän", "x": "1+1"}),
        ("user[id]=5&user[name][given]=Ida", {"user": {"id": "5", "name": {"given": "Ida"}}}),
        ("user%5Bid%5D=5", {"user": {"id": "5"}}),
        ("c[]=1&c[]=2", {"c": ["1", "2"]}),
        ("c[0][id]=1&c[1][id]=2", {"c": [{"id": "1"}, {"id": "2"}]}),
        ("c[][id]=1&c[][id]=2", {"c": [{"id": "1"}, {"id": "2"}]}),
        ("c[37]=a&c[38]=b", {"c": {"37": "a", "38": "b"}}),
        ("c[1]=a&c[0]=b", {"c": {"1": "a", "0": "b"}}),
        ("0=a&1=b", {"0": "a", "1": "b"}),
        ("a.b=1&a-b=2&a b=3", {"a.b": "1", "a-b": "2", "a b": "3"}),
    ],
)
def test_forms(text: str, body: dict[str, Any]) -> None:
    assert heard(text.encode(), FORM).body == body


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        (b"", "malformed_form", "field 1: no ="),
        (b"a=1&b", "malformed_form", "field 2: no ="),
        (b"a=1&", "malformed_form", "field 2: no ="),
        (b"=1", "malformed_form", "field 1: brackets do not match, or the name is blank"),
        (b"a[b=1", "malformed_form", "field 1: brackets do not match, or the name is blank"),
        (b"a]b=1", "malformed_form", "field 1: brackets do not match, or the name is blank"),
        (b"a[b]c=1", "malformed_form", "field 1: brackets do not match, or the name is blank"),
        (b"[b]=1", "malformed_form", "field 1: brackets do not match, or the name is blank"),
        (b"a=%zz", "malformed_form", "field 1: % without two hexadecimal digits"),
        (b"a=%4", "malformed_form", "field 1: % without two hexadecimal digits"),
        (b"a=1&a[b]=2", "malformed_form", "field 2: one name stands for a value and for parts"),
        (b"a[b]=1&a=2", "repeated_field", "field 2"),
        (b"a=1&a=1", "repeated_field", "field 2"),
        (b"a[b]=1&x=2&a[b]=3", "repeated_field", "field 3"),
        (b"a[1]=1&a[]=2", "repeated_field", "field 2"),
        (b"a=%ff", "invalid_utf8", "field 1"),
        (b"a=1&\xff=1", "invalid_utf8", "field 2"),
        (b"a=%00", "nul_character", ""),
        (b"&".join(b"a%d=1" % n for n in range(1001)), "malformed_form", "more than 1000 fields"),
        (b"a" + b"[b]" * 8 + b"=1", "malformed_form", "field 1: more than 8 names deep"),
        (b'["a"]', "malformed_form", "field 1: no ="),
    ],
)
def test_forms_that_are_refused(text: bytes, code: str, detail: str) -> None:
    assert told(refusal(text, FORM)) == (code, detail)


def test_the_bounds_of_a_form_are_allowed() -> None:
    assert len(heard(b"&".join(b"a%d=1" % n for n in range(1000)), FORM).body) == 1000
    assert heard(b"a" + b"[b]" * 7 + b"=1", FORM).body


plain = st.text(st.characters(exclude_characters="[]\x00", exclude_categories=["Cs"]), min_size=1)
trees = st.recursive(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(
            plain.filter(lambda name: not name.isdigit()), inner, min_size=1, max_size=3
        )
    ),
    max_leaves=8,
)


def as_form(name: str, tree: Any) -> list[tuple[str, str]]:
    """What PHP's http_build_query makes of it."""
    if isinstance(tree, str):
        return [(name, tree)]
    inner = enumerate(tree) if isinstance(tree, list) else tree.items()
    return [field for key, value in inner for field in as_form(f"{name}[{key}]", value)]


def depth(tree: Any) -> int:
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return 1 + max(map(depth, inner), default=0)


@given(st.dictionaries(plain, trees.filter(lambda tree: depth(tree) <= 8), min_size=1))
def test_law_what_php_writes_is_what_is_read(body: dict[str, Any]) -> None:
    fields = [field for name, tree in body.items() for field in as_form(name, tree)]
    text = urlencode(fields, quote_via=quote_plus).encode()
    assert decode(message(text, FORM), len(text)).body == body


# ---------------------------------------------------------------- whatever arrives


contents = st.sampled_from(
    [FORM_TEXT, WRAPPED, FRAMED, frame(9, b""), frame(3, JSON_TEXT), b"a[b]=1", b"", b"\x00" * 5]
)
content_types = st.sampled_from(
    ["application/json", "application/avro", *(h[1].decode() for h in (*FORM, *STRUCTURED)), "x"]
)


@given(contents | st.binary(), content_types, st.none() | st.binary() | contents, st.data())
def test_law_whatever_arrives_is_an_envelope_or_a_stop(
    value: bytes, content_type: str, key: bytes | None, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(value)))
    spoilt = value[:at] + data.draw(st.binary(max_size=3)) + value[at:]
    found = outcome(spoilt, (("content-type", content_type.encode()),), key)
    if isinstance(found, Stopped):
        assert {reason.stage for reason in found.reasons} == {Stage.DECODE}
    elif isinstance(found, SchemasAway):
        assert b"\x00" in spoilt + (key or b"")
    else:
        assert isinstance(found.body, dict | list)
        orjson.dumps(found.body)


def outcome(value: bytes, headers: Headers, key: bytes | None) -> Envelope | Stopped | SchemasAway:
    try:
        return heard(value, headers, key)
    except (Stopped, SchemasAway) as ended:
        return ended
