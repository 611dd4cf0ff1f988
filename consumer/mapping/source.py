"""Sources: where a row's value comes from when it is more than one path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from consumer.event import Envelope
from consumer.mapping.fault import Fault, missing, text
from consumer.mapping.path import Path

Source = Callable[[Envelope], Any]


def first_of(paths: Sequence[Path]) -> Source:
    """The value of the first path that has one."""

    def source(envelope: Envelope) -> Any:
        for path in paths:
            if not missing(value := path.find(envelope)):
                return value
        return None

    return source


def join(paths: Sequence[Path], separator: str) -> Source:
    """The parts with `separator` between them; None if every part is missing.

    Raises Fault `join_incomplete` if some are, `ambiguous_value` if a part holds the separator.
    """

    def source(envelope: Envelope) -> str | None:
        found = [(path, path.find(envelope)) for path in paths]
        if all(missing(value) for _, value in found):
            return None
        return separator.join(_part(path, value, separator) for path, value in found)

    return source


def _part(path: Path, value: Any, separator: str) -> str:
    if missing(value):
        raise Fault("join_incomplete", path.text)
    part = text(value)
    # "a-b" and "c" would make the same id as "a" and "b-c".
    if separator in part:
        raise Fault("ambiguous_value", path.text)
    return part
