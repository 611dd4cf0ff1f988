"""Work by what to do next: every completion that is not settled stands in one of these lists.

What is near its deadline stands in `at_risk` besides. A question about something that PARS has
stands in `attention`, whatever the thing itself waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    literal,
    literal_column,
    or_,
    select,
)

from consumer.credit import Heard, State
from consumer.desk.deadlines import OPEN
from consumer.desk.looking import Moment
from consumer.desk.numbers import number_in
from consumer.ledger.consents import CONSENT_WITHDRAWN
from consumer.ledger.letters import CLOSED_BY_HAND, Status
from consumer.ledger.links import source_is_held
from consumer.ledger.schema import (
    WAITING_HERE,
    WITH_REASONS,
    completions,
    credits_,
    letters,
    surges,
    switches,
)
from consumer.ledger.switches import withheld_as
from consumer.reason import Stage

TITLES = {
    "attention": "Needs attention",
    "consent": "Consent withdrawn after it was reported",
    "waiting": "Waiting for learner",
    "at_risk": "At risk",
    "rejected": "Rejected by the board",
    "release": "Waiting for release",
    "on_its_way": "On its way",
    "not_reportable": "Not reportable",
}
LISTS = tuple(TITLES)
"""The lists, in the order in which a coordinator works."""

_c, _k, _l = completions.c, credits_.c, letters.c
_CONSENT = f'[{{"stage":"{Stage.REVIEW.value}","code":"{CONSENT_WITHDRAWN}"'
UNMATCHED = '"code":"learner_unmatched"'
REASONED: ColumnElement[bool] = literal_column(f"({WITH_REASONS})")
"""Credits that say why they stand as they do."""
WAITING: ColumnElement[bool] = literal_column(f"({WAITING_HERE})")
"""Completions that wait, or need attention: as its index says it, so that it serves."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands: a letter's ID, or the number of a credit or a completion."""

    kind: str
    letter: str = ""
    credit: int | None = None
    completion: int | None = None
    due: date | None = None

    @property
    def number(self) -> int:
        """That of the credit or completion."""
        return self.completion or 0 if self.credit is None else self.credit


# ------------------------------------------------------------ what each list holds


def held() -> ColumnElement[bool]:
    """Completions that wait, and have no credit."""
    return and_(WAITING, _c.state == Heard.HELD)


def partly() -> ColumnElement[bool]:
    """Completions that one board has credited, and that wait for another."""
    return and_(_c.unfinished, _c.reasons != "[]")


def unmatched() -> ColumnElement[bool]:
    """Ready credits whose learner the board does not know."""
    return and_(_k.state == State.READY, REASONED, _k.reasons.contains(UNMATCHED))


def to_release() -> ColumnElement[bool]:
    """Ready credits that a person wants to look at first, or has rehearsed."""
    stands_still = or_(withheld_as() != "", source_is_held())
    return and_(_k.state == State.READY, ~_k.reasons.contains(UNMATCHED), stands_still)


def goes_by_itself() -> ColumnElement[bool]:
    """Ready credits that nothing and nobody keeps here."""
    strange = select(_k.id).where(unmatched())
    still = select(_k.id).where(to_release())
    return and_(_k.state == State.READY, _k.id.not_in(strange), _k.id.not_in(still))


def ready_to_go(db: Connection) -> ColumnElement[bool]:
    """The same, found faster where nothing is kept for a person."""
    if stands_still(db):
        return goes_by_itself()
    return and_(_k.state == State.READY, _k.id.not_in(select(_k.id).where(unmatched())))


MOVING = (State.SUBMITTING, State.SUBMITTED, State.REPORTED, State.WITHDRAWING)
"""Credits that go by themselves, or that a file has reported."""


def stands_still(db: Connection) -> bool:
    """Whether anything is kept for a person at all: as a rule nothing is."""
    return bool(
        db.scalar(select(exists(select(switches.c.name)) | exists(select(surges.c.source))))
    )


