"""One person: who they are, and everything that was heard of them, with what happens next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from consumer.desk.case import Case, CaseBook
from consumer.desk.identity import Identity, identity_of
from consumer.desk.kin import Gathering, Kin
from consumer.desk.looking import Desk, Moment
from consumer.desk.nextstep import Next, next_of
from consumer.desk.numbers import number_in
from consumer.desk.people import Person, cases_of, entry_of, person_of
from consumer.desk.purged import purged_on
from consumer.desk.stepwords import lms
from consumer.desk.timeline import Step, timelines
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.ledger.schema import completions
from consumer.reason import Reason


class NoSuchPerson(Exception):
    """No person has this key."""


@dataclass(frozen=True, slots=True)
class Told:
    """One credit or completion, in words; `completions` are the numbers of those behind it.

    `happened` says why it stands as it does, blank where there is nothing to say; `waits_for` what
    each further board of the activity lacks; `letters` are the questions open about it.
    """

    name: str
    completions: tuple[int, ...]
    standing: str
    activity: str
    title: str
    heard_from: str
    board: str
    credit_type: str
    points: str
    completed_on: str
    report_by: str
    at_risk: str
    happened: tuple[str, ...]
    next: Next
    waits_for: tuple[str, ...]
    letters: tuple[str, ...]
    timeline: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One person whole; `note` says what to look at where nothing was heard."""

    person: Person
    identity: Identity
    cases: tuple[Told, ...]
    note: str


def show_person(desk: Desk, key: str) -> PersonPage:
    """The person of a key that `find_people` gave, masked. Raises NoSuchPerson."""
    with desk.ledger.read() as db:
        return _page(db, desk, kin_of(db, desk, key), revealed=False)


def reveal_person(desk: Desk, key: str, who: str) -> PersonPage:
    """The same with all that is known of them readable; remembered. Raises NoSuchPerson."""
    with desk.ledger.begin() as db:
        page = _page(db, desk, kin_of(db, desk, key), revealed=True)
        subject = page.person.key
        remember(db, desk.ledger, desk.clock.now(), who, "learner.revealed", subject)
    return page


def told_of(db: Connection, cases: list[Case], moment: Moment) -> Iterator[Told]:
    """Each case in words, with its timeline."""
    for case, steps in zip(cases, timelines(db, cases), strict=True):
        yield replace(told(case, moment), timeline=steps)


def told(case: Case, moment: Moment) -> Told:
    """One case in words, without its timeline."""
    reasons = [one.reason for one in case.questions] or [*case.reasons]
    return Told(
        name=case.name,
        completions=case.completions,
        standing=case.standing,
        activity=case.activity,
        title=case.title,
        heard_from=", ".join(map(lms, case.sources)),
        board=case.board,
        credit_type=case.credit_type,
        points=case.points,
        completed_on=str(case.completed_on or ""),
        report_by=str(case.report_by or ""),
        at_risk=case.at_risk,
        happened=_happened(case, reasons),
        next=next_of(case, moment),
        waits_for=tuple(
            ": ".join(filter(None, (one.detail, advice(one).happened))) for one in case.also
        ),
        letters=tuple(one.letter_id for one in case.questions),
        timeline=(),
    )


def _happened(case: Case, reasons: Sequence[Reason]) -> tuple[str, ...]:
    if case.purged_at is not None:
        return (purged_on(case.purged_at),)
    return tuple(dict.fromkeys(advice(one).happened for one in reasons))


def kin_of(db: Connection, desk: Desk, key: str) -> Kin:
    """Whose key that is. Raises NoSuchPerson."""
    gathering = Gathering(db, desk.ledger, desk.roster)
    number = number_in(key[1:]) if key[:1] == "p" else 0
    if number and db.scalar(select(completions.c.id).where(completions.c.id == number)):
        return gathering.of([number])[0]
    if entry := entry_of(desk, key):
        return gathering.of([], [entry])[0]
    raise NoSuchPerson(f"nobody has the key {key}")


def _page(db: Connection, desk: Desk, kin: Kin, *, revealed: bool) -> PersonPage:
    book = CaseBook(db, desk)
    (cases,) = cases_of(book, [kin])
    ordered = sorted(cases, key=lambda case: case.weight, reverse=True)
    return PersonPage(
        person_of(desk, kin, cases),
        identity_of(kin, desk.ledger.identity, revealed=revealed),
        tuple(told_of(db, ordered, book.moment)),
        _note(kin),
    )


def _note(kin: Kin) -> str:
    """What to look at when a person says that something is missing, and nothing was heard."""
    if kin.completions:
        return ""
    users = ", ".join(dict.fromkeys(entry.site or "every LMS" for entry in kin.entries))
    return (
        "nothing heard from any LMS for this person yet; check that the LMS has the course as"
        " completed, that it sends its completions, and that the user ID in the learners table"
        f" ({users}) is the one that the LMS sends"
    )
