"""The lines of an audit pack: a few hundred rows at a time, sealed columns one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, not_, or_, select

from consumer.credit import WORDS, Heard, State
from consumer.desk.auditscope import Scope, pair_of
from consumer.desk.credits import WITHHELD, waits_for_steps
from consumer.desk.purged import purged_on
from consumer.desk.standing import standing_of
from consumer.desk.words import advice
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import (
    attempts,
    audit,
    completion_credits,
    completions,
    credits_,
    letters,
)
from consumer.mapping.said import Said
from consumer.participant import Record
from consumer.reason import Reason, unpack_reasons
from consumer.reports.audit import Line, Unreported
from consumer.rules import completion_date
from consumer.tables import Tables
from consumer.tables.activities import Activity as TableRow
from consumer.tables.learners import Learner

_AT_ONCE = 200
_IDLE = ("revealed", "declined", "released")
"""To have looked at something, to have left it as it was, or let it go, corrects nothing."""
_WAYS = {"add": "web service", "file_add": "file"}
_NOT_KNOWN = "not in the learners table"
_UNSENT = (State.READY, State.SUBMITTING)
# Before, or instead of, having been taken by PARS a credit may come to these as well.
_PERHAPS = (State.ATTENTION, State.WITHDRAWING, State.WITHDRAWN)
_NO_CREDIT = (Heard.HELD, Heard.REFUSED, Heard.NOT_REPORTABLE, Heard.RETRACTED)

_c = credits_.c
_TAKEN = and_(
    _c.state.not_in(_UNSENT), or_(_c.state.not_in(_PERHAPS), _c.submitted_at.is_not(None))
)
# What was withdrawn before PARS had it is told by the completion that it came from.
_UNTAKEN = and_(not_(_TAKEN), _c.state != State.WITHDRAWN)

Rows = Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class Hand:
    """Who put a credit right, or sent it round again, last."""

    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What some credits stand on: the first completion of each, hands, requests to PARS."""

    heard: dict[int, Row[Any]] = field(default_factory=dict)
    hands: dict[int, Hand] = field(default_factory=dict)
    ways: dict[int, str] = field(default_factory=dict)


