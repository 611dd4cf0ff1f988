"""The desk's audit trail: who did what, when, to what and why; looked through and opened."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, or_, select

from consumer.clock import Clock
from consumer.desk.deadletters import Shown
from consumer.desk.trail import remember
from consumer.desk.trailwords import meaning
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import attempts, audit, completion_credits, credits_, letters

HIDDEN = "•••"
_COMPLETION = re.compile("c[0-9]{1,18}")


class NoSuchRow(Exception):
    """The trail has no row of this number."""


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which rows to list, newest first; blank or None means any.

    `what` is a word, or the part of it before the dot, such as `credit`. `subject` is as it was
    written; a CreditID, or a completion's number such as c12, means everything about that credit:
    its earlier IDs, its completions, its dead letters; a table's name all its versions. `since`
    and `until` are instants, both included. `below` leaves out rows from this number on: the number
    of the last row shown gives the next page.
    """

    who: str = ""
    what: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    below: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One row in full; why and the values are dots unless they were asked for."""

    number: int
    at: datetime
    who: str
    what: str
    means: str
    subject: str
    why: str = field(repr=False)
    before: Mapping[str, str] = field(repr=False)
    after: Mapping[str, str] = field(repr=False)
    revealed: bool = False


def list_trail(ledger: Ledger, wanted: TrailFilter) -> list[Shown]:
    """A row for each thing that people did, newest first; nothing sealed is opened."""
    with ledger.read() as db:
        query = select(audit).where(*_conditions(db, wanted)).order_by(audit.c.id.desc())
        return [_brief(row) for row in db.execute(query.limit(wanted.limit))]


def show_row(ledger: Ledger, number: int) -> TrailRow:
    """One row; which fields changed is told, why and the values are hidden. Raises NoSuchRow."""
    with ledger.read() as db:
        return _opened(ledger, _row(db, number), reveal=False)


def reveal_row(ledger: Ledger, number: int, who: str, clock: Clock) -> TrailRow:
    """One row with everything in it; that `who` looked is remembered. Raises NoSuchRow."""
    with ledger.begin() as db:
        found = _row(db, number)
        remember(db, ledger, clock.now(), who, "audit.revealed", f"audit {number}")
    return _opened(ledger, found, reveal=True)


def _row(db: Connection, number: int) -> Row[Any]:
    row = db.execute(select(audit).where(audit.c.id == number)).one_or_none()
    if row is None:
        raise NoSuchRow(f"the audit trail has no row {number}")
    return row


def _conditions(db: Connection, wanted: TrailFilter) -> list[ColumnElement[bool]]:
    a = audit.c
    found: list[ColumnElement[bool]] = []
    if wanted.who:
        found.append(a.who == wanted.who)
    if wanted.what:
        found.append(or_(a.what == wanted.what, a.what.startswith(wanted.what + ".")))
    if wanted.subject:
        named = a.subject.in_({wanted.subject, *_other_names(db, wanted.subject)})
        found.append(or_(named, a.subject.startswith(wanted.subject + " ", autoescape=True)))
    if wanted.since:
        found.append(a.at >= wanted.since)
    if wanted.until:
        found.append(a.at <= wanted.until)
    if wanted.below is not None:
        found.append(a.id < wanted.below)
    return found


def _other_names(db: Connection, name: str) -> set[str]:
    """What else stands in the trail for the credit, or the completion, of this name, if it is one.

    Its CreditIDs, the numbers of its completions, and the dead letters about any of them.
    """
    k, tries, link = credits_.c, attempts.c, completion_credits.c
    behind = {int(name[1:])} if _COMPLETION.fullmatch(name) else set()
    earlier = select(tries.credit_row).where(tries.credit_id == name)
    led_to = select(link.credit_id).where(link.completion_id.in_(behind))
    means = or_(k.credit_id == name, k.id.in_(earlier), k.id.in_(led_to))
    mine = [*db.scalars(select(k.id).where(means))]
    behind |= {*db.scalars(select(link.completion_id).where(link.credit_id.in_(mine)))}
    ids = {*db.scalars(select(k.credit_id).where(k.id.in_(mine), k.credit_id.is_not(None)))}
    ids |= {*db.scalars(select(tries.credit_id).where(tries.credit_row.in_(mine)).distinct())}
    return ids | {f"c{number}" for number in behind} | _letters_about(db, mine, behind)


def _letters_about(db: Connection, mine: Collection[int], behind: Collection[int]) -> set[str]:
    c = letters.c
    of_completions = c.completion_id.in_(behind) & c.credit_row.is_(None)
    return {*db.scalars(select(c.id).where(or_(c.credit_row.in_(mine), of_completions)))}


def _brief(row: Row[Any]) -> Shown:
    return {
        "number": row.id,
        "at": row.at.isoformat(timespec="seconds"),
        "who": row.who,
        "what": row.what,
        "means": meaning(row.what),
        "subject": row.subject,
        "why": HIDDEN if row.why else "",
        "values": HIDDEN if row.change else "",
    }


def _opened(ledger: Ledger, row: Row[Any], *, reveal: bool) -> TrailRow:
    change = orjson.loads(ledger.seal.open(row.change)) if row.change else {}
    why = ledger.seal.open(row.why.encode()).decode() if row.why else ""
    return TrailRow(
        number=row.id,
        at=row.at,
        who=row.who,
        what=row.what,
        means=meaning(row.what),
        subject=row.subject,
        why=why if reveal or not why else HIDDEN,
        before=_shown(change.get("before", {}), reveal=reveal),
        after=_shown(change.get("after", {}), reveal=reveal),
        revealed=reveal,
    )


def _shown(values: Mapping[str, str], *, reveal: bool) -> dict[str, str]:
    return {name: text if reveal or not text else HIDDEN for name, text in values.items()}
