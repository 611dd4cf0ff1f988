"""Reports by file in the ledger: which credits stand in which file, since when (design 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from consumer.credit import Identity, State
from consumer.ledger.ledger import Ledger
from consumer.ledger.links import waits
from consumer.ledger.outcomebook import Outcome, tell
from consumer.ledger.schema import attempts, credits_, reports
from consumer.pars.port import Action
from consumer.participant import Record
from consumer.reports.entry import Entry

Rows = Sequence[Row[Any]]
Marked = Sequence[Mapping[str, Any]]

FIRST_ASK = timedelta(hours=1)
"""A file is not uploaded the moment it is written: before that PARS need not be asked."""
OPEN = (State.REPORTED, State.WITHDRAWING)
"""States of credits that stand in a file of which nobody knows whether PARS has it."""
UNANSWERED = (*OPEN, State.SUBMITTED)
"""States of credits that stand in a file and were not decided yet."""


class Form(StrEnum):
    """What kind of file."""

    EXCEL = "excel"
    XML = "xml"


class Standing(StrEnum):
    """How far a report is."""

    WRITING = "writing"  # its credits are marked; its file is not known to be whole
    WRITTEN = "written"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one report is to hold: a profile's credits of one activity, `without` some of them."""

    profile: str
    activity: str
    by_file: bool
    restored: bool = False
    without: frozenset[int] = frozenset()


def reportable(by_file: Sequence[str], *, restored: bool = False) -> ColumnElement[bool]:
    """Ready, and surely not posted; with profiles that only report by file, withdrawals too.

    What a restored backup may have forgotten was reported only if a person says so: `restored`.
    """
    c, add = credits_.c, attempts.c.action == Action.ADD.value
    posted = exists().where(attempts.c.credit_row == c.id, add)
    known = true() if restored else c.restored_at.is_(None)
    ready = and_(c.state == State.READY, or_(c.ask.is_(False), ~posted), ~waits(), known)
    leaving = and_(
        c.state == State.WITHDRAWING,
        c.profile.in_(by_file),
        func.coalesce(c.report_action, "") != Action.DELETE.value,
    )
    return or_(ready, leaving)


def four_fields(identity: Identity, record: Record) -> str:
    """The keyed hash of what PARS is asked by where a file had no CreditIDs (dossier 3.1)."""
    born = record.birth_date
    day = f"{born.month:02d}-{born.day:02d}" if born else ""
    facts = (record.pars_activity_id, str(record.completed_on), day, record.board, record.board_id)
    return identity.digest("four-fields", *facts)