class AuditLines:
    """Reads one activity's lines over one connection, which is one view of the ledger."""

    def __init__(self, db: Connection, ledger: Ledger, tables: Tables, scope: Scope) -> None:
        self._db, self._seal, self._tables, self._scope = db, ledger.seal, tables, scope

    def reported(self) -> Iterator[Line]:
        """Every credit that PARS was given, by day; what it was given last."""
        for rows in self._credits(_TAKEN):
            around = self._around(rows)
            yield from (self._line(row, around) for row in rows)

    def unreported(self) -> Iterator[Unreported]:
        """Every credit that PARS was not given yet, then every completion that became none."""
        for rows in self._credits(_UNTAKEN):
            around = self._around(rows)
            yield from (self._untaken(row, around) for row in rows)
        for rows in self._without_credit():
            for row in rows:
                if told := self._waiting(row):
                    yield told

    def without_credit(self) -> Iterator[tuple[int, Heard, tuple[Reason, ...], list[TableRow]]]:
        """What became no credit, or waits for one board more, and why.

        Gives the completion's number, how it stands, its reasons and its rows of the table.
        """
        for part in self._without_credit():
            for row in part:
                if placed := self._placed(self._seal.open_said(row.said), row):
                    yield (row.id, *placed)

    # ------------------------------------------------------------ reported

    def _credits(self, which: Any) -> Iterator[Rows]:
        query = select(credits_, WITHHELD).where(self._scope.credits(), which)
        return self._in_parts(query.order_by(_c.completed_on, _c.id))

    def _in_parts(self, query: Any) -> Iterator[Rows]:
        found = self._db.execute(query.execution_options(yield_per=_AT_ONCE))
        return iter(found.partitions(_AT_ONCE))

    def _line(self, row: Row[Any], around: Around) -> Line:
        record = self._seal.open_record(row.sent or row.record)
        hand = around.hands.get(row.id, Hand())
        return Line(
            learner=_learner_of(row, record),
            board=record.board,
            board_id=record.board_id,
            credit_type=record.credit_type,
            points=record.points,
            completed_on=record.completed_on,
            reported_at=row.submitted_at,
            reported_way=around.ways.get(row.id, ""),
            corrected_by=hand.who,
            corrected_at=hand.at,
            answer=_answer(row),
            answered_at=row.changed_at if row.state == State.WITHDRAWN else row.decided_at,
            **self._consent(around.heard.get(row.id), record.board),
        )

    def _consent(self, heard: Row[Any] | None, board: str) -> dict[str, Any]:
        learner = self._learner(self._seal.open_said(heard.said), {board}) if heard else None
        if learner is None:
            return {"consent": _NOT_KNOWN}
        return {
            "consent": "yes" if learner.consents_to(board) else "no",
            "consent_on": _day(learner.consent_on),
            "consent_how": learner.consent_how,
            "consent_boards": ", ".join(sorted(learner.consent_boards)) or "all boards",
        }

    def _learner(self, said: Said, boards: set[str]) -> Learner | None:
        rows = self._tables.learners.find(said.site, said.learner)
        return next((row for row in rows if row.board in boards), rows[0] if rows else None)

    # ------------------------------------------------------------ not reported

    def _untaken(self, row: Row[Any], around: Around) -> Unreported:
        record, heard = self._seal.open_record(row.record), around.heard.get(row.id)
        reasons = unpack_reasons(row.reasons)
        return Unreported(
            learner=_learner_of(row, record),
            board=record.board,
            board_id=record.board_id,
            credit_type=record.credit_type,
            completed_on=record.completed_on,
            standing=standing_of(State(row.state), reasons[0] if reasons else None, row.withheld),
            since=row.changed_at,
            source=heard.source if heard else "",
            **_told(reasons),
        )

    def _without_credit(self) -> Iterator[Rows]:
        activities = self._tables.activities
        courses = {course for _, course, row in activities if pair_of(row) in self._scope.pairs}
        c = completions.c
        # One board may have its credit while another still waits.
        halfway = and_(c.state == Heard.CREDITED, c.unfinished, c.reasons != "[]")
        waits = or_(c.state.in_(_NO_CREDIT), halfway)
        query = select(completions).where(c.course.in_(sorted(courses)), waits)
        return self._in_parts(query.order_by(c.state, c.id))

    def _waiting(self, row: Row[Any]) -> Unreported | None:
        said = self._seal.open_said(row.said)
        placed = self._placed(said, row)
        if placed is None:
            return None
        state, reasons, rows = placed
        day = completion_date(said.completed, rows[0].zone)
        learner = self._learner(said, {one.board for one in rows})
        return Unreported(
            learner=purged_on(row.purged_at) if row.purged_at else _named(learner, said),
            board=", ".join(sorted({one.board for one in rows})),
            board_id=learner.board_id if learner else "",
            credit_type="; ".join(dict.fromkeys(t for one in rows for t in one.credit_types)),
            completed_on=day,
            standing=WORDS[state],
            since=row.changed_at,
            source=row.source,
            **_told(reasons, row.closes_on),
        )

    def _placed(
        self, said: Said, row: Row[Any]
    ) -> tuple[Heard, tuple[Reason, ...], list[TableRow]] | None:
        reasons = unpack_reasons(row.reasons)
        state, rows = Heard(row.state), self._meant(said)
        if state is Heard.CREDITED:
            state, rows = Heard.HELD, self._awaited(rows, reasons)
        if not rows or not self._scope.covers(completion_date(said.completed, rows[0].zone)):
            return None
        return state, reasons, rows

    def _awaited(self, rows: list[TableRow], reasons: Sequence[Reason]) -> list[TableRow]:
        """The rows of the boards that are still waited for, which their reasons name."""
        boards, named = self._tables.boards, {reason.detail for reason in reasons}
        return [row for row in rows if boards[row.board].spelled("prose") in named]

    def _meant(self, said: Said) -> list[TableRow]:
        """The rows of this activity that a completion belongs to: by its day, where one fits."""
        rows = self._tables.activities.find(said.site, said.course)
        ours = [row for row in rows if pair_of(row) in self._scope.pairs]
        fitting = [row for row in rows if _within(said, row)]
        return [row for row in ours if row in fitting] if fitting else ours

    # ------------------------------------------------------------ around credits

    def _around(self, rows: Rows) -> Around:
        numbers = [row.id for row in rows]
        a = attempts.c
        added = select(a.credit_row, a.action).where(a.credit_row.in_(numbers), a.action.in_(_WAYS))
        ways = {row.credit_row: _WAYS[row.action] for row in self._db.execute(added.order_by(a.id))}
        return Around(self._first_heard(numbers), self._hands(rows), ways)

    def _first_heard(self, numbers: Sequence[int]) -> dict[int, Row[Any]]:
        link = completion_credits.c
        query = (
            select(link.credit_id.label("credit"), completions)
            .join(completions, completions.c.id == link.completion_id)
            .where(link.credit_id.in_(numbers))
            .order_by(completions.c.id.desc())
        )
        return {row.credit: row for row in self._db.execute(query)}

    def _hands(self, rows: Rows) -> dict[int, Hand]:
        """Who acted last on a credit: on any revision of it, or on a letter about it."""
        subjects = self._subjects([row.id for row in rows])
        subjects |= {row.credit_id: row.id for row in rows if row.credit_id}
        a = audit.c
        query = select(audit).where(a.subject.in_(list(subjects)))
        for idle in _IDLE:
            query = query.where(a.what.not_like(f"%.{idle}"))
        done = self._db.execute(query.order_by(a.id))
        return {subjects[act.subject]: Hand(act.who, act.at) for act in done}

    def _subjects(self, numbers: Sequence[int]) -> dict[str, int]:
        tries, link, letter = attempts.c, completion_credits.c, letters.c
        posted = select(tries.credit_id, tries.credit_row).where(tries.credit_row.in_(numbers))
        own = select(letter.id, letter.credit_row).where(letter.credit_row.in_(numbers))
        behind = (
            select(letter.id, link.credit_id)
            .join(completion_credits, link.completion_id == letter.completion_id)
            .where(link.credit_id.in_(numbers), letter.credit_row.is_(None))
        )
        queries = (posted.distinct(), own, behind)
        found = dict(tuple(row) for query in queries for row in self._db.execute(query))
        # A credit that has no CreditID yet goes by the number of its completion.
        linked = select(link.completion_id, link.credit_id).where(link.credit_id.in_(numbers))
        return found | {f"c{row.completion_id}": row.credit_id for row in self._db.execute(linked)}


