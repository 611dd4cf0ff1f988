"""Events by the ids that their LMS gave them: a retraction may name nothing else (design 5).

What is kept is a keyed hash of the id, beside the completion that the event said. An id is looked
for among the events of the same LMS (the first part of its mapping's name), and of the same site if
the retraction names one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, exists, select

from consumer.credit import Identity
from consumer.ledger.bulk import insert_rows, known_among
from consumer.ledger.schema import completions, named_events, retracted_events
from consumer.mapping.said import STEPS, Kind, Said

_named, _retracted = named_events.c, retracted_events.c


class Others(Enum):
    """What other events, which nobody took back, say of a completion."""

    NOTHING = auto()
    THE_SAME = auto()
    ANOTHER_TIME = auto()


class NameBook:
    """Which completion an event's id stands for, and which ids were taken back."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._db, self._identity = connection, identity

    def name(self, said: Said) -> str:
        """The hash of the id of an event that may be taken back by it; blank if there is none."""
        if not said.event_id or said.kind is not Kind.COMPLETION:
            return ""
        return self._hash(said.source, said.event_id)

    def step_name(self, said: Said) -> str:
        """The hash of the id of an evaluation or a claim; blank if there is none."""
        if not said.event_id or said.kind not in STEPS:
            return ""
        return self._hash(said.source, said.event_id)

    def row(self, said: Said, name: str, number: int) -> dict[str, Any]:
        """What is kept of an event that said this completion."""
        return {"digest": name, "completion_id": number, "completed_at": said.instant}

    def enter(self, said: Said, number: int) -> None:
        """Keep that this event said this completion."""
        if name := self.name(said):
            insert_rows(self._db, named_events, [self.row(said, name, number)], new_only=True)

    def taken_back_among(self, names: Iterable[str]) -> set[str]:
        """Those of the names that were taken back, at whatever site."""
        some = {*filter(None, names)}
        # Most ledgers never hear of a single one.
        if not some or self._db.scalar(select(_retracted.digest).limit(1)) is None:
            return set()
        return known_among(self._db, _retracted.digest, some)

    def is_taken_back(self, said: Said) -> bool:
        """Whether this very event was taken back, before or after it came."""
        name = self.name(said) or self.step_name(said)
        if not name:
            return False
        query = select(_retracted.digest).where(_retracted.digest == name)
        found = self._db.scalar(query.where(_retracted.site.in_(("", said.site))).limit(1))
        return found is not None

    def take_back(self, said: Said) -> Sequence[int]:
        """Remember what this retraction names; gives the completions that were heard by it."""
        name = self.retracted(said)
        row = {"digest": name, "site": said.site, "at": said.occurred_at or said.instant}
        insert_rows(self._db, retracted_events, [row], new_only=True)
        query = select(_named.completion_id).where(_named.digest == name)
        if said.site:
            query = query.join(completions, completions.c.id == _named.completion_id)
            query = query.where(completions.c.site == said.site)
        return self._db.scalars(query.order_by(_named.completion_id)).all()

    def retracted(self, said: Said) -> str:
        """The hash of the id that a retraction names."""
        return self._hash(said.source, said.retracts)

    def others(self, number: int, said: Said) -> Others:
        """What is left of a completion when this retraction's event is gone."""
        name = self.retracted(said)
        of_it = select(_named.completed_at).where(_named.completion_id == number)
        gone = exists().where(_retracted.digest == _named.digest)
        left: set[datetime] = {*self._db.scalars(of_it.where(_named.digest != name, ~gone))}
        if not left:
            return Others.NOTHING
        own = self._db.scalar(of_it.where(_named.digest == name))
        return Others.THE_SAME if own in left else Others.ANOTHER_TIME

    def _hash(self, source: str, event_id: str) -> str:
        return self._identity.digest("event-id", source, event_id)
