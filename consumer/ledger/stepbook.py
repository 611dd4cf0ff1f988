"""Evaluations and claims in the ledger: kept beside their completion, whenever they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from consumer.bus.port import Message
from consumer.journey import Heard
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import sealed_original
from consumer.ledger.schema import completions, steps
from consumer.mapping.said import Said


class StepBook:
    """What was heard of the steps of each completion."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def heard(self, completion: int) -> list[Said]:
        """Every step that was heard of it, as they came."""
        return self.heard_of([completion]).get(completion, [])

    def heard_of(self, numbers: Collection[int]) -> dict[int, list[Said]]:
        """The same for several; those that have none are left out."""
        found: dict[int, list[Said]] = defaultdict(list)
        within = steps.c.completion_id.in_(numbers)
        query = select(steps.c.completion_id, steps.c.said).where(within)
        for row in self._db.execute(query.order_by(steps.c.id)):
            found[row.completion_id].append(self._ledger.seal.open_said(row.said))
        return dict(found)

    def rows(self, completion: int) -> Sequence[Row[Any]]:
        """The rows of its steps, as they came."""
        query = select(steps).where(steps.c.completion_id == completion)
        return self._db.execute(query.order_by(steps.c.id)).all()

    def named(self, name: str, site: str = "") -> Sequence[Row[Any]]:
        """The rows of the steps that the event of this name said, at this site if one is given."""
        query = select(steps).where(steps.c.name == name)
        if site:
            query = query.join(completions, completions.c.id == steps.c.completion_id)
            query = query.where(completions.c.site == site)
        return self._db.execute(query.order_by(steps.c.id)).all()

    def put(
        self, completion: int, said: Said, what: Heard, message: Message, name: str = ""
    ) -> bool:
        """Keep a step with the bytes that said it; False when it was heard before."""
        if self._number(completion, said) is not None:
            return False
        place = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
        original = sealed_original(self._ledger.seal, message, what)
        values = self._content(said, what) | place | {"original": original}
        known = {"completion_id": completion, "heard_at": self._now, "name": name or None}
        self._db.execute(insert(steps).values(values | known))
        return True

    def drop(self, completion: int, said: Said) -> bool:
        """Forget a step that says nothing after all; False when it was not known."""
        number = self._number(completion, said)
        self.remove(number)
        return number is not None

    def remove(self, number: int | None) -> None:
        """Forget this row."""
        self._db.execute(delete(steps).where(steps.c.id == number))

    def reread(self, row: Row[Any], said: Said, what: Heard) -> None:
        """Keep what a newer mapping reads out of the same bytes; once, if others say it too."""
        if self._number(row.completion_id, said) not in {None, row.id}:
            return self.remove(row.id)
        content = self._content(said, what)
        self._db.execute(steps.update().where(steps.c.id == row.id).values(content))
        return None

    def _content(self, said: Said, what: Heard) -> dict[str, Any]:
        return {
            "kind": said.kind.value,
            "digest": self._digest(said),
            "mapping": what.mapping,
            "mapping_version": what.version,
            "said": self._ledger.seal.seal_json(said),
        }

    def _number(self, completion: int, said: Said) -> int | None:
        same = (steps.c.completion_id == completion, steps.c.digest == self._digest(said))
        return self._db.scalar(select(steps.c.id).where(*same))

    def _digest(self, said: Said) -> str:
        """No emission time and no transport ID: LMSs emit again with new ones (design 5)."""
        points = "" if said.points is None else str(said.points.normalize())
        at = said.instant.astimezone(UTC).isoformat()
        return self._ledger.identity.digest("step", said.kind, at, points)
