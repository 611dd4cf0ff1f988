"""Old events of a topic, from a time: each has the place there that it was, or would be, heard at.

So what was heard is known, however often it is read; what comes of a topic that nobody listens to
is taken in as it would have been.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from consumer.backfill.old import Broken
from consumer.bus.past import Past
from consumer.bus.port import Message, Partition
from consumer.credit import Identity


@dataclass(frozen=True, slots=True)
class OldTopic:
    """What a topic has from one time to another."""

    name: str
    past: Past
    stretch: Mapping[Partition, tuple[int, int]]
    known_by: str

    can_be_mended = False
    overrules = True

    @classmethod
    def of(
        cls, topic: str, past: Past, since: datetime, until: datetime | None, identity: Identity
    ) -> OldTopic:
        """The stretch as it is now. Raises TopicMisfit, BusUnavailable."""
        # From another time on it is another backfill; until when does not matter for how far it is.
        digest = identity.digest("backfill", topic, since.isoformat())[:16]
        return cls(topic, past, past.stretch(since, until), f"backfill.{digest}")

    @property
    def subject(self) -> str:
        """The topic."""
        return self.name

    @property
    def strands(self) -> Collection[Partition]:
        """One for each partition, beside where the service itself keeps how far it heard."""
        return [Partition(self.known_by, one.number) for one in self.stretch]

    def strand_of(self, message: Message) -> Partition:
        """Its partition's."""
        return Partition(self.known_by, message.partition)

    def read(self, after: Mapping[Partition, int]) -> Iterator[Message | Broken]:
        """What of the stretch was not taken yet. Raises BusUnavailable."""
        left = {
            one: (max(first, after.get(Partition(self.known_by, one.number), 0)), end)
            for one, (first, end) in self.stretch.items()
        }
        yield from self.past.read({one: (a, b) for one, (a, b) in left.items() if a < b})