class ReportBook:
    """Opens reports, marks their credits, gives them back."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def open(self, form: Form, batch: Batch, who: str) -> int:
        """A new report without credits; gives its number."""
        values = {
            "status": Standing.WRITING.value,
            "form": form.value,
            "profile": batch.profile,
            "activity": batch.activity,
            "who": who,
            "created_at": self._now,
        }
        statement = insert(reports).values(values).returning(reports.c.id)
        return int(self._db.execute(statement).scalar_one())

    def mark(self, number: int, form: Form, batch: Batch, domain: str, most: int) -> int:
        """Put at most `most` credits into the report; gives how many, 0 when none is left.

        From here nothing posts them, whether or not the file is ever finished.
        """
        c = credits_.c
        wanted = [c.profile == batch.profile, c.activity == batch.activity]
        by_file = [batch.profile] if batch.by_file else []
        which = reportable(by_file, restored=batch.restored)
        if batch.without:
            wanted.append(c.id.not_in(batch.without))
        query = select(credits_).where(*wanted, which).order_by(c.report_by, c.id).limit(most)
        rows = self._db.execute(query).all()
        marked = [self._marked(row, number, form, domain) for row in rows]
        if marked:
            bound = [{f"new_{name}": value for name, value in one.items()} for one in marked]
            self._db.execute(_MARKING, bound)
            self._log(rows, marked, f"report_{number}")
            self._tell(rows, marked)
        return len(marked)

    def _marked(self, row: Row[Any], number: int, form: Form, domain: str) -> dict[str, Any]:
        leaving, identity = row.state == State.WITHDRAWING, self._ledger.identity
        sent = row.sent if leaving else row.record
        values = {
            "row": row.id,
            "state": row.state if leaving else State.REPORTED.value,
            "report_id": number,
            "report_action": (Action.DELETE if leaving else Action.ADD).value,
            "credit_id": row.credit_id or identity.credit_id(row.key, domain, row.revision),
            "sent": sent,
            "reasons": row.reasons if leaving else "[]",
            "four_fields": row.four_fields,
            "submitted_at": row.submitted_at if leaving else self._now,
            "restored_at": row.restored_at if leaving else None,
            "due_at": self._now + FIRST_ASK,
        }
        if form is Form.EXCEL and not leaving:
            record = self._ledger.seal.open_record(sent)
            values["four_fields"] = four_fields(identity, record)
        return values

    def _log(self, rows: Rows, marked: Marked, outcome: str) -> None:
        done = [
            {
                "credit_row": row.id,
                "credit_id": values["credit_id"],
                "fence": row.fence,
                "action": f"file_{values['report_action'][:3]}",
                "at": self._now,
                "outcome": outcome,
            }
            for row, values in zip(rows, marked, strict=True)
        ]
        self._db.execute(insert(attempts), done)

    def _tell(self, rows: Rows, marked: Marked) -> None:
        told = [
            Outcome.of(row, values["credit_id"], State.REPORTED.value, values["reasons"])
            for row, values in zip(rows, marked, strict=True)
            if values["state"] == State.REPORTED
        ]
        tell(self._db, self._ledger, told, self._now)

    def close(self, number: int, files: Sequence[str], rows: int) -> None:
        """Its files are whole and where people find them."""
        done = update(reports).where(reports.c.id == number)
        names = orjson.dumps(files).decode()
        self._db.execute(done.values(status=Standing.WRITTEN.value, files=names, rows=rows))

    def undo(self, number: int) -> int:
        """Give back what the report still holds: PARS is asked before anything is sent."""
        c = credits_.c
        again = {"ask": True, "due_at": self._now, "absent_at": None, "tries": 0}
        back = self._free(number, State.REPORTED, {"state": State.READY.value} | again)
        leaving = c.report_action == Action.DELETE.value
        back += self._free(number, State.WITHDRAWING, {"due_at": self._now}, leaving)
        undone = update(reports).where(reports.c.id == number)
        self._db.execute(undone.values(status=Standing.UNDONE.value))
        return back

    def _free(
        self, number: int, state: State, values: dict[str, Any], *more: ColumnElement[bool]
    ) -> int:
        c = credits_.c
        values |= {"report_action": None, "lease_until": None, "changed_at": self._now}
        values["fence"] = c.fence + 1
        done = update(credits_).where(c.report_id == number, c.state == state, *more)
        return self._db.execute(done.values(values)).rowcount


def entries(connection: Connection, ledger: Ledger, number: int) -> Iterator[Entry]:
    """What the report's file is to hold, read as it is asked for."""
    c = credits_.c
    query = select(c.sent, c.report_action, c.credit_id).where(c.report_id == number)
    # Of this query alone: the beginning of a transaction is no cursor on a server.
    query = query.where(c.state.in_(OPEN)).execution_options(yield_per=500)
    for row in connection.execute(query.order_by(c.report_by, c.id)):
        record = ledger.seal.open_record(row.sent)
        yield Entry(record, Action(row.report_action), row.credit_id)


_CHANGED = [
    *"state report_id report_action credit_id sent reasons".split(),
    *"four_fields submitted_at restored_at due_at".split(),
]
_MARKING = (
    update(credits_)
    .where(credits_.c.id == bindparam("new_row"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
    .values(fence=credits_.c.fence + 1, lease_until=None)
)
