"""The desk's reports by file: what is ready is marked, written, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row, Select, case, func, select

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.deadletters import Shown
from consumer.desk.trail import remember
from consumer.ledger.claims import Claims, Settlement
from consumer.ledger.consents import disagreeing
from consumer.ledger.ledger import Ledger
from consumer.ledger.reportbook import (
    UNANSWERED,
    Batch,
    Form,
    ReportBook,
    Standing,
    entries,
    reportable,
)
from consumer.ledger.schema import credits_, reports
from consumer.parts import claims_of
from consumer.reports.excel import ExcelTemplate
from consumer.reports.files import DEFAULT, Format, Limits, Refused, Report, write_report
from consumer.reports.xmlfile import XmlReport
from consumer.settings import Settings
from consumer.tables import load_tables
from consumer.tables.boards import load_boards

MARKED_AT_ONCE = 500
"""Credits per transaction: intake and sending go on in between."""

Tell = Callable[[str, int], None]
"""Told what goes on, and how many credits are done."""


class NoSuchReport(Exception):
    """No report has this number."""


class UndoneAlready(Exception):
    """The report was taken back before."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to report; blank means all."""

    form: Form = Form.EXCEL
    profile: str = ""
    activity: str = ""
    limits: Limits = DEFAULT
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """One report: its number, its files in order, and what could not be written."""

    number: int
    activity: str
    report: Report


