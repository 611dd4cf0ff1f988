"""Outcomes: every new state of a credit, told to the bus and kept for webhooks and daily files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select

from consumer.bus.port import Outgoing
from consumer.ledger import outbox
from consumer.ledger.creditnames import traces_behind
from consumer.ledger.ledger import Ledger
from consumer.ledger.noticetables import outcomes
from consumer.ledger.schema import completion_credits, completions, events
from consumer.reason import unpack_reasons
from consumer.trace import TRACEPARENT

Heard = dict[str, str | int]
"""Where the LMS's event is that led to a credit: source, topic, partition, offset."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A credit's new state. Nothing here says whose it is."""

    credit_row: int
    credit_id: str
    state: str
    reason: str
    board: str
    credit_type: str
    activity: str
    pars_activity_id: str

    @classmethod
    def of(cls, row: Row[Any], credit_id: str, state: str, reasons: str) -> Outcome:
        """Of a credit's row; `reasons` are those of the new state, packed."""
        known = unpack_reasons(reasons)
        return cls(
            credit_row=row.id,
            credit_id=credit_id,
            state=state,
            reason=known[0].code if known else "",
            board=row.board,
            credit_type=row.credit_type,
            activity=row.activity,
            pars_activity_id=row.pars_activity_id,
        )


def tell(
    db: Connection, ledger: Ledger, told: Sequence[Outcome], now: datetime
) -> dict[int, list[Heard]]:
    """Publish and keep these, in the transaction that made them true.

    Gives by which events each credit was heard of, by its row.
    """
    if not told:
        return {}
    # As the ledger keeps it, so that the topic, a webhook and a file name the same moment.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    rows = [one.credit_row for one in told]
    heard, traces = heard_of(db, rows), traces_behind(db, rows)
    messages = [
        Outgoing(
            outbox.OUTCOMES,
            one.credit_id.encode(),
            orjson.dumps(body(one, heard.get(one.credit_row, []), now)),
            tuple((TRACEPARENT, trace.encode()) for trace in traces.get(one.credit_row, ())[:1]),
        )
        for one in told
    ]
    outbox.put(db, ledger.seal, messages, now)
    db.execute(insert(outcomes), [_row(one) | {"at": now} for one in told])
    return heard


def body(one: Any, heard: Sequence[Heard], at: datetime) -> dict[str, Any]:
    """What the topic and webhooks say of an outcome, or of its row (schemas/outcome.json)."""
    return {
        "version": 1,
        "credit_id": one.credit_id,
        "state": one.state,
        "reason": one.reason,
        "board": one.board,
        "credit_type": one.credit_type,
        "activity": one.activity,
        "pars_activity_id": one.pars_activity_id,
        "at": at.isoformat(),
        "heard": list(heard),
    }


def _row(one: Outcome) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Outcome.__slots__}


def heard_of(db: Connection, credit_rows: Sequence[int]) -> dict[int, list[Heard]]:
    """The first event of each completion behind these credits, oldest first.

    An LMS knows by it whom it spoke of; nobody else does.
    """
    link, e = completion_credits.c, events.c
    order = (e.heard_at, e.topic, e.partition, e.offset)
    which = func.row_number().over(
        partition_by=(link.credit_id, link.completion_id), order_by=order
    )
    joined = completion_credits.join(completions, completions.c.id == link.completion_id)
    joined = joined.join(events, e.completion_id == completions.c.id)
    columns = (link.credit_id, completions.c.source, *order, which.label("nth"))
    found = select(*columns).select_from(joined).where(link.credit_id.in_(credit_rows)).subquery()
    query = select(found).where(found.c.nth == 1).order_by(found.c.heard_at, found.c.offset)
    heard: dict[int, list[Heard]] = {}
    for row in db.execute(query):
        place = {"topic": row.topic, "partition": row.partition, "offset": row.offset}
        heard.setdefault(row.credit_id, []).append({"source": row.source, **place})
    return heard


def forget(db: Connection, before: datetime) -> int:
    """Outcomes from before then are kept no longer; gives how many."""
    return db.execute(delete(outcomes).where(outcomes.c.at < before)).rowcount
