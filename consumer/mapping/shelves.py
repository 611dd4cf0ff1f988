"""Shelves: mappings by a value that they want, so that an event is not held against them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from consumer.event import Envelope
from consumer.mapping.condition import Condition, Token, token
from consumer.mapping.mapping import Mapping
from consumer.mapping.path import Path


class _Shelf(NamedTuple):
    """The mappings that want certain values at one path."""

    path: Path
    by_value: dict[Token, list[Mapping]]


class Shelves:
    """Mappings, each with conditions of its own by which it is put away."""

    def __init__(self, mappings: Iterable[tuple[Mapping, Sequence[Condition]]]) -> None:
        self._shelves: dict[str, _Shelf] = {}
        self._loose = [one for one, conditions in mappings if not self._put(one, conditions)]

    def likely(self, envelope: Envelope) -> Iterator[Mapping]:
        """The mappings that the event may belong to."""
        for path, by_value in self._shelves.values():
            yield from by_value.get(token(path.find(envelope)), ())
        yield from self._loose

    def _put(self, mapping: Mapping, conditions: Sequence[Condition]) -> bool:
        """Whether the mapping can be found by a value: its first `equals` or `in`."""
        first: Condition | None = next((c for c in conditions if c.wanted), None)
        if first is None:
            return False
        shelf = self._shelves.setdefault(first.path.text, _Shelf(first.path, {}))
        for value in first.wanted:
            shelf.by_value.setdefault(value, []).append(mapping)
        return True
