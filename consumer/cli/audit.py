"""`report audit`: what an ACCME audit asks about one activity, as files for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.audit import FORMS, AuditDesk
from consumer.desk.auditscope import NoSuchActivity
from consumer.reports.paper import PaperFull
from consumer.settings import Settings
from consumer.tables import TableProblems, Tables, load_tables

_DAY = click.DateTime(["%Y-%m-%d"])
_COLUMNS = ["file", "reported", "not_reported"]


@click.command()
@click.argument("activity")
@click.option(
    "--folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where to put the files; this folder unless you say another.",
)
@click.option(
    "--format",
    "form",
    default="both",
    show_default=True,
    type=click.Choice([*FORMS, "both"]),
    help="Which files to write.",
)
@click.option("--from", "since", type=_DAY, help="Leave out completions before this day.")
@click.option("--to", "until", type=_DAY, help="Leave out completions after this day.")
@click.pass_context
def audit(
    context: click.Context,
    activity: str,
    folder: Path,
    form: str,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Write all that an ACCME audit asks about ACTIVITY, your own name of it or its PARS ID.

    Who was reported when and by which way, who corrected it, what the board answered, consent; then
    who was not reported, why, and what to do. The files hold personal data: only you can read them,
    and that you made them is remembered. What people did here at all: moc-consumer audit list.
    """
    settings = settings_of(context)
    desk = AuditDesk(ledger_of(settings), _tables(settings), settings.profiles, SystemClock())
    forms = FORMS if form == "both" else (form,)
    days = [day.date() if day else None for day in (since, until)]
    rows: list[dict[str, Any]] = []
    try:
        with telling_faults(), _telling(activity):
            for one in desk.write(activity, folder, user(), forms, *days):
                counts = {"reported": one.reported, "not_reported": one.not_reported}
                rows.append({"file": str(one.file)} | counts)
    finally:
        show_rows(rows, _COLUMNS, "Nothing was written.")


def _tables(settings: Settings) -> Tables:
    try:
        return load_tables(settings.tables_dir, settings.profiles)
    except TableProblems as found:
        fail([f"{settings.tables_dir}/{problem}" for problem in found.problems])


@contextmanager
def _telling(activity: str) -> Iterator[None]:
    try:
        yield
    except NoSuchActivity as error:
        known = "".join(f"\n  {name}" for name in error.known) or " none yet"
        fail([f"no activity is called {activity}; there are:{known}"], FAILED)
    except FileExistsError as error:
        fail([f"{error} is there already: move it away, or choose another --folder"], FAILED)
    except PaperFull as error:
        fail([f"no PDF: {error}; it is written with --format excel"], FAILED)
    except OSError as error:
        fail([f"the files cannot be written: {error.strerror}; try another --folder"], FAILED)
