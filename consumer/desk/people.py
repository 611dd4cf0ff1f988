"""Find anyone by anything: people, each with how their completions stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from sqlalchemy import Connection

from consumer.desk.case import Case, CaseBook, deadline_of, worst
from consumer.desk.identity import AccountShown, identity_of
from consumer.desk.kin import Gathering, Kin
from consumer.desk.looking import Desk
from consumer.desk.numbers import number_in
from consumer.desk.roster import Entry
from consumer.desk.seeking import sought
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions

NOTHING_HEARD = "Nothing heard"
_HEARD, _LISTED = "p", "t"
_CHUNK = 30
"""Completions looked at together: few enough to be quick, enough for most pages."""


@dataclass(frozen=True, slots=True)
class Find:
    """What is looked for; blank means any. `after` is where the page before ended."""

    text: str = ""
    activity: str = ""
    state: str = ""
    limit: int = 25
    after: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One person as a line of a list: nothing in it may be read by itself.

    `key` leads to the person's page, and says nothing about them. `counts` are how many of their
    credits and completions have each standing, `standing` is what most needs to be seen.
    """

    key: str
    name: str
    email: str
    board_ids: tuple[str, ...]
    npi: str
    accounts: tuple[AccountShown, ...]
    listed: bool
    counts: tuple[tuple[str, int], ...]
    standing: str
    report_by: date | None
    at_risk: str
    last_heard: str

    @property
    def cases(self) -> int:
        """How many credits and completions there are."""
        return sum(count for _, count in self.counts)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of people; `after` begins the next one, blank on the last."""

    people: tuple[Person, ...]
    after: str = ""


def find_people(desk: Desk, wanted: Find) -> Found:
    """Those who were heard of, latest first; then those whom the learners table alone knows."""
    with desk.ledger.read() as db:
        search = _Search(db, desk, wanted)
        kin = search.page()
        cases = cases_of(CaseBook(db, desk), kin)
        people = tuple(person_of(desk, one, mine) for one, mine in zip(kin, cases, strict=True))
    return Found(people, search.after)


def cases_of(book: CaseBook, people: Sequence[Kin]) -> list[list[Case]]:
    """Each person's cases."""
    found = book.of_completions([number for one in people for number in one.completions])
    owner = {number: at for at, one in enumerate(people) for number in one.completions}
    mine: list[list[Case]] = [[] for _ in people]
    for case in found:
        for at in dict.fromkeys(owner[number] for number in case.completions if number in owner):
            mine[at].append(case)
    return mine


def person_of(desk: Desk, kin: Kin, cases: Sequence[Case]) -> Person:
    """The line of one person."""
    identity = identity_of(kin, desk.ledger.identity, revealed=False)
    first = worst(cases)
    heard = max((case.changed_at for case in cases), default=None)
    risks = [case for case in cases if case.at_risk]
    soonest = min(risks, key=lambda case: case.report_by or date.max, default=None)
    return Person(
        key=key_of(desk.ledger, kin),
        name=identity.name,
        email=identity.email,
        board_ids=identity.board_ids,
        npi=identity.npi,
        accounts=identity.accounts,
        listed=bool(kin.entries),
        counts=tuple(Counter(case.standing for case in cases).most_common()),
        standing=first.standing if first else NOTHING_HEARD,
        report_by=deadline_of(cases),
        at_risk=soonest.at_risk if soonest else "",
        last_heard=heard.isoformat(timespec="seconds") if heard else "",
    )


def key_of(ledger: Ledger, kin: Kin) -> str:
    """What a person is called in an address: any completion of theirs leads to them, the first is
    taken; of whom nothing was heard, a keyed hash of their row.
    """
    if kin.completions:
        return f"{_HEARD}{kin.completions[0]}"
    entry = kin.entries[0]
    return _LISTED + row_key(ledger, entry.site, entry.learner)


def row_key(ledger: Ledger, site: str, learner: str) -> str:
    """The keyed hash of a row of the learners table."""
    return ledger.identity.digest("learner-row", site, learner)[:24]


def entry_of(desk: Desk, key: str) -> Entry | None:
    """The row that a key of the table's means, None if there is none."""
    if key[:1] != _LISTED or len(key) != 25:
        return None
    entries = desk.roster.entries
    return next((e for e in entries if row_key(desk.ledger, e.site, e.learner) == key[1:]), None)


class _Search:
    """One page: completions newest first, and the people behind them, each once."""

    def __init__(self, db: Connection, desk: Desk, wanted: Find) -> None:
        self._db, self._desk, self._wanted = db, desk, wanted
        self._fits = sought(desk, wanted.text, wanted.state, wanted.activity)
        self._gathering = Gathering(db, desk.ledger, desk.roster)
        self._told: set[int] = set()
        self._from, _, number = wanted.after.partition("-")
        self._place = number_in(number)
        self.after = ""

    def page(self) -> list[Kin]:
        """The people of this page; `after` then says where it ended."""
        found: list[Kin] = []
        ended = ""
        for place, kin in self._everybody():
            if len(found) == self._wanted.limit:
                self.after = ended
                return found
            found.append(kin)
            self._told.update(kin.completions)
            ended = place
        return found

    def _everybody(self) -> Iterator[tuple[str, Kin]]:
        if self._from != _LISTED:
            yield from self._heard(self._place)
        # Of whom nothing was heard there is neither state nor activity.
        if self._wanted.text and not (self._wanted.state or self._wanted.activity):
            yield from self._listed(self._place if self._from == _LISTED else -1)

    def _heard(self, start: int) -> Iterator[tuple[str, Kin]]:
        last, c = start, completions.c
        while True:
            query = self._fits.where(c.id < last) if last else self._fits
            numbers = self._db.scalars(query.order_by(c.id.desc()).limit(_CHUNK)).all()
            theirs = {n: kin for kin in self._gathering.of(numbers) for n in kin.completions}
            for last in numbers:
                kin = theirs[last]
                if last not in self._told and not self._was_told(kin, start):
                    yield f"{_HEARD}-{last}", kin
            if len(numbers) < _CHUNK:
                return

    def _was_told(self, kin: Kin, start: int) -> bool:
        """Whether an earlier page has this person."""
        newer = [number for number in kin.completions if start and number >= start]
        return bool(newer) and self._any_fits(newer)

    def _any_fits(self, numbers: Sequence[int]) -> bool:
        query = self._fits.where(completions.c.id.in_(numbers)).limit(1)
        return self._db.scalar(query) is not None

    def _listed(self, start: int) -> Iterator[tuple[str, Kin]]:
        roster, text = self._desk.roster, self._wanted.text
        matching = (one for one in roster.matching(text) if one.number > start)
        while some := [*islice(matching, _CHUNK)]:
            people = self._gathering.of((), some)
            owner = {e: kin for kin in people for e in kin.entries}
            numbers = [number for kin in people for number in kin.completions]
            fit = {*self._db.scalars(self._fits.where(completions.c.id.in_(numbers)))}
            for entry in some:
                kin = owner[entry]
                first = next(one for one in kin.entries if roster.fits(one, text))
                if first is entry and fit.isdisjoint(kin.completions):
                    yield f"{_LISTED}-{entry.number}", kin
