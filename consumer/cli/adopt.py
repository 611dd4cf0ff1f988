"""`credit adopt`: what PARS has already, before the first completion is sent."""

from __future__ import annotations

from pathlib import Path

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import confirm, fail
from consumer.clock import SystemClock
from consumer.desk.adoption import Adoption
from consumer.tables.csvfile import TableProblems


@click.command()
@click.argument("sheet", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--why", default="", help="For the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def adopt(context: click.Context, sheet: Path, why: str, *, yes: bool) -> None:
    """Take over the credits of SHEET, which PARS has already, so that none is sent again.

    For the first day: ACCME's 14 columns, Excel or CSV, with a Status column (accepted, rejected,
    pending or blank; rows with error are left out). A completion that is heard later, or waits
    unsent, then counts as reported. One row that fits no activity, and nothing is taken.
    """
    settings = settings_of(context)
    adoption = Adoption(ledger_of(settings), parts_of(settings).house, SystemClock())
    try:
        with telling_faults():
            known = adoption.read(sheet)
            confirm(f"{len(known)} credits are taken for reported: PARS has them.", yes=yes)
            written = adoption.apply(known, user(), why)
    except TableProblems as found:
        fail([*map(str, found.problems), "nothing was changed"])
    click.echo(f"{written} credits taken over, {len(known) - written} known before.", err=True)
