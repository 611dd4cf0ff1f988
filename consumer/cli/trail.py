"""`audit`: what people did, to what, when and why; and whether anybody changed that since."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail, show_one, show_rows
from consumer.clock import SystemClock
from consumer.desk.deadletters import Shown
from consumer.desk.trailchecking import NoHead, NoTrail, Trail, check_file, check_trail, noted
from consumer.desk.trailreading import (
    NoSuchRow,
    TrailFilter,
    TrailRow,
    list_trail,
    reveal_row,
    show_row,
)
from consumer.keys import KeysProblem, load_keys
from consumer.ledger.chain import Head
from consumer.settings import Settings

_WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def audit() -> None:
    """The audit trail: who did what, when, to what and why; nobody can change it unnoticed.

    What an ACCME audit asks about one activity is something else: moc-consumer report audit.
    """


@audit.command("list")
@click.option("--who", default="", help="Only what this person did.")
@click.option("--what", default="", help="Only this, such as credit.withdrawn, or all of credit.")
@click.option("--subject", default="",
              help="Only what was done to this: a credit's ID and all that is about it, a dead"
              " letter's ID, a table, an activity.")  # fmt: skip
@click.option("--since", type=_WHEN, help="Only from this day or UTC time on: 2026-11-24T08:00.")
@click.option("--until", type=_WHEN, help="Only until this UTC time; of a day, its whole.")
@click.option("--before", "below", type=int, help="Only rows before this number: the next page.")
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@click.pass_context
def list_(context: click.Context, /, **options: Any) -> None:
    """List what people did, newest first. Why they did it is kept sealed: audit show."""
    settings = settings_of(context)
    options["since"], options["until"] = _utc(options["since"]), _whole_day(options["until"])
    with telling_faults(), closing(ledger_of(settings)) as ledger:
        rows = list_trail(ledger, TrailFilter(**options))
    if sys.stdout.isatty() and rows:
        # Two lines a row: an ID that is folded cannot be copied.
        click.echo("\n".join(map(_told, rows)))
    else:
        show_rows(rows, [], "Nobody did anything of the kind.")


@audit.command()
@click.argument("number", type=int)
@click.option("--reveal", is_flag=True, help="Open why and the values too; this is remembered.")
@click.pass_context
def show(context: click.Context, number: int, *, reveal: bool) -> None:
    """Show one row of the trail: why it was done, and what it was before and after."""
    settings = settings_of(context)
    try:
        with telling_faults(), closing(ledger_of(settings)) as ledger:
            row = (
                reveal_row(ledger, number, user(), SystemClock())
                if reveal
                else show_row(ledger, number)
            )
    except NoSuchRow as error:
        fail([f"{error}; list them with: moc-consumer audit list"], FAILED)
    show_one(_shown(row))


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--expect", metavar="DIGEST@NUMBER",
              help="The end that an earlier check told, as you noted it down.")  # fmt: skip
@click.pass_context
def verify(context: click.Context, file: Path | None, expect: str | None) -> None:
    """Check that no row of the trail was changed, removed or put in since it was written.

    With FILE that of a backup, or of a ledger that a restore kept; it stays as it is. Note down the
    end it tells, outside this machine: with --expect the next check also notices that the whole
    ledger was replaced. Exit code 1 when anything is wrong, with the first row that is.
    """
    settings = settings_of(context)
    try:
        head = noted(expect) if expect else None
    except NoHead as error:
        fail([str(error)])
    found = _check(settings, file, head)
    show_one(
        {
            "good": "no" if found.problems else "yes",
            "rows": found.rows,
            "earlier_rows": found.earlier,
            "end": found.head,
        }
    )
    if found.problems:
        fail([*found.problems], FAILED)


def _check(settings: Settings, file: Path | None, head: Head | None) -> Trail:
    if file is None:
        with telling_faults(), closing(ledger_of(settings)) as ledger:
            return check_trail(ledger, head)
    try:
        # Never new ones: the file was written with those there were.
        return check_file(file, load_keys(settings.keys_path, ledger_exists=True)[0], head)
    except KeysProblem as problem:
        fail([str(problem)])
    except NoTrail as error:
        fail([str(error)], FAILED)


def _told(row: Shown) -> str:
    at = str(row["at"])[:16].replace("T", " ")
    return f"{row['number']:>6}  {at}  {row['who']} {row['means']}\n        {row['subject']}"


def _shown(row: TrailRow) -> dict[str, Any]:
    told = asdict(row) | {"at": row.at.isoformat(timespec="seconds")}
    names = dict.fromkeys([*row.before, *row.after])
    told["values"] = [
        {"field": name, "before": row.before.get(name, ""), "after": row.after.get(name, "")}
        for name in names
    ]
    return {name: told[name] for name in told if name not in ("before", "after", "revealed")}


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _whole_day(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.time() == time.min:
        moment = datetime.combine(moment, time.max)
    return _utc(moment)
