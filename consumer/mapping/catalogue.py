"""The catalogue: every mapping, and which of them an event belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from types import MappingProxyType

from consumer.event import Envelope
from consumer.mapping.fan import Fan
from consumer.mapping.mapping import Mapping
from consumer.mapping.shelves import Shelves
from consumer.reason import Reason, Stage, Stopped

__all__ = ["Catalogue", "Mapping"]

_UNKNOWN: Table[str, str] = MappingProxyType({})


class Catalogue:
    """Immutable; a reload makes another.

    `version` is the digest of the files it was loaded from, blank if it was not loaded from any.
    `meanings` holds a digest of what each mapping says, by its name: two that are equal differ in
    comments and order at most. `retracting` are the LMSs that take events back by their ids.
    """

    def __init__(
        self,
        mappings: Iterable[Mapping],
        version: str = "",
        meanings: Table[str, str] = _UNKNOWN,
    ) -> None:
        self.mappings, self.version, self.meanings = tuple(mappings), version, meanings
        self.retracting = frozenset(one.source for one in self.mappings if one.retracts)
        self._whole = Shelves((one, one.match) for one in self.mappings if one.each is None)
        places = dict.fromkeys(one.each.place for one in self.mappings if one.each)
        self._fans = {place: Fan(place, self.mappings) for place in places}

    def events(self, envelope: Envelope) -> Sequence[Envelope]:
        """The event itself, or the events in it that mappings with `each` take apart.

        Raises Stopped: `ambiguous_mapping` if mappings would take it both whole and apart, or
        apart in two ways; what else is wrong with the list.
        """
        fans = [fan for fan in self._fans.values() if fan.fits(envelope)]
        if not fans:
            return (envelope,)
        claims = [*self._whole_ones(envelope), *(fan.mappings[0] for fan in fans)]
        if len(claims) > 1:
            raise Stopped(_ambiguous(claims, ""))
        return fans[0].split(envelope)

    def recognise(self, event: Envelope) -> Mapping:
        """The one mapping of this event, of those for whole messages or for events in a list.

        Raises Stopped (stage `recognise`): `unknown_event` if there is none, `ambiguous_mapping`
        if there are several.
        """
        if event.place is None:
            found, field = self._whole_ones(event), ""
        else:
            fan = self._fans[event.place]
            found, field = fan.claims(event), f"{fan.path.text}[{event.part}]"
        if len(found) == 1:
            return found[0]
        if not found:
            raise Stopped(Reason(Stage.RECOGNISE, "unknown_event", field))
        raise Stopped(_ambiguous(found, field))

    def unraised(self, before: Catalogue) -> list[Mapping]:
        """The mappings that say something else than `before`, and still bear the same version."""
        versions = {one.name: one.version for one in before.mappings}
        return [
            one
            for one in self.mappings
            if versions.get(one.name) == one.version
            and self.meanings.get(one.name) != before.meanings.get(one.name)
        ]

    def _whole_ones(self, envelope: Envelope) -> list[Mapping]:
        # A list is taken apart or nobody's: `body[0].id` would read one of its events, and lose
        # the others.
        if isinstance(envelope.body, list):
            return []
        return [one for one in self._whole.likely(envelope) if one.matches(envelope)]


def _ambiguous(mappings: Iterable[Mapping], field: str) -> Reason:
    names = " and ".join(mapping.name for mapping in mappings)
    return Reason(Stage.RECOGNISE, "ambiguous_mapping", field, names)
