"""One of our XSDs as a judge that says where and which rule, and never repeats a value."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lxml import etree

from consumer.pars.element import Element, invalid, path_of
from consumer.reason import Reason

_KINDS = {
    "PATTERN": "pattern",
    "MAXLENGTH": "max_length",
    "ENUMERATION": "not_in_list",
    "MINEXCLUSIVE": "min_exclusive",
    "DATATYPE": "type",
    "ELEMENT": "structure",
    "COMPLEX": "structure",
    "ATTRIBUTE": "attribute",
    "ELT": "structure",
}


class Schema:
    """A compiled XSD; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._schema = etree.XMLSchema(etree.parse(str(path)))
        self._lock = threading.Lock()  # lxml keeps the error log on the schema object

    def faults(self, root: Element) -> tuple[Reason, ...]:
        """One `document_invalid` reason per element at fault, empty when `root` is valid."""
        with self._lock:
            if self._schema.validate(root):
                return ()
            log: Iterable[Any] = self._schema.error_log  # type: ignore[assignment]
            found = [(error.path or "", error.type_name) for error in log]
        # The first complaint of an element is the rule it broke; libxml2 repeats itself after that.
        firsts = {_field(root, path): _kind(name) for path, name in reversed(found)}
        return tuple(invalid(field, kind) for field, kind in reversed(firsts.items()))

    def accepts(self, root: Element) -> bool:
        """Whether `root` satisfies the schema."""
        return not self.faults(root)


def _field(root: Element, path: str) -> str:
    """`path` (which calls elements of a default namespace `*`) as local names."""
    attribute = path.rpartition("/@")[2] if "/@" in path else ""
    found = root.xpath(path.partition("/@")[0], namespaces=_prefixes(root)) if path else []
    if not isinstance(found, list) or not found or not isinstance(found[0], Element):
        return root.tag if isinstance(root.tag, str) else ""
    return path_of(found[0]) + (f"/@{attribute}" if attribute else "")


def _prefixes(root: Element) -> dict[str, str]:
    return {key: uri for each in root.iter() for key, uri in each.nsmap.items() if key}


def _kind(type_name: str) -> str:
    """`SCHEMAV_CVC_PATTERN_VALID` as "pattern": the rule's kind in our words."""
    known = (ours for theirs, ours in _KINDS.items() if f"_{theirs}_" in f"{type_name}_")
    return next(known, "schema")