def asked() -> ColumnElement[bool]:
    """Open letters, but those that say what the list of rejected credits says."""
    about = and_(_k.id == _l.credit_row, _k.state == State.REJECTED)
    told = and_(_l.stage == Stage.BOARD, exists().where(about))
    return and_(_l.status == Status.OPEN, ~told, ~_l.reasons.startswith(_CONSENT))


def consent_asked() -> ColumnElement[bool]:
    """Questions about what was reported before its learner took the consent back."""
    return and_(_l.status == Status.OPEN, _l.reasons.startswith(_CONSENT))


def unasked_credits() -> ColumnElement[bool]:
    """Credits that need attention, and whose letter is gone; but for what a person closed."""
    about = and_(_l.credit_row == _k.id, _l.status == Status.OPEN)
    return and_(_k.state == State.ATTENTION, ~exists().where(about), ~_closed())


def rejected() -> ColumnElement[bool]:
    """Credits that the board has rejected, and that nobody has closed."""
    return and_(_k.state == State.REJECTED, ~_closed())


def _closed() -> ColumnElement[bool]:
    """Credits of which a person said that they shall stay as they are, and that do."""
    still = _k.state.in_((State.ATTENTION, State.REJECTED))
    closed = exists().where(and_(_l.credit_row == _k.id, _l.status.in_(CLOSED_BY_HAND)))
    asked_again = exists().where(and_(_l.credit_row == _k.id, _l.status == Status.OPEN))
    return and_(still, closed, ~asked_again)


def unasked_completions() -> ColumnElement[bool]:
    """Completions that need attention, and whose letter is gone."""
    about = and_(_l.completion_id == _c.id, _l.status == Status.OPEN)
    return and_(_c.state == Heard.REFUSED, ~exists().where(about))


