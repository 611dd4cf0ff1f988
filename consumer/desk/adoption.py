"""At go-live: credits that PARS has already are taken over, so that a backfill doubles none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.trail import remember
from consumer.journey import House
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.reportbook import four_fields
from consumer.ledger.schema import credits_
from consumer.pars.port import Action
from consumer.participant import Record
from consumer.reports.result import Fields, Result, Verdict
from consumer.reports.results import read_results
from consumer.tables.activities import Activity, Repeats
from consumer.tables.csvfile import TableProblem, TableProblems

_STATES = {
    Verdict.ACCEPTED: State.ACCEPTED,
    Verdict.PENDING: State.SUBMITTED,
    Verdict.REJECTED: State.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Known:
    """One credit that PARS has: as whose, under which CreditID if the sheet tells, how decided."""

    record: Record = field(repr=False)
    credit_id: str
    state: State


@dataclass(frozen=True, slots=True)
class Adoption:
    """Reads a sheet of what PARS has, and writes it into the ledger as reported before our time."""

    ledger: Ledger
    house: House
    clock: Clock

    def read(self, path: Path) -> list[Known]:
        """What PARS has, by the sheet; rows that it did not take are left out.

        Raises TableProblems with every problem; then nothing of the sheet may be used.
        """
        reader = _Reader(self.house, path.name)
        wanted = [one for one in read_results(path, all_fields=True) if one.verdict in _STATES]
        known = [found for one in wanted if (found := reader.known(one))]
        if reader.problems:
            raise TableProblems(reader.problems)
        return known

    def apply(self, known: list[Known], who: str, why: str) -> int:
        """Write those that the ledger does not know or has not sent; gives how many that were.

        A credit of which anything was sent stays as it is.
        """
        now = self.clock.now()
        with self.ledger.begin() as db:
            written = sum(self._write(db, one, now) for one in known)
            remember(db, self.ledger, now, who, "credits.adopted", f"{written} credits", why)
        return written

    def _write(self, db: Connection, known: Known, now: datetime) -> bool:
        key = self.ledger.identity.credit_key(known.record)
        row = db.execute(select(credits_).where(credits_.c.key == key)).one_or_none()
        if row is not None and not _unsent(row):
            return False
        book = CreditBook(db, self.ledger, now)
        values = book.facts(known.record) | self._standing(known, now)
        if row is None:
            values |= {"key": key, "created_at": now} | book.names(known.record)
            db.execute(insert(credits_).values(values))
        else:
            values["fence"] = credits_.c.fence + 1
            db.execute(update(credits_).where(credits_.c.id == row.id).values(values))
        return True

    def _standing(self, known: Known, now: datetime) -> dict[str, Any]:
        by_fields = four_fields(self.ledger.identity, known.record)
        return {
            "state": known.state.value,
            "report_action": Action.ADD.value,  # a later result sheet may decide it
            "credit_id": known.credit_id or None,
            "four_fields": None if known.credit_id else by_fields,
            "sent": self.ledger.seal.seal_json(known.record),
            "ask": True,
            "submitted_at": now,
            "decided_at": None if known.state is State.SUBMITTED else now,
            "due_at": now,
            "changed_at": now,
        }


def _unsent(row: Row[Any]) -> bool:
    return row.state == State.READY and row.sent is None and row.credit_id is None


class _Reader:
    """Finds the office's activity behind each row and keeps every problem."""

    def __init__(self, house: House, file: str) -> None:
        self._house, self._file = house, file
        self._seen: dict[tuple[str, ...], int] = {}
        self.problems: list[TableProblem] = []

    def known(self, result: Result) -> Known | None:
        """The row as a credit, None when something is wrong with it."""
        fields = result.fields
        if fields is None:
            return None  # told by line and column already
        activity = self._activity(result, fields)
        if activity is None:
            return None
        record = self._record(fields, activity)
        if record is None:
            self._wrong(result, "the activity gives no such type of credit")
            return None
        name = (record.activity, record.board, record.board_id, record.credit_type)
        if self._seen.setdefault(name, result.line) != result.line:
            self._wrong(result, f"the same credit as in line {self._seen[name]}")
            return None
        return Known(record, result.credit_id, _STATES[result.verdict])

    def _activity(self, result: Result, fields: Fields) -> Activity | None:
        found = list(self._activities(fields))
        if not found:
            self._wrong(result, "no row of the activities table has this PARS activity and board")
        elif found[0].repeats is not Repeats.NONE:
            self._wrong(result, "the activity allows repeats: leave it out, and use ask_first")
        else:
            return found[0]
        return None

    def _activities(self, fields: Fields) -> Iterator[Activity]:
        for _, _, one in self._house.tables.activities:
            same = (one.pars_activity_id, one.board) == (fields.activity_id, fields.board)
            if same and one.ours and one.starts <= fields.completed_on <= one.ends:
                yield one

    def _record(self, fields: Fields, activity: Activity) -> Record | None:
        board = self._house.tables.boards[activity.board]
        given = fields.credit_type.casefold()
        named = {t: board.certification(t) or t for t in activity.credit_types}
        fits = [t for t in named if given in (t.casefold(), named[t].casefold())]
        if not fits:
            return None
        provider = self._house.providers[activity.profile]
        return Record(
            profile=activity.profile,
            provider_id=provider.provider_id,
            provider_name=provider.name,
            activity=activity.activity,
            pars_activity_id=activity.pars_activity_id,
            title=activity.title,
            given_name=fields.given_name,
            family_name=fields.family_name,
            birth_date=fields.birth_date,
            board=activity.board,
            board_id=fields.board_id,
            npi=None,
            credit_type=fits[0],
            certification=named[fits[0]],
            points=fields.points or activity.max_points,
            completed_on=fields.completed_on,
        )

    def _wrong(self, result: Result, message: str) -> None:
        self.problems.append(TableProblem(self._file, result.line, "", message))
