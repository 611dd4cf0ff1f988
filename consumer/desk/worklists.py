"""The work lists as people see them: pages of items, and what each list holds by reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from consumer.credit import Heard
from consumer.desk.case import Case, CaseBook
from consumer.desk.kin import Gathering
from consumer.desk.lists import (
    LISTS,
    TITLES,
    Place,
    Wanted,
    asked,
    consent_asked,
    held,
    partly,
    place_key,
    places,
    rejected,
    unasked_completions,
    unasked_credits,
    unmatched,
)
from consumer.desk.looking import Desk
from consumer.desk.masking import masked_name
from consumer.desk.nextstep import Next, next_of
from consumer.desk.stepwords import lms
from consumer.desk.words import advice
from consumer.ledger.schema import completions, credits_, letters
from consumer.reason import Reason, unpack_reasons

__all__ = ["LISTS", "TITLES", "Group", "Wanted", "WorkItem", "WorkPage", "groups", "work_list"]


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to do, or to wait for; nothing in it names anybody.

    `name` is a credit's or completion's, blank for what could not be read; `person` the key of
    the person's page, blank where nobody knows whose it is; `who` their masked name.
    """

    name: str
    person: str
    who: str
    letter_id: str
    standing: str
    activity: str
    title: str
    heard_from: str
    reason: str
    happened: str
    next: Next
    since: str
    report_by: str
    at_risk: str


