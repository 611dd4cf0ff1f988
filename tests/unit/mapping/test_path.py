"""Paths: what they accept, and that they mean what JMESPath says."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.event import Envelope
from consumer.mapping.fault import Fault
from consumer.mapping.path import PathSyntax, parse

BODY = {
    "user": {"id": 905, "first name": "Iris", "https://lms.example/id": "x1"},
    "list": [{"key": "a", "value": 1}, {"key": "b", "value": None}, {"key": "b", "value": 3}, 7],
    "word": "text",
    "nothing": None,
}
ENVELOPE = Envelope(BODY, {"ce_type": "t", "content-type": "json"}, "k1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("body.user.id", 905),
        ('body.user."first name"', "Iris"),
        ('body.user."https://lms.example/id"', "x1"),
        ("body.list[0].value", 1),
        ("body.list[-2].value", 3),
        ("body.list[9].value", None),
        ("body.list[?key=='a'].value | [0]", 1),
        ("body.list[?key=='b'].value | [0]", 3),
        ("body.list[?key=='zz'].value | [0]", None),
        ("body.user[?key=='a'].value | [0]", None),
        ("body.nothing.id", None),
        ("body.word.id", None),
        ("body.word[0]", None),
        ("body.user[0]", None),
        ("headers.ce_type", "t"),
        ('headers."content-type"', "json"),
        ("headers.absent", None),
        ("key", "k1"),
    ],
)
def test_a_path_finds_what_jmespath_finds(text: str, value: Any) -> None:
    plain = {"body": BODY, "headers": dict(ENVELOPE.headers), "key": ENVELOPE.key}
    assert parse(text).find(ENVELOPE) == value
    assert jmespath.search(text, plain) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "body",
        "user.id",
        "metadata.body.id",
        "key.x",
        "headers",
        "headers.a.b",
        "headers[?a=='b'].c | [0]",
        "body..id",
        "body.a b",
        "body.content-type",
        "body.*",
        "body.list[*].value",
        "body.list[].value",
        "body.list[1:2]",
        "body.list[?key=='a'].value",
        "body.list[?key=='a'].value | [1]",
        "body.list[?key=='a'].value | [0].x",
        "body.list[?key!='a'].value | [0]",
        "body.list[?key=='a' || key=='b'].value | [0]",
        "body.list[?key==`1`].value | [0]",
        "body.list[?@.key=='a'].value | [0]",
        "body.list[?a=='a'].list[?b=='b'].value | [0]",
        "body.user | id",
        "length(body.list)",
        "body.{a: id}",
        "body.[a, b]",
        "body.a || body.b",
        "'body'",
        "@",
    ],
)
def test_whatever_else_jmespath_can_do_is_refused(text: str) -> None:
    with pytest.raises(PathSyntax):
        parse(text)


def test_a_filter_that_finds_several_values_is_a_fault() -> None:
    twice = Envelope({"f": [{"key": "abim", "value": 1}, {"key": "abim", "value": 2}]}, {}, None)
    path = parse("body.f[?key=='abim'].value | [0]")
    with pytest.raises(Fault, match="ambiguous_value"):
        path.find(twice)
    assert path.has(twice)


names = st.sampled_from(["a", "b", "c d", "e-f"])
leaves = st.none() | st.text(max_size=3) | st.integers(0, 9)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
steps = st.lists(names.map('."{}"'.format) | st.integers(-3, 3).map("[{}]".format), max_size=4)


@given(st.dictionaries(names, trees), names, steps)
def test_law_chains_mean_what_jmespath_says(body: Any, first: str, rest: list[str]) -> None:
    text = f'body."{first}"' + "".join(rest)
    assert parse(text).find(Envelope(body, {}, None)) == jmespath.search(text, {"body": body})


@given(st.lists(st.dictionaries(st.sampled_from(["key", "value"]), leaves) | leaves, max_size=4))
def test_law_filters_mean_what_jmespath_says_unless_they_find_several(items: Any) -> None:
    body = {"f": [*items, {"key": "abim", "value": "x"}]}
    text = "body.f[?key=='abim'].value"
    all_found = jmespath.search(text, {"body": body})
    path = parse(text + " | [0]")
    if len(all_found) > 1:
        with pytest.raises(Fault):
            path.find(Envelope(body, {}, None))
    else:
        assert [path.find(Envelope(body, {}, None))] == all_found
