"""XML in memory: built from hostile values, and read from foreign bytes without harm."""

from __future__ import annotations

import re

from lxml import etree

from consumer.reason import Reason, Stage, Stopped

Element = etree._Element

# What XML 1.0 allows (Char production); lxml's own complaint about the rest may quote the value.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARED = re.compile(rb"""\A(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
_ENCODINGS = (b"utf-8", b"us-ascii", b"ascii")


class Unreadable(Exception):
    """Bytes that are no XML or JSON we accept; the text names the rule, never quotes the bytes."""


def child(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """A new last child of `parent`.

    Raises Stopped with the path of an element whose value XML cannot hold.
    """
    # lxml would let a child without namespace inherit its parent's default one; xmlns="" says no.
    bare = {None: ""} if not tag.startswith("{") and None in parent.nsmap else None
    element = etree.SubElement(parent, tag, nsmap=bare)  # type: ignore[arg-type]
    element.text = _legal(element, text) or None
    for name, value in attributes.items():
        element.set(name, _legal(element, value))
    return element


def _legal(element: Element, text: str) -> str:
    # Most values are plain ASCII, which needs no look at each character.
    plain = text.isascii() and text.isprintable()
    if not plain and ILLEGAL.search(text):
        raise Stopped(invalid(path_of(element), "illegal_character"))
    return text


def invalid(field: str, rule: str) -> Reason:
    """The reason of a document that must not leave: where and which rule, never a value."""
    return Reason(Stage.PARS, "document_invalid", field=field, detail=rule)


def path_of(element: Element) -> str:
    """The element's local names from the root down, joined with slashes."""
    line = [element, *element.iterancestors()]
    return "/".join(etree.QName(one).localname for one in reversed(line))


def parse(data: bytes, limit_bytes: int) -> Element:
    """The root of a foreign document; UTF-8 or ASCII, no DTD, entity, network or huge tree.

    Raises Unreadable.
    """
    if len(data) > limit_bytes:
        raise Unreadable("too large")
    _check_bytes(data)
    try:
        return etree.fromstring(data, _parser())
    except etree.XMLSyntaxError:
        pass  # raised anew outside, so that no context carries libxml2's quotation
    raise Unreadable("not well-formed")


def _check_bytes(data: bytes) -> None:
    declared = _DECLARED.match(data)
    if declared and declared[1].lower() not in _ENCODINGS:
        raise Unreadable("encoding")
    if b"\0" in data or not _is_utf8(data):
        raise Unreadable("encoding")
    # Exact because the bytes are UTF-8: without a DTD there are no entities to expand.
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable("doctype")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
