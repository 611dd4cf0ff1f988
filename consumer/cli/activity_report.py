"""`activity report`: one activity counted, on the screen or as an Excel file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, Columns, fail, show_json, show_rows
from consumer.clock import SystemClock
from consumer.desk.activityfile import write_report
from consumer.desk.activityreport import HEADINGS, ActivityReport, Standing, report_on
from consumer.desk.auditscope import NoSuchActivity

_REASONS: Columns = [("standing", "count"), ("what_happened", "how"), "who"]


@click.command()
@click.argument("name", metavar="ACTIVITY")
@click.option("--excel", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
@click.option("--learners", is_flag=True, help="With --excel: a sheet of who they are, too.")
@click.option("--json", "as_json", is_flag=True, help="JSON on a terminal too.")
@click.pass_context
def report(
    context: click.Context, name: str, excel: Path | None, *, learners: bool, as_json: bool
) -> None:
    """Count how the credits of ACTIVITY stand, and what keeps the others.

    ACTIVITY is the office's own name or a PARS ID. A file with learners is its owner's alone, and
    that it was written is kept in the audit.
    """
    if learners and excel is None:
        fail(["--learners goes with --excel FILE"])
    settings = settings_of(context)
    tables, ledger = parts_of(settings).tables, ledger_of(settings)
    try:
        with telling_faults():
            if excel is None:
                found, _ = report_on(ledger, tables, name, SystemClock())
            else:
                given = (ledger, tables, name, SystemClock(), excel, user())
                found = write_report(*given, with_learners=learners)
    except NoSuchActivity as error:
        fail([f"no activity {name}; there are: {', '.join(error.known) or 'none'}"], FAILED)
    except OSError as error:
        fail([f"{excel}: {error.strerror}"], FAILED)
    _show(found, as_json=as_json)


def _show(found: ActivityReport, *, as_json: bool) -> None:
    if as_json or not sys.stdout.isatty():
        show_json([_told(found)])
        return
    click.echo(f"{found.activity} at {found.prepared_at:%Y-%m-%d %H:%M} UTC")
    periods = [*found.periods]
    rows: list[dict[str, Any]] = [
        {"standing": HEADINGS[one]}
        | {number or "no PARS ID": found.periods[number][one] for number in periods}
        | {"together": found.totals[one]}
        for one in Standing
    ]
    show_rows(rows, [*rows[0]], "")
    if found.because:
        click.echo()
        show_rows(_because(found), _REASONS, "")


def _because(found: ActivityReport) -> list[dict[str, Any]]:
    return [
        {
            "standing": HEADINGS[one.standing],
            "pars_activity_id": one.pars_activity_id,
            "count": one.count,
            "what_happened": one.happened,
            "who": one.who,
            "how": one.next_step,
        }
        for one in found.because
    ]


def _told(found: ActivityReport) -> dict[str, Any]:
    return {
        "activity": found.activity,
        "prepared_at": found.prepared_at.isoformat(timespec="seconds"),
        "release": found.release.value,
        "totals": {one.value: found.totals[one] for one in Standing},
        "periods": {
            number: {one.value: counts[one] for one in Standing}
            for number, counts in found.periods.items()
        },
        "because": _because(found),
    }
