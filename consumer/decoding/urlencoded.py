"""Events written as a web form, `user[id]=905&course=37`: PHP's brackets for what is nested."""

from __future__ import annotations

import re
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from consumer.decoding.refusal import stop

_MOST_FIELDS = 1000
_DEEPEST = 8
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")

Tree = dict[str, Any]


def form_body(text: bytes) -> dict[str, Any]:
    """The form's fields as an object; every value is text. Raises Stopped, naming no field.

    Objects whose names are 0, 1, 2 and so on, and `name[]`, become lists, as PHP's json_encode
    writes them. What PHP would guess at is refused: a name that stands twice without brackets, or
    once for a value and once for parts.
    """
    fields = text.split(b"&")
    if len(fields) > _MOST_FIELDS:
        stop("malformed_form", "body", f"more than {_MOST_FIELDS} fields")
    tree: Tree = {}
    for number, field in enumerate(fields, 1):
        _put(tree, *_field(field, number), number)
    return {name: _with_lists(value) for name, value in tree.items()}


def _field(field: bytes, number: int) -> tuple[list[str], str]:
    """The names from outside to inside, and the value."""
    name, equals, value = field.partition(b"=")
    if not equals:
        _refuse(number, "no =")
    matched = _NAME.fullmatch(_text(name, number))
    if matched is None:
        _refuse(number, "brackets do not match, or the name is blank")
    names = [matched[1], *_PART.findall(matched[2])]
    if len(names) > _DEEPEST:
        _refuse(number, f"more than {_DEEPEST} names deep")
    return names, _text(value, number)


def _text(coded: bytes, number: int) -> str:
    if _BAD_ESCAPE.search(coded):
        _refuse(number, "% without two hexadecimal digits")
    raw = unquote_to_bytes(coded.replace(b"+", b" "))
    if b"\x00" in raw:
        stop("nul_character")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        stop("invalid_utf8", "body", f"field {number}")
    return text


def _put(tree: Tree, names: list[str], value: str, number: int) -> None:
    *outer, last = names
    for name in outer:
        tree = tree.setdefault(name or str(len(tree)), {})
        if not isinstance(tree, dict):
            _refuse(number, "one name stands for a value and for parts")
    key = last or str(len(tree))
    if key in tree:
        stop("repeated_field", "body", f"field {number}")
    tree[key] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(one) for name, one in value.items()}
    return [*inner.values()] if [*inner] == [str(n) for n in range(len(inner))] else inner


def _refuse(number: int, why: str) -> NoReturn:
    stop("malformed_form", "body", f"field {number}: {why}")
