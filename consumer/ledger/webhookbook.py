"""How far each webhook has been told: a cursor of its own, claimed under a lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, func, literal, or_, select, update

from consumer.ledger.database import upsert
from consumer.ledger.ledger import Ledger
from consumer.ledger.noticetables import outcomes, webhooks


@dataclass(frozen=True, slots=True)
class Turn:
    """One process's turn at a webhook: what waits for it, the oldest first.

    `told_until` is the number of the last outcome that was told; `fence` says whose turn it is.
    """

    name: str
    fence: int
    tries: int
    told_until: int
    waiting: Sequence[Row[Any]]
    given_up: int = 0


class WebhookBook:
    """One transaction's view of the webhooks."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def know(self, name: str, url: str) -> None:
        """A webhook that is new is told what happens from now on; another address is tried anew."""
        address = self._ledger.identity.digest("webhook", url)
        newest = self._db.scalar(select(func.max(outcomes.c.id))) or 0
        fresh = {"told_until": newest, "fence": 0, "given_up": 0}
        anew = {"address": address, "tries": 0, "due_at": self._now, "gone_at": None, "cause": ""}
        anew["failing_since"] = None
        statement = upsert(self._db, webhooks).values(name=name, **fresh, **anew)
        moved = statement.on_conflict_do_update(
            index_elements=["name"], set_=anew, where=webhooks.c.address != address
        )
        self._db.execute(moved)

    def waits(self, name: str) -> bool:
        """Whether there is something to tell it now; asked far oftener than a turn is taken."""
        w, o = webhooks.c, outcomes.c
        due = (w.name == name, w.gone_at.is_(None), w.due_at <= self._now)
        behind = exists().where(o.id > w.told_until)
        return self._db.scalar(select(w.name).where(*due, behind)) is not None

    def take(self, name: str, lease_seconds: float, limit: int, oldest: datetime) -> Turn | None:
        """A turn of so many seconds; None where it is another's, not due, or nothing waits.

        What is older than `oldest` is given up: the daily files have it.
        """
        w, o = webhooks.c, outcomes.c
        free = or_(w.lease_until.is_(None), w.lease_until < self._now)
        due = (w.name == name, w.gone_at.is_(None), w.due_at <= self._now, free)
        row = self._db.execute(select(webhooks).where(*due)).first()
        if row is None:
            return None
        after = o.id > row.told_until
        lost = self._db.execute(
            select(func.count(), func.max(o.id)).where(after, o.at < oldest)
        ).one()
        since = max(row.told_until, lost[1] or 0)
        query = select(outcomes).where(o.id > since).order_by(o.id).limit(limit)
        waiting = self._db.execute(query).all()
        if not waiting and not lost[0]:
            return None
        fence, until = row.fence + 1, self._now + timedelta(seconds=lease_seconds)
        values = {"fence": fence, "lease_until": until, "told_until": since}
        values["given_up"] = row.given_up + lost[0]
        self._db.execute(update(webhooks).where(w.name == name).values(values))
        return Turn(name, fence, row.tries, since, waiting, lost[0])

    def told(self, turn: Turn, until: int) -> bool:
        """Everything up to this number is over there; False when the turn is another's by now."""
        good = {"told_until": until, "tries": 0, "failing_since": None, "cause": ""}
        return self._write(turn, good)

    def done(self, turn: Turn) -> None:
        """The turn is over; the next may begin at once."""
        self._write(turn, {"lease_until": None})

    def failed(self, turn: Turn, tries: int, cause: str, again_at: datetime) -> None:
        """It could not be told; the turn is over, and the next begins then."""
        w = webhooks.c
        values = {"tries": tries, "cause": cause, "due_at": again_at, "lease_until": None}
        since = func.coalesce(w.failing_since, literal(self._now, w.failing_since.type))
        self._write(turn, values | {"failing_since": since})

    def gone(self, turn: Turn, cause: str) -> None:
        """It said that it is gone for good: it is told nothing more."""
        self._write(turn, {"gone_at": self._now, "cause": cause, "lease_until": None})

    def _write(self, turn: Turn, values: dict[str, Any]) -> bool:
        ours = (webhooks.c.name == turn.name, webhooks.c.fence == turn.fence)
        return bool(self._db.execute(update(webhooks).where(*ours).values(values)).rowcount)

    # ------------------------------------------------------------ by a person

    def enable(self, name: str) -> bool:
        """Try it again at once, also after it said that it is gone; False: nobody knows it."""
        anew = {"gone_at": None, "tries": 0, "due_at": self._now, "cause": "", "lease_until": None}
        done = update(webhooks).where(webhooks.c.name == name)
        return bool(self._db.execute(done.values(anew)).rowcount)

    def skip(self, name: str) -> int | None:
        """Leave out the outcome that it stands at; gives its number, None where nothing waits."""
        until = select(webhooks.c.told_until).where(webhooks.c.name == name).scalar_subquery()
        number: int | None = self._db.scalar(
            select(func.min(outcomes.c.id)).where(outcomes.c.id > until)
        )
        if number is None:
            return None
        w = webhooks.c
        moved = {"told_until": number, "fence": w.fence + 1, "lease_until": None}
        anew = {"tries": 0, "due_at": self._now, "cause": "", "failing_since": None}
        self._db.execute(update(webhooks).where(w.name == name).values(moved | anew))
        return number


def standing(db: Connection) -> Sequence[Any]:
    """Every webhook, and how many outcomes wait for it."""
    w, o = webhooks.c, outcomes.c
    behind = select(func.count()).select_from(outcomes).where(o.id > w.told_until)
    columns = (w.name, w.told_until, w.tries, w.failing_since, w.gone_at, w.cause, w.given_up)
    query = select(*columns, behind.scalar_subquery().label("waiting"))
    return db.execute(query.order_by(w.name)).all()