def _answer(row: Row[Any]) -> str:
    state, reasons = State(row.state), unpack_reasons(row.reasons)
    if state in (State.REJECTED, State.ATTENTION) and reasons:
        return f"{WORDS[state]}: {advice(reasons[0]).happened}"
    return "none yet" if state in (State.SUBMITTED, State.REPORTED) else WORDS[state]


def _told(reasons: Sequence[Reason], closes_on: date | None = None) -> dict[str, str]:
    told = [advice(reason) for reason in reasons]
    steps = waits_for_steps(reasons, closes_on)
    why = [one.happened for one in told] + ([f"waits for {steps}"] if steps else [])
    return {
        "why": "; ".join(dict.fromkeys(why)),
        "who": ", ".join(dict.fromkeys(one.who for one in told)),
        "next_step": "; ".join(dict.fromkeys(one.how for one in told)),
    }


def _learner_of(row: Row[Any], record: Record) -> str:
    if row.purged_at is not None:
        return purged_on(row.purged_at)
    return f"{record.given_name} {record.family_name}"


def _named(learner: Learner | None, said: Said) -> str:
    return f"{learner.given_name} {learner.family_name}" if learner else f"LMS user {said.learner}"


def _within(said: Said, row: TableRow) -> bool:
    return row.starts <= completion_date(said.completed, row.zone) <= row.ends


def _day(text: str) -> date | str | None:
    """A date as it stands in the table; what is none stays as the office wrote it."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return text
