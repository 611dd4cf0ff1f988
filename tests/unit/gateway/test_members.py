"""A secret is cut out of a JSON text, and every other byte stays where it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.gateway.members import items, without

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=6)
INDENTS = st.sampled_from([None, 0, 3])


@given(OBJECTS, st.text(min_size=1), INDENTS, st.booleans())
def test_of_any_object_all_but_the_member_is_left(
    event: dict[str, Any], secret: str, indent: int | None, as_ascii: bool
) -> None:
    text = json.dumps(event | {"token": secret}, indent=indent, ensure_ascii=as_ascii)
    values, rest = without(text, "token")
    assert values == [secret]
    assert json.loads(rest) == {name: v for name, v in event.items() if name != "token"}


@given(st.lists(OBJECTS, max_size=5), INDENTS)
def test_of_any_list_each_item_loses_it(events: list[dict[str, Any]], indent: int | None) -> None:
    text = json.dumps([one | {"token": "s"} for one in events], indent=indent)
    values, rest = without(text, "token")
    assert values == ["s"] * len(events)
    assert json.loads(rest) == [{n: v for n, v in e.items() if n != "token"} for e in events]
    assert [json.loads(item) for item in items(rest)] == json.loads(rest)


def test_what_the_decoder_is_to_see_is_not_tidied_up() -> None:
    text = '{"id": 123456789012345678901234567890, "a": 1, "token": "s", "a": 2.50}'
    assert without(text, "token")[1] == '{"id": 123456789012345678901234567890,"a": 1,"a": 2.50}'


@pytest.mark.parametrize("name", ["token", "\\u0074oken"])
def test_a_name_may_be_escaped_and_stand_twice(name: str) -> None:
    values, rest = without(f'{{"{name}": "s", "token": "t", "b": {{"token": 1}}}}', "token")
    assert (values, rest) == (["s", "t"], '{"b": {"token": 1}}')


def test_without_the_member_the_text_is_as_it_came() -> None:
    assert without(' {"a" : 1} ', "token") == ([], ' {"a" : 1} ')


BROKEN = [
    "", "{", "[", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1} x', '{a:1}', "1", '"token"', "[1]",
    '{"a":1 "b":2}', "[{}", '{1:2}', "[" * 100_000, '{"a":' * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_json_is_a_fault_that_quotes_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z ]+$") as told:
        without(text, "token")
    assert told.value.__cause__ is None
    assert told.value.__context__ is None


@given(st.text(alphabet='{}[]",:token 1\\', max_size=30))
def test_any_text_is_cut_as_json_reads_it_or_refused(text: str) -> None:
    try:
        rest = without(text, "token")[1]
    except ValueError:
        return
    left, whole = json.loads(rest), json.loads(text)
    for event in left if isinstance(whole, list) else [left]:
        assert "token" not in event
