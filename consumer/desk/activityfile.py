"""The report of one activity written to a file; whoever takes people out is remembered."""

from __future__ import annotations

from pathlib import Path

from consumer.clock import Clock
from consumer.desk.activityreport import HEADINGS, ActivityReport, Standing, Why, report_on
from consumer.desk.auditlines import AuditLines
from consumer.desk.auditscope import Scope
from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger
from consumer.release import RELEASE_WORDS, Mode
from consumer.reports.activity import Content, write
from consumer.reports.sheet import Value
from consumer.tables import Tables

_RELEASE = RELEASE_WORDS | {Mode.AUTOMATIC: "sent by itself"}


def write_report(
    ledger: Ledger,
    tables: Tables,
    wanted: str,
    clock: Clock,
    file: Path,
    who: str,
    *,
    with_learners: bool,
) -> ActivityReport:
    """Write the report on an activity as Excel; gives what stands in it.

    With learners it holds personal data: that is remembered before a byte is written. Raises
    NoSuchActivity, FileExistsError, OSError.
    """
    report, scope = report_on(ledger, tables, wanted, clock)
    content = _content(report)
    if not with_learners:
        write(content, file)
        return report
    _remember(ledger, clock, who, scope)
    with ledger.read() as db:
        lines = AuditLines(db, ledger, tables, scope)
        write(content, file, lines.reported(), lines.unreported())
    return report


def _remember(ledger: Ledger, clock: Clock, who: str, scope: Scope) -> None:
    subject = (" ".join(scope.numbers) or "not ours")[:300]
    with ledger.begin() as db:
        remember(db, ledger, clock.now(), who, "activity.report_written", subject)


def _content(report: ActivityReport) -> Content:
    periods = [*report.periods]
    figures = [
        (HEADINGS[one], [report.periods[number][one] for number in periods]) for one in Standing
    ]
    reasons = [_reason(one) for one in report.because]
    head = (
        ("Activity", report.activity),
        ("Prepared at (UTC)", report.prepared_at.replace(tzinfo=None, microsecond=0)),
        ("Credits are", _RELEASE[report.release]),
    )
    return Content(head, [number or "no PARS ID" for number in periods], figures, reasons)


def _reason(one: Why) -> tuple[Value, ...]:
    standing, period = HEADINGS[one.standing], one.pars_activity_id
    return standing, period, one.happened, one.who, one.next_step, one.count
