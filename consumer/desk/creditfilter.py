"""Which credits are meant: one filter for lists, for changes of many, and for the console."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, or_, select

from consumer.credit import Heard, State
from consumer.desk.deadlines import Watch, at_risk, deadline
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.searching import found_by
from consumer.ledger.switches import withheld_as
from consumer.pars.document import CENTRAL
from consumer.release import Mode
from consumer.rules import completion_date

WITHHELD_STATES = {"waiting_for_release": Mode.HOLD, "rehearsal": Mode.SHADOW}
"""Beside the states proper: what is ready, and stands still for a coordinator."""
STATES = (*State, *Heard, *WITHHELD_STATES)


@dataclass(frozen=True, slots=True)
class CreditFilter:
    """Which rows to list; blank means any. `learner` is a name, board ID or LMS user ID.

    `state` is one of STATES; `since` and `until` are the first and the last day of completion.
    """

    state: str = ""
    learner: str = field(default="", repr=False)
    activity: str = ""
    limit: int = 100
    at_risk: bool = False
    reason: str = ""
    stage: str = ""
    source: str = ""
    board: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_blank(self) -> bool:
        """Whether it means everything there is."""
        return replace(self, limit=0) == CreditFilter(limit=0)


def narrowed(
    query: Select[Any], ledger: Ledger, wanted: CreditFilter, watch: Watch | None
) -> Select[Any]:
    """Of completions beside their credits, those wanted; days and limit are left to `taken`.

    Those at risk alone come earliest deadline first.
    """
    c = completions.c
    query = query.where(*_conditions(wanted))
    if wanted.at_risk and watch is not None:
        query = query.where(at_risk(watch.until)).order_by(None).order_by(deadline(), c.id)
    for word in wanted.learner.split():
        query = query.where(c.id.in_(found_by(ledger, word)))
    return query


def taken(db: Connection, ledger: Ledger, query: Select[Any], wanted: CreditFilter) -> list[Any]:
    """The rows that a narrowed query of both finds, at most `wanted.limit`."""
    if not (wanted.since or wanted.until):
        return [*db.execute(query.limit(wanted.limit))]
    found: list[Any] = []
    with db.execute(query.execution_options(yield_per=500)) as rows:
        for row in rows:
            if len(found) == wanted.limit:
                break
            if _covers(ledger, row, wanted):
                found.append(row)
    return found


def chosen(
    ledger: Ledger, wanted: CreditFilter, *which: ColumnElement[bool], watch: Watch | None = None
) -> list[int]:
    """The numbers of the credits meant, nearest deadline first; what is none yet is left out.

    At most `wanted.limit` of them; 0 means all.
    """
    k = credits_.c
    query = select(k.id).select_from(_together()).where(*which)
    query = narrowed(query.order_by(k.report_by, k.id), ledger, wanted, watch)
    with ledger.read() as db:
        numbers = dict.fromkeys(row._mapping[k.id] for row in db.execute(query))
    return [*numbers][: wanted.limit or None]


def _together() -> FromClause:
    link = completion_credits.c
    joined = completions.join(completion_credits, link.completion_id == completions.c.id)
    return joined.join(credits_, credits_.c.id == link.credit_id)


def _conditions(wanted: CreditFilter) -> Iterator[ColumnElement[bool]]:
    c, k = completions.c, credits_.c
    if wanted.state:
        yield _in_state(wanted.state)
    if wanted.activity:
        yield or_(k.activity == wanted.activity, c.course == wanted.activity)
    if wanted.source:
        yield c.source == wanted.source
    if wanted.board:
        yield k.board == wanted.board.upper()
    if wanted.reason:
        yield _says("code", wanted.reason)
    if wanted.stage:
        yield _says("stage", wanted.stage)
    if wanted.since:
        yield or_(k.id.is_(None), k.completed_on >= wanted.since)
    if wanted.until:
        yield or_(k.id.is_(None), k.completed_on <= wanted.until)


def _in_state(state: str) -> ColumnElement[bool]:
    c, k = completions.c, credits_.c
    if state in WITHHELD_STATES:
        return withheld_as() == WITHHELD_STATES[state].value
    return or_(
        k.state == state,
        k.id.is_(None) & (c.state == state),
        # Credited by one board, and waiting for another.
        c.unfinished & (c.reasons != "[]") & (state == Heard.HELD),
    )


def _says(name: str, value: str) -> ColumnElement[bool]:
    """Whether a reason of the credit says so, or one of what waits without a credit."""
    c, k, text = completions.c, credits_.c, f'"{name}":"{value}"'
    waits = or_(k.id.is_(None), c.unfinished)
    return or_(
        k.reasons.contains(text, autoescape=True),
        and_(waits, c.reasons.contains(text, autoescape=True)),
    )


def _covers(ledger: Ledger, row: Row[Any], wanted: CreditFilter) -> bool:
    """Of what is no credit the day of completion is sealed, and is reckoned as PARS's days are."""
    cells = row._mapping
    if cells[credits_.c.id] is not None:
        return True
    day = completion_date(ledger.seal.open_said(cells[completions.c.said]).completed, CENTRAL)
    return (wanted.since or date.min) <= day <= (wanted.until or date.max)
