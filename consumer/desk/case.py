"""Cases: each credit, and each completion that is none, with all that the desk tells of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.credit import WORDS, Heard, State
from consumer.desk.behind import Asked, Behind, Question, behind
from consumer.desk.closed import closed_credits
from consumer.desk.looking import Desk, Moment
from consumer.desk.standing import WAITING_FOR_PARS, standing_of
from consumer.ledger.letters import Status
from consumer.ledger.links import waits
from consumer.ledger.schema import completion_credits, completions, credits_, letters
from consumer.ledger.switches import withheld_as
from consumer.reason import Reason, unpack_reasons
from consumer.release import RELEASE_WORDS, Mode
from consumer.rules import completion_date

_HEARD = [
    completions.c[name]
    for name in (
        "id source site course state reasons unfinished report_by closes_on said heard_at"
        " changed_at mapping purged_at"
    ).split()
]
_CREDIT = [
    credits_.c[name]
    for name in (
        "id credit_id state profile board credit_type activity completed_on points report_by"
        " closes_on reasons resend tries due_at submitted_at decided_at report_id created_at"
        " changed_at purged_at"
    ).split()
] + [withheld_as().label("withheld")]


@dataclass(frozen=True, slots=True)
class Case:
    """One credit with the completions behind it, or one completion of which there is no credit.

    `name` is what commands and pages call it. `reasons` say why it stands as it does, `also` what
    another board of the activity waits for; `questions` are open letters about it. `waits`: it may
    not be sent before something else is settled, such as the credit whose place it takes.
    `withheld` is the mode of a switch that keeps it here. `closed` says how a person closed what
    was open about the credit, which stays as it is; blank otherwise. `purged_at`: nothing of the
    learner is kept since then.
    """

    name: str
    completions: tuple[int, ...]
    credit: int | None
    state: State | Heard
    standing: str
    activity: str
    title: str
    courses: tuple[str, ...]
    sources: tuple[str, ...]
    board: str
    credit_type: str
    points: str
    completed_on: date | None
    report_by: date | None
    closes_on: date | None
    at_risk: str
    reasons: tuple[Reason, ...]
    also: tuple[Reason, ...]
    questions: tuple[Question, ...]
    profile: str
    heard_at: datetime | None
    changed_at: datetime
    due_at: datetime | None = None
    tries: int = 0
    resend: bool = False
    report_id: int | None = None
    waits: bool = False
    withheld: str = ""
    closed: str = ""
    purged_at: datetime | None = None

    @property
    def reason(self) -> Reason | None:
        """The first reason that still says anything."""
        if self.questions:
            return self.questions[0].reason
        return self.reasons[0] if self.reasons else None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to happen or to do."""
        done = self.state in _SETTLED or bool(self.closed)
        return done and not self.questions and not self.also

    @property
    def weight(self) -> int:
        """How much it needs to be seen; more is worse."""
        if self.closed:
            return 0
        if self.questions and self.state is not State.REJECTED:
            return len(_ORDER)
        return len(_ORDER) - _ORDER.index(self.standing) if self.standing in _ORDER else 0


CLOSED = "Closed"
"""How a credit stands of which a person said that it shall stay as PARS and the board left it."""
_SETTLED = {
    State.ACCEPTED, State.WITHDRAWN, Heard.RETRACTED, Heard.NOT_REPORTABLE,
}  # fmt: skip
_ORDER = [
    WORDS[State.ATTENTION],
    WORDS[State.REJECTED],
    WORDS[Heard.HELD],
    RELEASE_WORDS[Mode.HOLD],
    WAITING_FOR_PARS,
    WORDS[State.READY],
    RELEASE_WORDS[Mode.SHADOW],
    WORDS[State.REPORTED],
    WORDS[State.SUBMITTED],
    WORDS[State.WITHDRAWING],
    WORDS[Heard.NOT_REPORTABLE],
    WORDS[State.ACCEPTED],
    WORDS[State.WITHDRAWN],
]


