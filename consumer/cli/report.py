"""`report`: files to upload to PARS by hand, and the answers they bring back."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TextColumn

from consumer.cli.audit import audit
from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.outcomes import outcomes
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.reporting import Exported, NoSuchReport, Reporting, UndoneAlready, Wanted
from consumer.desk.results import Answer, Results, Sheet
from consumer.ledger.reportbook import Form
from consumer.reports.files import DEFAULT, Limits
from consumer.reports.result import Verdict
from consumer.tables.csvfile import TableProblems

_PLAN = ["activity", "profile", "credits", "of_them_to_delete", "report_by"]
_LIST = ["report", "standing", "activity", "rows", "unanswered", "files"]
_ANSWERS = click.Choice([one.value for one in Verdict if one is not Verdict.PENDING])
_NONE = (
    "Nothing is ready to be reported. See: moc-consumer credit list;"
    " after a ledger restore: docs/backup.md"
)


@click.group()
def report() -> None:
    """Reports by file: write them, upload them to PARS yourself, bring the results back."""


def _reporting(context: click.Context) -> Reporting:
    settings = settings_of(context)
    return Reporting(ledger_of(settings), settings, SystemClock())


@report.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("reports"),
              show_default=True, help="Where the files go; made if it is not there.")  # fmt: skip
@click.option("--form", type=click.Choice([form.value for form in Form]), default="excel",
              show_default=True, help="ACCME's 14 columns, or an XML learner report.")  # fmt: skip
@click.option("--activity", default="", help="Only this one of the office's activities.")
@click.option("--profile", default="", help="Only this provider profile.")
@click.option("--rows", default=DEFAULT.rows, show_default=True, help="Most rows in one file.")
@click.option("--megabytes", default=DEFAULT.bytes // 2**20, show_default=True,
              help="Most megabytes of one file.")  # fmt: skip
@click.option("--restored", is_flag=True, help="After a ledger restore: also what may stand in "
              "reports made since the backup. Take those over first: credit adopt.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def export(
    context: click.Context,
    folder: Path,
    form: str,
    activity: str,
    profile: str,
    rows: int,
    megabytes: int,
    *,
    restored: bool,
    yes: bool,
) -> None:
    """Write what is ready into files for PARS: one report for each activity.

    From then on the credits are "Reported by file" and are not sent in any other way, until a
    result sheet or PARS itself says what became of them, or the report is undone. The files hold
    personal data: nobody but you can read them.
    """
    try:
        limits = Limits(rows, megabytes * 2**20)
    except ValueError as error:
        fail([str(error)])
    wanted = Wanted(Form(form), profile, activity, limits, restored)
    reporting = _reporting(context)
    with telling_faults():
        planned = reporting.plan(wanted)
        show_rows(planned, _PLAN, _NONE)
        if planned:
            confirm(f"These go into files in {folder}/.", yes=yes)
            _export(reporting, wanted, folder)


def _export(reporting: Reporting, wanted: Wanted, folder: Path) -> None:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), TextColumn("{task.completed} credits")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=None)

            def tell(what: str, done: int) -> None:
                bar.update(task, description=what, completed=done)

            done = [*reporting.export(wanted, folder, user(), tell)]
    except TableProblems as found:
        fail([f"nobody can tell who agrees: {one}" for one in found.problems])
    except OSError as error:
        again = "see: moc-consumer report list, then report undo what is not finished"
        fail([f"{folder}: {error.strerror}; {again}"], FAILED)
    show_rows([_row(one) for one in done], ["report", "activity", "rows", "refused", "files"], "")
    click.echo("Upload them to PARS, then bring its result sheet: report import FILE", err=True)


def _row(one: Exported) -> dict[str, object]:
    return {
        "report": one.number,
        "activity": one.activity,
        "rows": sum(file.rows for file in one.report.files),
        "refused": len(one.report.refused),
        "files": ", ".join(str(file.path) for file in one.report.files),
    }


@report.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List the reports and how many of their credits still wait for an answer; newest first."""
    with telling_faults():
        show_rows(_reporting(context).listed(), _LIST, "No report was written yet: report export")


@report.command()
@click.argument("number", type=int)
@click.option("--why", default="", help="For the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def undo(context: click.Context, number: int, why: str, *, yes: bool) -> None:
    """Take a report back that was not uploaded, and never will be.

    Its unanswered credits are ready again. Before one is sent by web service PARS is asked, so an
    uploaded file does no harm there; by file it could, so destroy the file first.
    """
    reporting = _reporting(context)
    try:
        with telling_faults():
            row = next((one for one in reporting.listed() if one["report"] == number), None)
            if row:
                click.echo(f"Report {number}: {row['activity']}, {row['unanswered']} credits"
                           f" without an answer, in {row['files']}", err=True)  # fmt: skip
            confirm(f"Report {number} is undone. Its files must not be uploaded.", yes=yes)
            back = reporting.undo(number, user(), why)
    except (NoSuchReport, UndoneAlready) as error:
        fail([str(error)], FAILED)
    click.echo(f"{back} credits are ready again. Destroy the files of report {number}.", err=True)


@report.command("import")
@click.argument("sheet", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--report", "number", type=int, help="The sheet is about this report alone.")
@click.option("--activity", default="", help="The sheet is about this activity alone.")
@click.option("--why", default="", help="For the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def import_(
    context: click.Context, sheet: Path, number: int | None, activity: str, why: str, *, yes: bool
) -> None:
    """Settle credits by a result SHEET, Excel or CSV: PARS's own, or the file with a Status column.

    Status is accepted, rejected (by the board), error (PARS did not take it), pending (it did) or
    blank; a Reason may stand beside it. One row that fits nothing, or stands there twice, and
    nothing of the sheet is taken.
    """
    reporting = _reporting(context)
    results = Results(reporting.ledger, reporting.claims(), SystemClock(), number, activity)
    try:
        with telling_faults():
            read = results.read(sheet)
            _tell(read)
            if read.answers:
                confirm(f"{len(read.answers)} credits get these answers.", yes=yes)
                done = results.apply(read.answers, user(), why)
                click.echo(f"{done} credits answered. See: moc-consumer report list", err=True)
    except TableProblems as found:
        fail([*map(str, found.problems), "nothing was changed"])


def _tell(read: Sheet) -> None:
    for note in read.notes:
        click.echo(note, err=True)
    counts, as_before = read.counts(), read.pending + read.settled_before
    row = {verdict.value: counts[verdict.value] for verdict in Verdict} | {"as_before": as_before}
    show_rows([row], [*row], "")


@report.command()
@click.argument("number", type=int)
@click.option("--as", "verdict", required=True, type=_ANSWERS, help="What PARS shows for them.")
@click.option("--why", required=True, help="Where you saw it; for the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def settle(context: click.Context, number: int, verdict: str, why: str, *, yes: bool) -> None:
    """Settle all unanswered credits of a report by hand, where PARS gives no result sheet."""
    reporting = _reporting(context)
    results = Results(reporting.ledger, reporting.claims(), SystemClock(), number)
    with telling_faults():
        rows = results.unanswered()
        if not rows:
            fail([f"report {number} has no unanswered credits; see: moc-consumer report list"])
        confirm(f"{len(rows)} credits of report {number} are taken as {verdict}.", yes=yes)
        done = results.apply([Answer(row, Verdict(verdict)) for row in rows], user(), why)
    click.echo(f"{done} credits settled.", err=True)


report.add_command(audit)
report.add_command(outcomes)
