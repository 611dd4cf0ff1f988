"""Why a credit is as it is: the rows of mapping and tables, and the rules, that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from consumer.board import Boards
from consumer.clock import Clock
from consumer.credit import Heard, State
from consumer.desk.credits import WITHHELD, CreditPurged, NoSuchCredit, lines_of
from consumer.desk.standing import standing_of
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.journey import House
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import events_kept
from consumer.ledger.schema import completions, credits_
from consumer.mapping.mapping import Mapping
from consumer.mapping.said import Said
from consumer.mapping.trial import Attempt, try_mapping
from consumer.participant import Record
from consumer.reason import Stopped, unpack_reasons
from consumer.rules import completion_date
from consumer.tables.activities import Activity
from consumer.tables.lines import activity_lines, learner_lines


@dataclass(frozen=True, slots=True)
class Account:
    """One LMS's account of a completion: where it was heard, and how today's mapping reads it.

    `rows` hold values of the event; `remarks` say what is otherwise than when it was heard.
    """

    heard: str
    mapping: str
    file: str
    rows: tuple[tuple[int, Attempt], ...]
    tables: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What made a credit; nothing personal outside the rows of its accounts."""

    subject: str
    standing: str
    accounts: tuple[Account, ...]
    rules: tuple[str, ...]
    waits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explaining:
    """One person's question; `tables` is the folder of the tables' files."""

    ledger: Ledger
    house: House
    tables: Path
    clock: Clock

    def explain(self, credit_id: str) -> Explanation:
        """By today's mappings and tables. Raises NoSuchCredit."""
        c, k = completions.c, credits_.c
        with self.ledger.read() as db:
            lines = db.execute(lines_of(credit_id)).all()
            if not lines:
                raise NoSuchCredit(f"nothing is known of {credit_id}")
            for line in lines:
                if (at := line._mapping[k.purged_at] or line._mapping[c.purged_at]) is not None:
                    raise CreditPurged(credit_id, at)
            numbers = dict.fromkeys(line._mapping[c.id] for line in lines)
            accounts = tuple(self._account(db, number) for number in numbers if number is not None)
        first = lines[0]._mapping
        credited = first[k.id] is not None
        reasons = unpack_reasons(first[k.reasons] if credited else first[c.reasons])
        state = State(first[k.state]) if credited else Heard(first[c.state])
        record = self.ledger.seal.open_record(first[k.record]) if credited else None
        said = self.ledger.seal.open_said(first[c.said]) if first[c.said] else None
        return Explanation(
            subject=(first[k.credit_id] if credited else "") or f"c{first[c.id]}",
            standing=standing_of(state, reasons[0] if reasons else None, first[WITHHELD]),
            accounts=accounts,
            rules=tuple(self._rules(said, record)) if record else (),
            waits=tuple(f"{advice(one).happened}; {advice(one).how}" for one in reasons),
        )

    def revealed(self, subject: str, who: str) -> None:
        """Remember that somebody looked at the values."""
        with self.ledger.begin() as db:
            remember(db, self.ledger, self.clock.now(), who, "credit.revealed", subject)

    # ------------------------------------------------------------ what the LMS said

    def _account(self, db: Connection, number: int) -> Account:
        row = db.execute(select(completions).where(completions.c.id == number)).one()
        origin = CreditBook(db, self.ledger, self.clock.now()).origin_of(row)
        version = f"{row.mapping} version {row.mapping_version}"
        at = row.heard_at.isoformat(timespec="seconds")
        heard = f"{at}, {origin.topic}/{origin.partition}/{origin.offset}"
        known = self.ledger.seal.open_said(row.said)
        tables = tuple(self._table_lines(known))
        try:
            event = events_kept(self.ledger.seal, origin, self.house)[0]
            mapping = self.house.catalogue.recognise(event)
        except Stopped as stopped:
            told = f"today no mapping reads it: {advice(stopped.reasons[0]).happened}"
            return Account(heard, version, "", (), tables, (told,))
        trial = try_mapping(mapping, event)
        rows = tuple((one.line, tried) for one, tried in zip(mapping.rows, trial.rows, strict=True))
        remarks = tuple(_remarks(mapping, row.mapping, row.mapping_version))
        return Account(heard, version, mapping.file, rows, tables, remarks)

    # ------------------------------------------------------------ what the tables said

    def _table_lines(self, said: Said) -> Iterator[str]:
        rows = activity_lines(self.tables, said.site, said.course, said.occurrence)
        found = self.house.tables.activities.find(said.site, said.course, said.occurrence)
        for line, row in zip(rows, found, strict=False):
            yield f"activities.csv line {line}: {_of_activity(row)}"
        if not found:
            yield "activities.csv: no row for this site and course"
        lines = learner_lines(self.tables, said.site, said.learner)
        learners = self.house.tables.learners.find(said.site, said.learner)
        for line, learner in zip(lines, learners, strict=False):
            has = "a board ID" if learner.board_id else "no board ID"
            agreed = "consent" if learner.consents_to(learner.board) else "no consent"
            yield f"learners.csv line {line}: {learner.board}, {has}, {agreed}"
        if not learners:
            yield "learners.csv: no row for this learner"

    # ------------------------------------------------------------ what the rules made of it

    def _rules(self, said: Said | None, record: Record) -> Iterator[str]:
        boards: Boards = self.house.tables.boards
        activity = self._activity(said, record) if said else None
        if said and activity:
            yield from _dated(said, activity, record)
            yield _points(said, activity, record)
        elif said:
            yield "the tables have no such activity for this course any more"
        board = boards.get(record.board)
        if board:
            yield f"{record.board}: the board ID must have {board.id_rule}, and has"
        if record.report_by:
            yield f"to be reported by {record.report_by}" + (
                f"; PARS closes that year on {record.closes_on}" if record.closes_on else ""
            )
        if record.occurrence:
            yield "the activity can be credited repeatedly: this is one occurrence of it"

    def _activity(self, said: Said, record: Record) -> Activity | None:
        found = self.house.tables.activities.find(said.site, said.course, said.occurrence)
        mine = [
            row for row in found if (row.activity, row.board) == (record.activity, record.board)
        ]
        return mine[0] if mine else None


