"""Decoding: what is refused, where it says the fault is, and that nothing else ever happens."""

from __future__ import annotations

from json import dumps
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.bus.port import Headers, Message
from consumer.event import Envelope, decode
from consumer.reason import Reason, Stage, Stopped

LIMIT = 10_000


def message(value: bytes | None, key: bytes | None = None, headers: Headers = ()) -> Message:
    return Message("events", 0, 7, key, value, headers)


def refusal(value: bytes | None, key: bytes | None = None, headers: Headers = ()) -> Reason:
    with pytest.raises(Stopped) as stopped:
        decode(message(value, key, headers), LIMIT)
    (reason,) = stopped.value.reasons
    return reason


def test_an_event_is_its_body_headers_and_key() -> None:
    heard = message(b'{"a": {"b": [1, 2.5, null]}}', "clé".encode(), (("ce_type", b"t"),))
    found = decode(heard, LIMIT)
    assert found == Envelope({"a": {"b": [1, 2.5, None]}}, {"ce_type": "t"}, "clé")


@pytest.mark.parametrize(
    ("value", "code", "detail"),
    [
        (None, "null_value", ""),
        (b"x" * (LIMIT + 1), "oversized", "limit 10000 bytes"),
        (b'{"a": "\xff"}', "invalid_utf8", "byte 7"),
        (b'\xef\xbb\xbf{"a": "\xff"}', "invalid_utf8", "byte 10"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8", "byte 7"),
        (b"", "malformed_json", "line 1, column 1, byte 0"),
        (b"Jane Doe", "malformed_json", "line 1, column 1, byte 0"),
        (b'{"a": 1,\n "b": }', "malformed_json", "line 2, column 7, byte 15"),
        ('{"é": 1,}'.encode(), "malformed_json", "line 1, column 8, byte 8"),
        (b'{"a": NaN}', "malformed_json", "line 1, column 7, byte 6"),
        (b'{"a": Infinity}', "malformed_json", "line 1, column 7, byte 6"),
        (b'{"a": 1e999}', "malformed_json", "line 1, column 7, byte 6"),
        (b'{"a": "\\ud800"}', "malformed_json", "line 1, column 8, byte 7"),
        (b'{"a": "x\ny"}', "malformed_json", "line 1, column 9, byte 8"),
        (b'{"a": "\\udc00\\ud800"}', "malformed_json", "line 1, column 8, byte 7"),
        (b'{"a": ' + b"9" * 400 + b"}", "malformed_json", "line 1, column 7, byte 6"),
        (b'{"a": 1, "a": 1}', "duplicate_key", "line 1, column 14"),
        (b'{"b": [\n{"a": 1, "\\u0061": 2}]}', "duplicate_key", "line 2, column 19"),
        (b'\xef\xbb\xbf{"a": 1, "a": 2}', "duplicate_key", "line 1, column 14"),
        (b'{"a": 1} {"b": 2}', "malformed_json", "line 1, column 10, byte 9"),
        (b"null", "not_an_object", ""),
        (b'"text"', "not_an_object", ""),
        (b'{"a": "x\\u0000"}', "nul_character", ""),
        (b'{"a": [{"\\u0000": 1}]}', "nul_character", ""),
    ],
)
def test_bodies_that_are_refused(value: bytes | None, code: str, detail: str) -> None:
    assert refusal(value) == Reason(Stage.DECODE, code, "body", detail)


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_has_an_end_and_what_goes_beyond_is_a_refusal_and_no_crash(
    open_: bytes, close: bytes
) -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' + open_ * (depth - 1) + b"1" + close * (depth - 1) + b"}"

    assert decode(message(nested(200)), LIMIT).body
    for depth in (201, 1000, 1500, 1_500_000):
        with pytest.raises(Stopped, match="nested_too_deeply"):
            decode(message(nested(depth)), 10**8)
    with pytest.raises(Stopped, match="nested_too_deeply"):
        decode(message(open_ * 1_500_000), 10**8)


def test_a_nul_under_deep_nesting_is_found() -> None:
    body = b'{"a":' * 200 + b'"\\u0000"' + b"}" * 200
    assert refusal(body).code == "nul_character"


def test_whole_numbers_are_exact_however_long() -> None:
    for number in (2**53 + 1, 21070000000000123, 2**64 - 1, -(2**63) - 1, 10**30 + 1, 10**300 + 1):
        assert decode(message(b'{"id": %d}' % number), LIMIT).body == {"id": number}


def test_a_name_that_stands_twice_is_nowhere_in_what_is_raised() -> None:
    with pytest.raises(Stopped) as stopped:
        decode(message(b'{"Jane Doe": 1, "Jane Doe": 2}'), LIMIT)
    assert stopped.value.__context__ is None
    assert "Jane" not in repr(stopped.value)


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert decode(message(b'{"a": "\\\\u0000"}'), LIMIT).body == {"a": "\\u0000"}


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode(message(b'\xef\xbb\xbf{"a": 1}'), LIMIT).body == {"a": 1}


def test_the_limit_itself_is_allowed() -> None:
    value = b'{"a": 1, "b": 2}'
    assert decode(message(value), len(value)).body == {"a": 1, "b": 2}


def test_keys() -> None:
    assert decode(message(b"{}"), LIMIT).key is None
    assert decode(message(b"{}", b""), LIMIT).key == ""
    assert refusal(b"{}", b"\xff") == Reason(Stage.DECODE, "undecodable_key", "key")
    assert refusal(b"{}", b"a\x00") == Reason(Stage.DECODE, "undecodable_key", "key")


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ((("a", b"1"), ("b", b"2")), {"a": "1", "b": "2"}),
        ((("a", b"\xff"), ("b", b"2")), {"b": "2"}),
        ((("a", b"x\x00"), ("b", b"2")), {"b": "2"}),
        ((("a", b"1"), ("a", b"1")), {"a": "1"}),
        ((("a", b"1"), ("a", b"2"), ("a", b"1")), {}),
        ((("a", b"1"), ("a", b"\xff")), {}),
        ((("a", b"\xff"), ("a", b"1")), {}),
    ],
)
def test_of_foreign_headers_only_readable_and_unambiguous_ones_are_kept(
    headers: Headers, kept: dict[str, str]
) -> None:
    assert decode(message(b"{}", headers=headers), LIMIT).headers == kept


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((("ce_type", b"a"), ("ce_type", b"b")), "repeated_header"),
        ((("ce_id", b"a"), ("x", b"1"), ("ce_id", b"a")), "repeated_header"),
        ((("ce_type", b"\xff"),), "undecodable_header"),
        ((("ce_type", b"a\x00"),), "undecodable_header"),
    ],
)
def test_cloudevents_attributes_are_refused_if_unreadable_or_repeated(
    headers: Headers, code: str
) -> None:
    assert refusal(b"{}", headers=headers) == Reason(Stage.DECODE, code, "headers")