@dataclass(frozen=True, slots=True)
class WorkPage:
    """A page of a list; `after` begins the next one, blank on the last."""

    items: tuple[WorkItem, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Everything in a list that stands there for one reason: what happened, who can do what."""

    reason: str
    happened: str
    who: str
    how: str
    count: int
    oldest: str


def work_list(desk: Desk, wanted: Wanted) -> WorkPage:
    """The next items of a list. Raises ValueError for a list that is none."""
    with desk.ledger.read() as db:
        book = CaseBook(db, desk)
        found = places(db, book.moment, wanted)
        page = found[: wanted.limit]
        items = tuple(_Items(db, desk, book, page).all())
    more = len(found) > wanted.limit
    return WorkPage(items, place_key(wanted.name, page[-1]) if more and page else "")


def groups(desk: Desk, name: str) -> tuple[Group, ...]:
    """What a list holds, by reason, the most first; nothing for lists that have no reasons."""
    parts = _GROUPED.get(name, ())
    with desk.ledger.read() as db:
        rows = [row for part in parts for row in _counted(db, *part)]
    return tuple(_together(rows))


_GROUPED: dict[str, tuple[tuple[ColumnElement[Any], ColumnElement[Any], Any], ...]] = {
    "attention": (
        (letters.c.reasons, letters.c.first_failed_at, asked),
        (credits_.c.reasons, credits_.c.changed_at, unasked_credits),
        (completions.c.reasons, completions.c.heard_at, unasked_completions),
    ),
    "consent": ((letters.c.reasons, letters.c.first_failed_at, consent_asked),),
    "waiting": (
        (completions.c.reasons, completions.c.heard_at, held),
        (completions.c.reasons, completions.c.heard_at, partly),
        (credits_.c.reasons, credits_.c.changed_at, unmatched),
    ),
    "rejected": ((credits_.c.reasons, credits_.c.changed_at, rejected),),
    "not_reportable": (
        (
            completions.c.reasons,
            completions.c.heard_at,
            lambda: completions.c.state == Heard.NOT_REPORTABLE,
        ),
    ),
}


def _counted(
    db: Connection, reasons: ColumnElement[Any], since: ColumnElement[Any], which: Any
) -> Sequence[Row[Any]]:
    query = select(reasons.label("reasons"), func.count().label("n"), func.min(since).label("at"))
    return db.execute(query.where(which()).group_by(reasons)).all()


def _together(rows: Iterable[Row[Any]]) -> list[Group]:
    """One group for each first reason, whatever its detail."""
    found: dict[str, tuple[Reason, int, datetime]] = {}
    for row in rows:
        reasons = unpack_reasons(row.reasons)
        if reasons:
            first, (_, count, at) = reasons[0], found.get(reasons[0].code, (None, 0, row.at))
            found[first.code] = (first, count + row.n, min(at, row.at))
    groups_ = [_group(*one) for one in found.values()]
    return sorted(groups_, key=lambda group: (-group.count, group.reason))


def _group(reason: Reason, count: int, oldest: datetime) -> Group:
    told = advice(reason)
    at = oldest.isoformat(timespec="seconds")
    return Group(reason.code, told.happened, told.who, told.how, count, at)


class _Items:
    """Turns places into items: their cases, and whose they are."""

    def __init__(self, db: Connection, desk: Desk, book: CaseBook, found: Sequence[Place]) -> None:
        self._db, self._desk, self._book, self._places = db, desk, book, found
        self._letters = self._read_letters([one.letter for one in found if one.letter])
        about = [self._about(one) for one in found]
        by_credit = book.of_credits([credit for credit, _ in about if credit is not None])
        alone = book.of_completions([n for credit, n in about if credit is None and n is not None])
        self._credits = {case.credit: case for case in by_credit}
        self._heard = {n: case for case in alone for n in case.completions if case.credit is None}
        self._credited = {n: case for case in alone for n in case.completions}
        self._names = self._whose([*self._credits.values(), *alone])

    def all(self) -> list[WorkItem]:
        """One for each place, in their order."""
        return [self._item(place) for place in self._places]

    def _read_letters(self, ids: Sequence[str]) -> dict[str, Any]:
        c = letters.c
        columns = (c.id, c.reasons, c.source, c.completion_id, c.credit_row, c.activity)
        query = select(*columns, c.first_failed_at).where(c.id.in_(ids))
        return {row.id: row for row in self._db.execute(query)}

    def _about(self, place: Place) -> tuple[int | None, int | None]:
        if place.letter:
            row = self._letters[place.letter]
            return row.credit_row, row.completion_id
        return place.credit, place.completion

    def _whose(self, cases: Sequence[Case]) -> dict[int, str]:
        """The masked name behind each completion, as far as the table or a credit says it."""
        numbers = [number for case in cases for number in case.completions]
        gathering = Gathering(self._db, self._desk.ledger, self._desk.roster)
        return {n: masked_name(name) for n, name in gathering.names(numbers).items()}

    def _item(self, place: Place) -> WorkItem:
        row = self._letters.get(place.letter)
        credit, number = self._about(place)
        known = self._credits if credit is not None else {}
        case = known.get(credit) or self._heard.get(number or 0) or self._credited.get(number or 0)
        reason = unpack_reasons(row.reasons)[0] if row is not None else None
        if case is None:
            return self._unreadable(row, reason, place)
        if reason is None:
            reason = (case.also or case.reasons or (None,))[0]
        first = case.completions[0] if case.completions else 0
        told = advice(reason) if reason else None
        after = Next(told.how, told.who) if told and row is not None else None
        return WorkItem(
            name=case.name,
            person=f"p{first}" if first else "",
            who=self._names.get(first, ""),
            letter_id=place.letter or next((q.letter_id for q in case.questions), ""),
            standing=TITLES["attention"] if row is not None else case.standing,
            activity=case.activity,
            title=case.title,
            heard_from=", ".join(map(lms, case.sources)),
            reason=reason.code if reason else "",
            happened=told.happened if told else "",
            next=after or next_of(case, self._book.moment),
            since=_instant(_since(row, case)),
            report_by=str(case.report_by or ""),
            at_risk=case.at_risk,
        )

    def _unreadable(self, row: Row[Any] | None, reason: Reason | None, place: Place) -> WorkItem:
        told = advice(reason) if reason else None
        return WorkItem(
            name="",
            person="",
            who="",
            letter_id=place.letter,
            standing=TITLES["attention"],
            activity=row.activity if row is not None else "",
            title="",
            heard_from=lms(row.source) if row is not None else "",
            reason=reason.code if reason else "",
            happened=told.happened if told else "",
            next=Next(told.how, told.who) if told else Next("look at it", "coordinator"),
            since=_instant(row.first_failed_at if row is not None else None),
            report_by="",
            at_risk="",
        )


def _since(row: Any, case: Case) -> datetime | None:
    """Since when it waits: for a person, or as it stands."""
    return row.first_failed_at if row is not None else case.changed_at


def _instant(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