def _remarks(mapping: Mapping, name: str, version: int) -> Iterator[str]:
    if (mapping.name, mapping.version) != (name, version):
        yield f"today it is read by {mapping.name} version {mapping.version}, as shown here"


def _of_activity(row: Activity) -> str:
    types = " and ".join(row.credit_types)
    number = f"PARS activity {row.pars_activity_id}" if row.ours else "not ours"
    return f"{row.activity}, {number}, {row.board}, {types}, at most {row.max_points}"


def _dated(said: Said, activity: Activity, record: Record) -> Iterator[str]:
    zone = activity.zone.key
    if isinstance(said.completed, datetime):
        day = completion_date(said.completed, activity.zone)
        yield f"the time of completion is {day} in {zone}, the activity's zone"
    else:
        yield "the LMS gives a date without a time; it is taken as it is"
    if record.completed_on != completion_date(said.completed, activity.zone):
        yield f"reported is {record.completed_on}: another completion or step dates this credit"
    if period := _period(activity.starts, activity.ends):
        yield f"the activity runs {period}, and that day lies within"


def _period(starts: date, ends: date) -> str:
    from_ = "" if starts == date.min else f"from {starts}"
    to = "" if ends == date.max else f"to {ends}"
    return " ".join(filter(None, (from_, to)))


def _points(said: Said, activity: Activity, record: Record) -> str:
    if activity.points_basis == "registered":
        return f"everyone earns what is registered: {record.points} {record.credit_type}"
    claimed = "" if said.points is None else f" {said.points}"
    return f"the learner claimed{claimed}, of at most {activity.max_points} {record.credit_type}"
