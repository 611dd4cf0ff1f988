"""The catalogue: every mapping, and which of them an event belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Table
from types import MappingProxyType
from typing import NamedTuple

from consumer.event import Envelope
from consumer.mapping.condition import Condition, Token, token
from consumer.mapping.mapping import Mapping
from consumer.mapping.path import Path
from consumer.reason import Reason, Stage, Stopped

__all__ = ["Catalogue", "Mapping"]


class _Shelf(NamedTuple):
    """The mappings that want certain values at one path."""

    path: Path
    by_value: dict[Token, list[Mapping]]


_UNKNOWN: Table[str, str] = MappingProxyType({})


class Catalogue:
    """Immutable; a reload makes another.

    `version` is the digest of the files it was loaded from, blank if it was not loaded from any.
    `meanings` holds a digest of what each mapping says, by its name: two that are equal differ in
    comments and order at most.
    """

    def __init__(
        self,
        mappings: Iterable[Mapping],
        version: str = "",
        meanings: Table[str, str] = _UNKNOWN,
    ) -> None:
        self.mappings, self.version, self.meanings = tuple(mappings), version, meanings
        self._shelves: dict[str, _Shelf] = {}
        self._loose = [mapping for mapping in self.mappings if not self._shelve(mapping)]

    def recognise(self, envelope: Envelope) -> Mapping:
        """The one mapping of this event.

        Raises Stopped (stage `recognise`): `unknown_event` if there is none, `ambiguous_mapping`
        if there are several.
        """
        found = [mapping for mapping in self._likely(envelope) if mapping.matches(envelope)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise Stopped(Reason(Stage.RECOGNISE, "unknown_event"))
        names = " and ".join(mapping.name for mapping in found)
        raise Stopped(Reason(Stage.RECOGNISE, "ambiguous_mapping", "", names))

    def unraised(self, before: Catalogue) -> list[Mapping]:
        """The mappings that say something else than `before`, and still bear the same version."""
        versions = {one.name: one.version for one in before.mappings}
        return [
            one
            for one in self.mappings
            if versions.get(one.name) == one.version
            and self.meanings.get(one.name) != before.meanings.get(one.name)
        ]

    def _shelve(self, mapping: Mapping) -> bool:
        """Whether the mapping can be found by a value: its first `equals` or `in`."""
        first: Condition | None = next((c for c in mapping.match if c.wanted), None)
        if first is None:
            return False
        shelf = self._shelves.setdefault(first.path.text, _Shelf(first.path, {}))
        for value in first.wanted:
            shelf.by_value.setdefault(value, []).append(mapping)
        return True

    def _likely(self, envelope: Envelope) -> Iterator[Mapping]:
        for path, by_value in self._shelves.values():
            yield from by_value.get(token(path.find(envelope)), ())
        yield from self._loose
