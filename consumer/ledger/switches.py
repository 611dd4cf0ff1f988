"""Switches: whose credits wait for a coordinator's release, and whose are only rehearsed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    literal,
    or_,
    select,
)

from consumer.credit import State
from consumer.ledger.database import upsert
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, completions, credits_, switches
from consumer.release import Mode, Subject

_s = switches.c
UNRELEASED = credits_.c.released_at.is_(None)


def withheld() -> ColumnElement[bool]:
    """Whether a ready credit of `credits` waits for a release, or is rehearsed."""
    return or_(_in(Mode.SHADOW), and_(UNRELEASED, _in(Mode.HOLD)))


def withheld_as() -> ColumnElement[str]:
    """The mode that keeps a credit of `credits` from being sent; blank if none does."""
    ready = credits_.c.state == State.READY
    return case(
        (and_(ready, _in(Mode.SHADOW)), literal(Mode.SHADOW.value)),
        (and_(ready, UNRELEASED, _in(Mode.HOLD)), literal(Mode.HOLD.value)),
        else_=literal(""),
    )


def concerned(kind: Subject, names: Iterable[str]) -> ColumnElement[bool]:
    """Whether a credit of `credits` is of one of these activities or sources."""
    if kind is Subject.ACTIVITY:
        return credits_.c.activity.in_([*names])
    # All of a source's at once: looked up one by one, half of a ledger's credits take long.
    link, c = completion_credits.c, completions.c
    theirs = select(link.credit_id).join(completions, c.id == link.completion_id)
    return credits_.c.id.in_(theirs.where(link.stands, c.source.in_([*names])))


def _in(mode: Mode) -> ColumnElement[bool]:
    """Whether its activity, or the source of a completion behind it, has this mode."""
    # As a rule no source has one: then no completion is looked at.
    some = exists(select(_s.name).where(_s.kind == Subject.SOURCE))
    names = completions.c.source.in_(_named(Subject.SOURCE, mode))
    return or_(
        credits_.c.activity.in_(_named(Subject.ACTIVITY, mode)), and_(some, _stands_on(names))
    )


def _named(kind: Subject, mode: Mode) -> Select[Any]:
    # It names no credit: a database reads it once, not once for each credit.
    return select(_s.name).where(_s.kind == kind, _s.mode == mode)


def _stands_on(of_completion: ColumnElement[bool]) -> ColumnElement[bool]:
    link = completion_credits.c
    mine = (link.credit_id == credits_.c.id, link.stands, completions.c.id == link.completion_id)
    return exists().where(*mine, of_completion).correlate(credits_)


# ---------------------------------------------------------------- turned


def turn(
    db: Connection, ledger: Ledger, kind: Subject, name: str, mode: Mode, at: datetime,
    who: str, why: str,
) -> None:  # fmt: skip
    """The switch of one activity or source stands here from now on."""
    if mode is Mode.AUTOMATIC:
        db.execute(delete(switches).where(_s.kind == kind, _s.name == name))
        return
    values = {"mode": mode.value, "since": at, "who": who, "why": ledger.seal.seal_text(why)}
    new = upsert(db, switches).values(kind=kind.value, name=name, **values)
    db.execute(new.on_conflict_do_update(index_elements=["kind", "name"], set_=values))


def mode_of(db: Connection, kind: Subject, name: str) -> Mode:
    """Where the switch of one activity or source stands."""
    mode = db.scalar(select(_s.mode).where(_s.kind == kind, _s.name == name))
    return Mode(mode) if mode else Mode.AUTOMATIC


def modes(db: Connection, kind: Subject) -> dict[str, Mode]:
    """The activities, or the sources, whose credits do not go by themselves."""
    rows = db.execute(select(_s.name, _s.mode).where(_s.kind == kind))
    return {row.name: Mode(row.mode) for row in rows}