texts = st.text(st.characters(codec="utf-8"))
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
raw_headers = st.lists(
    st.tuples(st.sampled_from(["ce_type", "ce_id", "x"]), st.binary(max_size=9)), max_size=4
)


@given(st.none() | st.binary(), st.none() | st.binary(), raw_headers.map(tuple))
@example(b"{" * 5000, None, ())
@example(b'{"a":"\\ud83d"}', b"\xf0", (("ce_type", b"\x80"),))
def test_law_whatever_arrives_is_an_envelope_or_a_stop(
    value: bytes | None, key: bytes | None, headers: Headers
) -> None:
    found = outcome(message(value, key, headers))
    if isinstance(found, Stopped):
        assert {reason.stage for reason in found.reasons} == {Stage.DECODE}
    else:
        assert isinstance(found.body, dict | list)


def outcome(heard: Message) -> Envelope | Stopped:
    try:
        return decode(heard, 200)
    except Stopped as stopped:
        return stopped


@given(st.dictionaries(texts, json))
def test_law_what_is_sent_as_json_is_what_is_decoded(body: dict[str, Any]) -> None:
    raw = dumps(body, ensure_ascii=False).encode()
    if "\x00" in text_of(body):
        assert refusal_of(raw) == "nul_character"
    else:
        assert decode(message(raw), len(raw)).body == body


def text_of(value: Any) -> str:
    """All text of a JSON value, keys and strings alike."""
    if isinstance(value, dict):
        return "".join(key + text_of(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(text_of, value))
    return value if isinstance(value, str) else ""


def refusal_of(raw: bytes) -> str:
    with pytest.raises(Stopped) as stopped:
        decode(message(raw), len(raw))
    return stopped.value.reasons[0].code
