"""A fan: the mappings that take messages apart at the same place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from consumer.event import Envelope, Place, at
from consumer.mapping.condition import Condition, all_hold
from consumer.mapping.each import MOST_EVENTS, split
from consumer.mapping.mapping import Mapping
from consumer.mapping.shelves import Shelves


class Fan:
    """Which messages they take apart, and which event in one is whose."""

    def __init__(self, place: Place, mappings: Iterable[Mapping]) -> None:
        self.mappings = [one for one in mappings if one.each and one.each.place == place]
        self.path = next(one.each.path for one in self.mappings if one.each)
        self._place = place
        self._inner = Shelves((one, one.match) for one in self.mappings)
        outer = {one.name: _of_message(one) for one in self.mappings}
        self._outer = outer
        self._choosy = Shelves((one, outer[one.name]) for one in self.mappings if outer[one.name])
        self._has_open = not all(outer.values())

    def fits(self, envelope: Envelope) -> bool:
        """Whether one of them takes this message apart.

        One whose `match` has rows about the message does if they hold; one that speaks of items
        alone, if some item is its own: it would take apart any other LMS's messages too.
        """
        for one in self._choosy.likely(envelope):
            if all_hold(self._outer[one.name], envelope):
                return True
        return self._has_open and any(map(self.claims, self._first(envelope)))

    def split(self, envelope: Envelope) -> list[Envelope]:
        """The events of a message that it takes apart. Raises Stopped."""
        return split(envelope, self.path, self._place)

    def claims(self, event: Envelope) -> list[Mapping]:
        """The mappings whose event this is."""
        return [one for one in self._inner.likely(event) if one.matches(event)]

    def _first(self, envelope: Envelope) -> Iterator[Envelope]:
        found = at(envelope.body, self._place)
        items = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
        outside = (envelope.body, envelope.headers, envelope.key)
        for item in islice(items, MOST_EVENTS):
            yield Envelope(*outside, item)


def _of_message(mapping: Mapping) -> list[Condition]:
    return [condition for condition in mapping.match if condition.path.root != "item"]
