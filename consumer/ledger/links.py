"""Which completions stand behind which credits, and what therefore waits for what (design 5, 6)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from consumer.credit import State
from consumer.ledger.letters import Status
from consumer.ledger.schema import completion_credits, completions, credits_, letters, surges
from consumer.ledger.switches import withheld
from consumer.reason import Stage

_links = completion_credits.c
RETRACTED = "retracted_after_sending"
"""Reason code: the LMS took a completion back of which PARS may have something."""
RETRACTED_IN_PART = "retracted_in_part"
"""Reason code: the LMS took back one of several events of a completion, which differ."""


def credits_of(db: Connection, completion: int) -> Sequence[int]:
    """The credits that this completion stands behind."""
    query = select(_links.credit_id).where(_links.completion_id == completion, _links.stands)
    return db.scalars(query).all()


def completions_of(db: Connection, credit: int) -> Sequence[int]:
    """The completions that stand behind this credit."""
    query = select(_links.completion_id).where(_links.credit_id == credit, _links.stands)
    return db.scalars(query.order_by(_links.completion_id)).all()


def completions_once_of(db: Connection, credit: int) -> Sequence[int]:
    """The completions that led to this credit once, and do so no more."""
    query = select(_links.completion_id).where(_links.credit_id == credit, ~_links.stands)
    return db.scalars(query.order_by(_links.completion_id)).all()


def behind(db: Connection, credit: int) -> int | None:
    """The completion that tells most about this credit: one that stands behind it, or did."""
    query = select(_links.completion_id).where(_links.credit_id == credit)
    newest = query.order_by(_links.stands.desc(), _links.completion_id.desc()).limit(1)
    return db.scalar(newest)


def put(db: Connection, completion: int, credit: int) -> None:
    """The completion stands behind the credit, perhaps once more."""
    pair = {"completion_id": completion, "credit_id": credit}
    db.execute(delete(completion_credits).filter_by(**pair))
    db.execute(insert(completion_credits).values(pair))


def drop(db: Connection, completion: int, credit: int) -> None:
    """The completion led to the credit once, and does so no more."""
    pair = {"completion_id": completion, "credit_id": credit}
    db.execute(update(completion_credits).filter_by(**pair).values(stands=False))


def waits() -> ColumnElement[bool]:
    """Whether a credit of `credits` may not be sent yet: the learner would have two for one.

    It takes the place of one that PARS has still, or a person is asked whether either is right, or
    a source of it is held: what it says may be wrong. Or a coordinator wants to let it go first.
    """
    # First what costs least: thousands may be withheld, and stand before what may be sent.
    return or_(withheld(), _replaces_what_is_there(), _was_taken_back(), source_is_held())


def source_is_held() -> ColumnElement[bool]:
    """Whether a completion behind a credit of `credits` came from a source that a person holds."""
    mine, held = completion_credits.alias("mine"), surges.alias("held")
    said = completions.alias("said")
    behind = (*_own(mine), said.c.id == mine.c.completion_id, held.c.source == said.c.source)
    # As a rule nothing is held: then nothing more is looked at.
    return exists(select(surges.c.source)) & exists().where(*behind)


def _replaces_what_is_there() -> ColumnElement[bool]:
    mine, former = completion_credits.alias("mine"), completion_credits.alias("former")
    other = credits_.alias("other")
    going = (other.c.state == State.WITHDRAWING) & ~other.c.resend
    asked = exists().where(letters.c.credit_row == other.c.id, *_open_question())
    return exists().where(
        *_own(mine),
        former.c.completion_id == mine.c.completion_id,
        ~former.c.stands,
        other.c.id == former.c.credit_id,
        or_(going, asked),
    )


def _was_taken_back() -> ColumnElement[bool]:
    mine = completion_credits.alias("mine")
    codes = (RETRACTED, RETRACTED_IN_PART)
    about = or_(*(letters.c.reasons.contains(f'"code":"{code}"') for code in codes))
    asked = letters.c.completion_id == mine.c.completion_id
    return exists().where(*_own(mine), asked, about, *_open_question())


def _own(mine: FromClause) -> tuple[ColumnElement[bool], ...]:
    return mine.c.credit_id == credits_.c.id, mine.c.stands


def _open_question() -> tuple[ColumnElement[bool], ...]:
    return letters.c.status == Status.OPEN, letters.c.stage == Stage.REVIEW