class CaseBook:
    """Reads cases out of the ledger, many at once."""

    def __init__(self, db: Connection, desk: Desk, moment: Moment | None = None) -> None:
        self._db, self._desk = db, desk
        self.moment = desk.moment(db) if moment is None else moment

    def of_completions(self, numbers: Sequence[int]) -> list[Case]:
        """Every case of these completions; the newest change first."""
        heard = self._heard(numbers)
        link = completion_credits.c
        query = select(link.completion_id, link.stands, *_CREDIT).join(
            credits_, credits_.c.id == link.credit_id
        )
        rows = self._db.execute(query.where(link.completion_id.in_(numbers))).all()
        return self._cases(heard, [row for row in rows if _tells(row)])

    def of_credits(self, numbers: Sequence[int]) -> list[Case]:
        """The cases of these credits, and of nothing else; the newest change first."""
        link = completion_credits.c
        query = (
            select(link.completion_id, link.stands, *_CREDIT)
            .select_from(credits_.outerjoin(completion_credits, link.credit_id == credits_.c.id))
            .where(credits_.c.id.in_(numbers))
        )
        rows = self._db.execute(query).all()
        heard = self._heard([row.completion_id for row in rows if row.completion_id is not None])
        return self._cases(heard, rows, alone=False)

    def _heard(self, numbers: Sequence[int]) -> dict[int, Row[Any]]:
        query = select(*_HEARD).where(completions.c.id.in_(numbers))
        return {row.id: row for row in self._db.execute(query)}

    def _cases(
        self, heard: dict[int, Row[Any]], linked: Sequence[Row[Any]], *, alone: bool = True
    ) -> list[Case]:
        """`alone`: those of completions that no credit tells of, too."""
        links: defaultdict[int, list[Row[Any]]] = defaultdict(list)
        for row in linked:
            links[row.id].append(row)
        asked = self._questions([*heard], [*links])
        waiting = self._waiting([row.id for row in linked if row.state == State.READY])
        still = {row.id for row in linked if row.state in (State.ATTENTION, State.REJECTED)}
        closed = closed_credits(self._db, self._desk.ledger, still)
        cases = [
            self._credit(
                behind(rows, heard, asked), waits=number in waiting, closed=closed.get(number, "")
            )
            for number, rows in links.items()
        ]
        told = {row.completion_id for row in linked}
        cases += [
            self._completion(row, asked)
            for row in heard.values()
            if alone and (row.state != Heard.CREDITED or row.id not in told)
        ]
        return sorted(cases, key=lambda case: case.changed_at, reverse=True)

    def _waiting(self, ready: Sequence[int]) -> set[int]:
        if not ready:
            return set()
        query = select(credits_.c.id).where(credits_.c.id.in_(ready), waits())
        return {*self._db.scalars(query)}

    def _questions(self, numbers: list[int], credit_rows: list[int]) -> Asked:
        """Open letters, by the completion and the credit that they are about."""
        c = letters.c
        columns = (c.id, c.first_failed_at, c.reasons, c.completion_id, c.credit_row)
        query = select(*columns).where(c.status == Status.OPEN)
        # One after the other: asked for both, a database looks at every open letter.
        rows = {
            row.id: row
            for column, some in ((c.completion_id, numbers), (c.credit_row, credit_rows))
            if some
            for row in self._db.execute(query.where(column.in_(some)))
        }
        found: defaultdict[tuple[int | None, int | None], list[Question]] = defaultdict(list)
        for row in sorted(rows.values(), key=lambda one: (one.first_failed_at, one.id)):
            question = Question(row.id, unpack_reasons(row.reasons)[0])
            found[None if row.credit_row else row.completion_id, row.credit_row].append(question)
        return found

    # ------------------------------------------------------------ one case

    def _credit(self, told: Behind, *, waits: bool, closed: str) -> Case:
        row, first = told.row, told.heard[0] if told.heard else None
        state, reasons = State(row.state), unpack_reasons(row.reasons)
        closed = "" if told.questions else closed
        return Case(
            name=row.credit_id or (f"c{first.id}" if first else f"k{row.id}"),
            completions=tuple(one.id for one in told.heard),
            credit=row.id,
            state=state,
            standing=CLOSED if closed else self._standing(state, reasons, row),
            activity=row.activity,
            title=self._title(first, row.activity),
            courses=tuple(dict.fromkeys(one.course for one in told.heard)),
            sources=tuple(dict.fromkeys(one.source for one in told.heard)),
            board=row.board,
            credit_type=row.credit_type,
            points=row.points,
            completed_on=row.completed_on,
            report_by=row.report_by,
            closes_on=row.closes_on,
            at_risk=self._credit_at_risk(told, state, closed=bool(closed)),
            reasons=reasons if state not in (State.SUBMITTED, State.ACCEPTED) else (),
            also=told.also,
            questions=told.questions,
            profile=row.profile,
            heard_at=min((one.heard_at for one in told.heard), default=None),
            changed_at=row.changed_at,
            due_at=row.due_at,
            tries=row.tries,
            resend=row.resend,
            report_id=row.report_id,
            waits=waits,
            withheld=row.withheld,
            closed=closed,
            purged_at=row.purged_at,
        )

    def _credit_at_risk(self, told: Behind, state: State, *, closed: bool) -> str:
        """How near the credit's own deadline is, or that of another board which waits."""
        row = told.row
        own = "" if closed else self._at_risk(state, row.report_by, resend=row.resend)
        if own or not told.also:
            return own
        return self._at_risk(Heard.HELD, told.also_by, resend=False)

    def _completion(self, row: Row[Any], asked: Asked) -> Case:
        state = Heard(row.state)
        said = self._desk.ledger.seal.open_said(row.said)
        activities = self._desk.tables.activities.find(row.site, row.course)
        zone = activities[0].zone if activities else None
        day = said.completed if zone is None else completion_date(said.completed, zone)
        return Case(
            name=f"c{row.id}",
            completions=(row.id,),
            credit=None,
            state=state,
            standing=WORDS[state],
            activity=activities[0].activity if activities else row.course,
            title=self._title(row, row.course),
            courses=(row.course,),
            sources=(row.source,),
            board="",
            credit_type="",
            points="",
            completed_on=day.date() if isinstance(day, datetime) else day,
            report_by=row.report_by,
            closes_on=row.closes_on,
            at_risk=self._at_risk(state, row.report_by, resend=False),
            reasons=unpack_reasons(row.reasons),
            also=(),
            questions=tuple(asked.get((row.id, None), ())),
            profile=activities[0].profile if activities else "",
            heard_at=row.heard_at,
            changed_at=row.changed_at,
            purged_at=row.purged_at,
        )

    def _standing(self, state: State, reasons: tuple[Reason, ...], row: Row[Any]) -> str:
        away = row.profile in self.moment.away
        return standing_of(state, reasons[0] if reasons else None, row.withheld, away=away)

    def _at_risk(self, state: State | Heard, report_by: date | None, *, resend: bool) -> str:
        return self.moment.watch.standing(state, report_by, resend=resend)

    def _title(self, row: Row[Any] | None, activity: str) -> str:
        """What the office calls the course; blank where the table does not say."""
        found = self._desk.tables.activities.find(row.site, row.course) if row else ()
        named = [one.title for one in found if one.activity == activity] or [
            one.title for one in found
        ]
        return named[0] if named else ""


def _tells(row: Row[Any]) -> bool:
    """What was withdrawn before it ever left is nobody's credit."""
    return bool(row.stands) or row.credit_id is not None or row.state != State.WITHDRAWN


def worst(cases: Iterable[Case]) -> Case | None:
    """The one that most needs to be seen, None of none."""
    return max(cases, key=lambda case: case.weight, default=None)


def deadline_of(cases: Iterable[Case]) -> date | None:
    """The earliest day by which anything open has to be reported."""
    return min(_open_deadlines(cases), default=None)


def _open_deadlines(cases: Iterable[Case]) -> Iterator[date]:
    for case in cases:
        if not case.settled and case.report_by and case.state is not State.SUBMITTED:
            yield case.report_by
