"""Foreign JSON: what is refused before anything of it is believed, and what is read exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consumer.pars.element import Unreadable
from consumer.pars.value import parse, said, write


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"secret",
        b'{"secret": 1',
        b'{"secret": 1} x',
        b"{'secret': 1}",
        b'{"a": "secret", "a": "secret"}',
        b'[{"a": {"b": 1, "b": 1}}]',
        b'{"secret": NaN}',
        b'{"secret": -Infinity}',
        b'{"secret": "\\ud800"}',
        b'{"secret": "\xe9"}',
        b'{"secret": 1e999999999999999999999}',
        '{"secret": 1}'.encode("utf-16"),
        '{"secret": 1}'.encode("utf-32-le"),
        '{"secret": 1}'.encode("cp037"),
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b"9" * 5000,
    ],
    ids=lambda data: data[:20],
)
def test_refused_without_the_bytes(data: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(data)
    assert str(refused.value) == "not JSON as we accept it"
    assert refused.value.__context__ is None


def test_sixty_four_levels_are_read() -> None:
    assert parse(b"[" * 64 + b"]" * 64)


def test_fractions_are_read_and_written_exactly() -> None:
    text = b"[\n  0.2500000000000000000000001,\n  10.50\n]\n"
    assert parse(text) == [Decimal("0.2500000000000000000000001"), Decimal("10.50")]
    assert write(parse(text)) == text


def test_all_texts_of_a_foreign_shape_make_one_line() -> None:
    value = {"title": "Not\n valid", "errors": {"BirthDate": ["is  required", 3, None]}}
    assert said(value) == "Not valid is required"


def test_what_is_no_value_of_json_is_not_written() -> None:
    with pytest.raises(TypeError):
        write({"points": {1.5}})
