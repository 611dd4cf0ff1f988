"""`report outcomes`: what became of credits on one day, as a file for an LMS or CRM."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail
from consumer.clock import SystemClock
from consumer.desk.outcomes import OutcomeFiles


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day.")
@click.option("--source", default="", help="Only of this LMS, such as moodle. Default: of all.")
@click.pass_context
def outcomes(context: click.Context, file: Path, day: datetime, source: str) -> None:
    """Write a day's outcomes into FILE, as CSV: one line for each and each LMS account.

    It holds the LMSs' own learner IDs: nobody but you can read it, and that you wrote it is
    remembered. The day is one of outcomes.zone.
    """
    settings = settings_of(context)
    zone = ZoneInfo(settings.outcomes.zone)
    files = OutcomeFiles(ledger_of(settings), zone, SystemClock())
    try:
        with telling_faults():
            count = files.write(day.date(), source, file, user())
    except OSError as error:
        fail([f"{file}: {error.strerror}"], FAILED)
    click.echo(f"{count} line{'s' * (count != 1)} in {file}", err=True)
