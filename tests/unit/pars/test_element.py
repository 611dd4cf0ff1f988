"""Foreign XML: what is refused before anything of it is believed."""

from __future__ import annotations

import pytest

from consumer.pars.element import Unreadable, parse

LAUGHS = b"""<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>"""
OUTSIDE = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>"""
DECLARED = b"""<?xml version="1.0" encoding="%b"?><a>x</a>"""


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "not well-formed"),
        (b"secret", "not well-formed"),
        (b"<a>secret", "not well-formed"),
        (b"<a>&secret;</a>", "not well-formed"),
        (b"<a/><secret/>", "not well-formed"),
        (LAUGHS, "doctype"),
        (OUTSIDE, "doctype"),
        (b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/secret.dtd'><a/>", "doctype"),
        (DECLARED % b"ISO-8859-1", "encoding"),
        (DECLARED % b"utf-7", "encoding"),
        (DECLARED % b"utf-16", "encoding"),
        ("<a>secret</a>".encode("utf-16"), "encoding"),
        ("<a>secret</a>".encode("utf-16-le"), "encoding"),
        ("<a>secret</a>".encode("cp037"), "encoding"),
        (b"<a>\xe9</a>", "encoding"),
        (b"<a>" + b"x" * 2000 + b"</a>", "too large"),
    ],
)
def test_refused_with_the_rule_and_without_the_bytes(data: bytes, rule: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(data, 1500)
    assert str(refused.value) == rule
    assert refused.value.__context__ is None


@pytest.mark.parametrize("encoding", [b"UTF-8", b"utf-8", b"us-ascii", b"US-ASCII"])
def test_utf_8_and_its_subset_are_read(encoding: bytes) -> None:
    assert parse(DECLARED % encoding, 1500).text == "x"


def test_a_byte_order_mark_and_no_declaration_are_fine() -> None:
    assert parse(b"\xef\xbb\xbf<a>\xc3\xa9</a>", 1500).text == "é"


def test_depth_is_bounded() -> None:
    with pytest.raises(Unreadable):
        parse(b"<a>" * 100_000, 1_000_000)