@dataclass(frozen=True, slots=True)
class Reporting:
    """Reports by file of one office."""

    ledger: Ledger
    settings: Settings
    clock: Clock

    # ------------------------------------------------------------ export

    def plan(self, wanted: Wanted) -> list[Shown]:
        """What `export` would report: a row per profile and activity, nearest deadline first."""
        c = credits_.c
        leaving = func.sum(case((c.state == State.WITHDRAWING, 1), else_=0))
        query = (
            select(c.profile, c.activity, func.count(), leaving, func.min(c.report_by))
            .where(reportable(self._by_file(), restored=wanted.restored))
            .where(c.profile.in_(self.settings.profiles))
            .group_by(c.profile, c.activity)
            .order_by(func.min(c.report_by), c.activity)
        )
        with self.ledger.read() as db:
            rows = db.execute(_narrowed(query, wanted)).all()
        names = ("profile", "activity", "credits", "of_them_to_delete", "report_by")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def export(self, wanted: Wanted, folder: Path, who: str, tell: Tell) -> Iterator[Exported]:
        """Write one report per profile and activity into `folder`, each as it is finished.

        The credits are marked before a byte is written, so whatever happens then nothing posts
        them: a report that was not finished is seen in `listed`, and can be undone. Raises OSError,
        and TableProblems where nobody can tell who agrees.
        """
        for row in self.plan(wanted):
            profile, activity = str(row["profile"]), str(row["activity"])
            by_file = self.settings.profiles[profile].by_file
            without = self._without_consent(profile, activity)
            batch = Batch(profile, activity, by_file, wanted.restored, without)
            yield self._export(wanted, batch, folder, who, tell)

    def _export(self, wanted: Wanted, batch: Batch, folder: Path, who: str, tell: Tell) -> Exported:
        number = self._open(wanted.form, batch, who)
        done = 0
        while marked := self._mark(number, wanted.form, batch):
            done += marked
            tell(f"Marking {batch.activity}", done)
        tell(f"Writing {batch.activity}", done)
        report = self._write(number, wanted, folder, batch.profile)
        self._close(number, report)
        return Exported(number, batch.activity, report)

    def _without_consent(self, profile: str, activity: str) -> frozenset[int]:
        """What the learners table as it is now lets nobody be told; the service may be stopped."""
        k = credits_.c
        ready = (k.profile == profile, k.activity == activity, k.state == State.READY)
        boards, _ = load_boards(self.settings.boards_file)
        learners = load_tables(self.settings.tables_dir, self.settings.profiles, boards).learners
        found: set[int] = set()
        with self.ledger.read() as db:
            numbers = db.scalars(select(k.id).where(*ready)).all()
            for first in range(0, len(numbers), MARKED_AT_ONCE):
                some = numbers[first : first + MARKED_AT_ONCE]
                found |= disagreeing(db, self.ledger, learners, some)
        return frozenset(found)

    def _open(self, form: Form, batch: Batch, who: str) -> int:
        now = self.clock.now()
        with self.ledger.begin() as db:
            number = ReportBook(db, self.ledger, now).open(form, batch, who)
            remember(db, self.ledger, now, who, "report.exported", f"report {number}")
        return number

    def _mark(self, number: int, form: Form, batch: Batch) -> int:
        domain = self.settings.profiles[batch.profile].domain
        with self.ledger.begin() as db:
            book = ReportBook(db, self.ledger, self.clock.now())
            return book.mark(number, form, batch, domain, MARKED_AT_ONCE)

    def _write(self, number: int, wanted: Wanted, folder: Path, profile: str) -> Report:
        name = f"moc-report-{number}-{self.clock.now().date()}"
        form = self._format(wanted.form, profile)
        with self.ledger.read() as db:
            rows = entries(db, self.ledger, number)
            return write_report(rows, form, folder, name, wanted.limits)

    def _format(self, form: Form, profile: str) -> Format[Any]:
        if form is Form.EXCEL:
            return ExcelTemplate()
        completed = self.settings.profiles[profile].completed_form
        schemas, now = self.settings.schemas_dir, self.clock.now()
        return XmlReport(schemas, now, completed) if completed else XmlReport(schemas, now)

    def _close(self, number: int, report: Report) -> None:
        """What stands in no file needs a person; the rest is reported now."""
        now = self.clock.now()
        with self.ledger.begin() as db:
            if find_report(db, number).status == Standing.UNDONE:
                for file in report.files:
                    file.path.unlink()
                raise UndoneAlready(f"report {number} was undone while it was written")
            self._refuse(db, number, report.refused, now)
            rows = sum(file.rows for file in report.files)
            files = [str(file.path) for file in report.files]
            ReportBook(db, self.ledger, now).close(number, files, rows)

    def _refuse(self, db: Any, number: int, refused: Sequence[Refused], now: datetime) -> None:
        reasons = {one.credit_id: one.reasons for one in refused}
        query = select(credits_.c.id).where(credits_.c.credit_id.in_([*reasons]))
        claims = self.claims()
        for claim in claims.take(db, db.scalars(query).all(), now):
            state = claim.state if claim.state is State.WITHDRAWING else State.ATTENTION
            back = {"report_id": None, "report_action": None}
            claims.settle(db, [Settlement(claim, state, back, reasons[claim.credit_id])], now)

    def claims(self) -> Claims:
        """Claims on credits of any profile."""
        return claims_of(self.settings, self.ledger)

    def _by_file(self) -> list[str]:
        return [name for name, profile in self.settings.profiles.items() if profile.by_file]

    # ------------------------------------------------------------ undo, list

    def undo(self, number: int, who: str, why: str) -> int:
        """Give back the credits that the report still holds; gives how many.

        PARS is asked about each before anything is posted. Raises NoSuchReport, UndoneAlready.
        """
        now = self.clock.now()
        with self.ledger.begin() as db:
            row = find_report(db, number)
            if row.status == Standing.UNDONE:
                raise UndoneAlready(f"report {number} was undone before")
            remember(db, self.ledger, now, who, "report.undone", f"report {number}", why)
            return ReportBook(db, self.ledger, now).undo(number)

    def listed(self) -> list[Shown]:
        """Every report, newest first, with how many of its credits are still unanswered."""
        c, r = credits_.c, reports.c
        waiting = (
            select(func.count())
            .where(c.report_id == r.id, c.report_action.is_not(None), c.state.in_(UNANSWERED))
            .scalar_subquery()
        )
        with self.ledger.read() as db:
            rows = db.execute(select(reports, waiting.label("open")).order_by(r.id.desc())).all()
        return [_shown(row) for row in rows]


def find_report(db: Any, number: int) -> Row[Any]:
    """The report's row. Raises NoSuchReport."""
    query = select(reports).where(reports.c.id == number)
    row: Row[Any] | None = db.execute(query).one_or_none()
    if row is None:
        raise NoSuchReport(f"there is no report {number}; see: moc-consumer report list")
    return row


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    c = credits_.c
    query = query.where(c.profile == wanted.profile) if wanted.profile else query
    return query.where(c.activity == wanted.activity) if wanted.activity else query


def _shown(row: Row[Any]) -> Shown:
    return {
        "report": row.id,
        "standing": _standing(row),
        "activity": row.activity,
        "form": row.form,
        "rows": row.rows,
        "unanswered": row.open,
        "profile": row.profile,
        "written": row.created_at.isoformat(timespec="minutes"),
        "by": row.who,
        "files": ", ".join(orjson.loads(row.files)),
    }


def _standing(row: Row[Any]) -> str:
    if row.status == Standing.UNDONE:
        return "undone"
    if row.status == Standing.WRITING:
        return "not finished: undo it"
    return "waiting for results" if row.open else "settled"
