"""The desk's result sheets: what came back for a report by file settles its credits, or nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.trail import remember
from consumer.fate import Found, Refused, Unclear
from consumer.fate import Verdict as BoardVerdict
from consumer.ledger.claims import Attempt, Claim, Claims, Settlement
from consumer.ledger.ledger import Ledger
from consumer.ledger.reportbook import UNANSWERED
from consumer.ledger.schema import credits_
from consumer.outcome import found, gone
from consumer.pars.port import CreditStatus, Reply
from consumer.pars.verdicts import decision_of, fate_of_save
from consumer.participant import Record
from consumer.reason import Reason, Stage
from consumer.reports.result import NO_STATUS, Fields, Result, Verdict
from consumer.reports.results import read_results
from consumer.tables.csvfile import TableProblem, TableProblems

_AT_ONCE = 500  # rows per statement, well below what SQLite takes

_SAYS = {
    State.ACCEPTED: Verdict.ACCEPTED,
    State.REJECTED: Verdict.REJECTED,
    State.ATTENTION: Verdict.ERROR,
    State.WITHDRAWN: Verdict.ACCEPTED,  # of a deletion
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sheet says of one credit of ours; the text may name a person."""

    row: int
    verdict: Verdict
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A result sheet, every row of it understood: what it settles, and what it leaves as it is."""

    answers: tuple[Answer, ...]
    pending: int
    settled_before: int
    notes: tuple[str, ...]

    def counts(self) -> Counter[str]:
        """Answers by what they say."""
        return Counter(answer.verdict.value for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Results:
    """Reads and applies result sheets; `report` and `activity` narrow what a sheet may speak of."""

    ledger: Ledger
    claims: Claims
    clock: Clock
    report: int | None = None
    activity: str = ""

    def read(self, path: Path) -> Sheet:
        """The sheet against the ledger; nothing is changed.

        Raises TableProblems with every problem: rows that cannot be read, credits that no file of
        ours reported, the same credit twice, another report's or activity's, an answer that
        contradicts an earlier one.
        """
        results = read_results(path)
        with self.ledger.read() as db:
            reader = _Reader(db, self, path.name)
            answers = [answer for one in results if (answer := reader.answer(one))]
        if reader.problems:
            raise TableProblems(reader.problems)
        notes = (f"line {one.line}: {note}" for one in results for note in one.notes)
        return Sheet(tuple(answers), reader.pending, reader.settled_before, tuple(notes))

    def apply(self, answers: Sequence[Answer], who: str, why: str) -> int:
        """Settle the credits, all of them in one transaction; gives how many."""
        now, said = self.clock.now(), {answer.row: answer for answer in answers}
        rows, settled = [*said], 0
        with self.ledger.begin() as db:
            for start in range(0, len(rows), _AT_ONCE):
                claims = self.claims.take(db, rows[start : start + _AT_ONCE], now)
                done = [settlement(claim, said[claim.row], now) for claim in claims]
                self.claims.settle(db, done, now)
                settled += len(done)
            about = f"report {self.report}" if self.report else f"{settled} credits"
            remember(db, self.ledger, now, who, "report.answered", about, why)
        return settled

    def unanswered(self) -> list[int]:
        """The rows of the report that nobody answered yet."""
        c = credits_.c
        query = select(c.id).where(c.report_id == self.report, c.report_action.is_not(None))
        with self.ledger.read() as db:
            return [*db.scalars(query.where(c.state.in_(UNANSWERED)))]


class _Reader:
    """Finds the credit of each row and keeps every problem."""

    def __init__(self, db: Connection, asked: Results, file: str) -> None:
        self._db, self._asked, self._file = db, asked, file
        self._seen: dict[int, int] = {}
        self._days: dict[tuple[str, date], dict[tuple[str, ...], list[Row[Any]]]] = {}
        self.problems: list[TableProblem] = []
        self.pending = self.settled_before = 0

    def answer(self, result: Result) -> Answer | None:
        """What is to be done about the row, None for nothing."""
        row = self._credit(result)
        if row is None:
            return None
        if self._seen.setdefault(row.id, result.line) != result.line:
            self._wrong(result, f"the same credit as in line {self._seen[row.id]}")
            return None
        if result.verdict is Verdict.PENDING and not self._is_news(result, row):
            self.pending += 1
            return None
        if _SAYS.get(State(row.state)) is result.verdict:
            self.settled_before += 1
            return None
        if row.state not in UNANSWERED:
            self._wrong(result, "something else is known of this credit already")
            return None
        return Answer(row.id, result.verdict, result.reason)

    def _is_news(self, result: Result, row: Row[Any]) -> bool:
        """PARS says that it has the row, and that was not certain."""
        return NO_STATUS not in result.notes and row.state == State.REPORTED

    def _credit(self, result: Result) -> Row[Any] | None:
        rows = [row for row in self._candidates(result) if row.report_action is not None]
        fits = [row for row in rows if self._is_asked_about(row)]
        if len(fits) == 1:
            return fits[0]
        if fits:
            self._wrong(result, "fits several credits; a sheet with CreditIDs tells them apart")
        elif rows:
            self._wrong(result, f"is about report {rows[0].report_id}, which was not asked for")
        else:
            self._wrong(result, "no file of ours reported such a credit")
        return None

    def _is_asked_about(self, row: Row[Any]) -> bool:
        report, activity = self._asked.report, self._asked.activity
        return report in (None, row.report_id) and activity in ("", row.activity)

    def _candidates(self, result: Result) -> Sequence[Row[Any]]:
        if result.credit_id:
            query = select(credits_).where(credits_.c.credit_id == result.credit_id)
            return self._db.execute(query).all()
        if result.fields is None:
            return ()
        day = self._day(result.fields.activity_id, result.fields.completed_on)
        rows, action = day.get(_named(result.fields), []), result.fields.action
        return [row for row in rows if action is None or row.report_action == action.value]

    def _day(self, activity_id: str, day: date) -> dict[tuple[str, ...], list[Row[Any]]]:
        """The credits of one activity and day by what a row names them with, opened once."""
        if (activity_id, day) not in self._days:
            named = defaultdict(list)
            for row in self._reported(activity_id, day):
                named[_name(self._asked.ledger.seal.open_record(row.sent))].append(row)
            self._days[activity_id, day] = named
        return self._days[activity_id, day]

    def _reported(self, activity_id: str, day: date) -> Iterator[Row[Any]]:
        c = credits_.c
        query = select(credits_).where(c.pars_activity_id == activity_id, c.completed_on == day)
        yield from self._db.execute(query.where(c.report_action.is_not(None)))

    def _wrong(self, result: Result, message: str) -> None:
        """Keep the problem; the row settles nothing."""
        self.problems.append(TableProblem(self._file, result.line, "", message))


def _name(record: Record) -> tuple[str, ...]:
    born = record.birth_date
    day = f"{born.month}/{born.day}" if born else ""
    return day, record.board.upper(), record.board_id, record.certification.casefold()


def _named(fields: Fields) -> tuple[str, ...]:
    day = f"{fields.birth_date.month}/{fields.birth_date.day}"
    return day, fields.board, fields.board_id, fields.credit_type.casefold()


def settlement(claim: Claim, answer: Answer, now: datetime) -> Settlement:
    """What an answer by file makes of the credit; a rejection by its reason's words."""
    attempts = (Attempt("file_answer", None, answer.verdict.value),)
    if claim.state is State.WITHDRAWING:
        if answer.verdict is Verdict.ACCEPTED:
            return gone(claim, attempts, now)
        again = {"report_action": None, "due_at": now}
        return Settlement(claim, State.WITHDRAWING, again, _refusal(answer.text), attempts)
    match answer.verdict:
        case Verdict.ACCEPTED:
            return found(claim, Found(BoardVerdict.ACCEPTED), attempts, now, now)
        case Verdict.PENDING:
            return found(claim, Found(BoardVerdict.PENDING), attempts, now, now)
        case Verdict.REJECTED:
            told = decision_of(CreditStatus("", "Rejected", answer.text))
            return found(claim, told, attempts, now, now)
    return Settlement(claim, State.ATTENTION, {}, _refusal(answer.text), attempts)


def _refusal(text: str) -> tuple[Reason, ...]:
    """PARS's words in a sheet, judged by the table that judges its web service's."""
    match fate_of_save(Reply(status=400, understood=True, message=text)):
        case Refused(reasons):
            return reasons
        case Unclear(reason):
            return (reason,)
    return (Reason(Stage.PARS, "refused_by_pars"),)