# ------------------------------------------------------------ reading one


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of one list; `reason` is a code, blank means any.

    `after` is where the one before ended; what no page ended with means the first page.
    """

    name: str
    reason: str = ""
    limit: int = 50
    after: str = ""


def places(db: Connection, moment: Moment, wanted: Wanted) -> list[Place]:
    """The next places of a list, at most one more than its limit."""
    if wanted.name == "at_risk":
        return _risks(db, moment, wanted)
    kind, _, last = wanted.after.partition("-")
    found: list[Place] = []
    if wanted.name == "release" and not stands_still(db):
        return found
    parts = _parts(db, wanted)
    begun = next((at for at, (name, _, _) in enumerate(parts) if name == kind), 0)
    for name, query, number in parts[begun:]:
        room = wanted.limit + 1 - len(found)
        if room > 0:
            page = query.where(number > _key(name, last)) if name == kind else query
            rows = db.execute(page.order_by(number).limit(room)).all()
            found += [Place(**row._mapping) for row in rows]
    return found


def place_key(name: str, place: Place) -> str:
    """Where a page ends whose last place this is."""
    if name == "at_risk":
        return f"{place.due}_{place.kind}_{place.number}"
    return f"{place.kind}-{place.letter.removeprefix('dl-') or place.number}"


def _key(name: str, last: str) -> Any:
    return f"dl-{last}" if name == "l" else number_in(last)


def _parts(db: Connection, wanted: Wanted) -> Sequence[tuple[str, Any, ColumnElement[Any]]]:
    """Each kind of thing in a list: how it is called, how it is found, what orders it."""

    def by_credit(which: ColumnElement[bool], kind: str = "k") -> tuple[str, Any, Any]:
        query = select(literal(kind).label("kind"), _k.id.label("credit"))
        return kind, query.where(which, *_why(_k.reasons, wanted)), _k.id

    def heard(which: ColumnElement[bool], kind: str = "c") -> tuple[str, Any, Any]:
        query = select(literal(kind).label("kind"), _c.id.label("completion"))
        return kind, query.where(which, *_why(_c.reasons, wanted)), _c.id

    match wanted.name:
        case "attention":
            by_letter = select(literal("l").label("kind"), _l.id.label("letter"))
            letter = by_letter.where(asked(), *_why(_l.reasons, wanted))
            parts = [("l", letter, _l.id)]
            return [*parts, by_credit(unasked_credits()), heard(unasked_completions())]
        case "consent":
            by_letter = select(literal("l").label("kind"), _l.id.label("letter"))
            return [("l", by_letter.where(consent_asked(), *_why(_l.reasons, wanted)), _l.id)]
        case "waiting":
            return [heard(held()), heard(partly(), "p"), by_credit(unmatched())]
        case "rejected":
            return [by_credit(rejected())]
        case "release":
            return [by_credit(to_release())]
        case "on_its_way":
            return [
                by_credit(ready_to_go(db)),
                *(by_credit(_k.state == one, one.value) for one in MOVING),
            ]
        case "not_reportable":
            return [heard(_c.state == Heard.NOT_REPORTABLE)]
    raise ValueError(f"there is no list {wanted.name}")


def _why(reasons: ColumnElement[Any], wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    """Of what has several reasons, the first one counts: nothing stands in two groups."""
    if not wanted.reason:
        return ()
    return [or_(*(reasons.startswith(first_reason(stage, wanted.reason)) for stage in Stage))]


def first_reason(stage: Stage, code: str) -> str:
    """How packed reasons begin whose first one this is."""
    return f'[{{"stage":"{stage.value}","code":"{code}"'


def _risks(db: Connection, moment: Moment, wanted: Wanted) -> list[Place]:
    """Nearest deadline first, whatever stands in the way."""
    last = _Risk.read(wanted.after)
    found: list[tuple[_Risk, Place]] = []
    for kind, number, due, which in _kinds_at_risk(moment.watch.until):
        query = select(number.label("number"), due.label("due")).where(which)
        if last is not None:
            same = due == last.due
            later = and_(same, number > last.number) if kind == last.kind else same
            query = query.where(or_(due > last.due, later) if kind >= last.kind else due > last.due)
        rows = db.execute(query.order_by(due, number).limit(wanted.limit + 1))
        found += [(_Risk(row.due, kind, row.number), _at_risk(kind, row)) for row in rows]
    return [place for _, place in sorted(found, key=lambda one: one[0])[: wanted.limit + 1]]


@dataclass(frozen=True, slots=True, order=True)
class _Risk:
    """What orders what is at risk: the deadline, then the kind of thing, then its number."""

    due: date
    kind: str
    number: int

    @classmethod
    def read(cls, after: str) -> _Risk | None:
        day, kind, number = [*after.split("_"), "", ""][:3]
        try:
            due = date.fromisoformat(day)
        except ValueError:
            return None
        return cls(due, kind, number_in(number))


def _kinds_at_risk(
    until: date,
) -> list[tuple[str, ColumnElement[Any], ColumnElement[Any], ColumnElement[bool]]]:
    return [
        ("c", _c.id, _c.report_by, heard_at_risk(until)),
        ("k", _k.id, _k.report_by, credits_at_risk(until)),
        ("p", _c.id, _c.report_by, partly_at_risk(until)),
    ]


def heard_at_risk(until: date) -> ColumnElement[bool]:
    """Completions without credit that wait or need attention, and are due before that day."""
    return and_(WAITING, _c.report_by < until)


def partly_at_risk(until: date) -> ColumnElement[bool]:
    """Completions that wait for a further board until before that day."""
    return and_(partly(), _c.report_by < until)


def credits_at_risk(until: date) -> ColumnElement[bool]:
    """Credits that PARS has not taken, that nobody has closed, and that are due before that day."""
    resent = and_(_k.state == State.WITHDRAWING, _k.resend)
    return and_(_k.report_by < until, or_(_k.state.in_(OPEN), resent), ~_closed())


def _at_risk(kind: str, row: Any) -> Place:
    if kind == "k":
        return Place(kind, credit=row.number, due=row.due)
    return Place(kind, completion=row.number, due=row.due)
