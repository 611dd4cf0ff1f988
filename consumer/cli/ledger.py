"""`ledger`: backing up, looking through, and putting back what the service remembers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from consumer.cli.context import ledger_of, settings_of, user
from consumer.cli.ledger_keys import keys, reseal
from consumer.cli.output import FAILED, confirm, fail, show_one
from consumer.cli.privacy import tell_returned
from consumer.clock import SystemClock
from consumer.desk.restoring import restore as put_back
from consumer.desk.restoring import say_restored
from consumer.keys import Keys, KeysProblem, load_keys
from consumer.ledger.backup import NoBackup, draft_of, keep, remember
from consumer.ledger.inspection import Inspection, inspect
from consumer.ledger.lock import LedgerUnavailable, nobody_uses
from consumer.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def ledger() -> None:
    """The ledger, all that the service remembers: back it up, look through it, put it back."""


@ledger.command()
@click.argument("file", type=_FILE)
@click.pass_context
def backup(context: click.Context, file: Path) -> None:
    """Copy the ledger to FILE, a new one, and look through the copy; the service may run.

    Only you can read the file. It opens with keys.toml alone: keep a copy of that too.
    """
    settings = _in_file(settings_of(context))
    keys = _keys(settings)
    console, began = Console(stderr=True), SystemClock().now()
    try:
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Copying", total=None)

            def tell(done: int, of: int) -> None:
                bar.update(task, completed=done, total=of)

            with draft_of(settings.ledger_path, file, tell) as draft:
                found = inspect(draft, keys)
                _whole(found, f"no backup was made: {settings.ledger_path}")
                keep(draft, file)
                remember(settings.ledger_path, began)
    except NoBackup as error:
        fail([str(error)], FAILED)
    show_one(_shown(file, found))
    click.echo(f"Keep a copy of {settings.keys_path} too: without it no backup opens.", err=True)


@ledger.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--all", "everything", is_flag=True, help="Open every sealed value, not a sample.")
@click.pass_context
def verify(context: click.Context, file: Path | None, *, everything: bool) -> None:
    """Look through FILE, a backup, or the ledger in use: is it whole, do the keys open it?

    Exit code 0 when it is good, 1 with every problem when it is not. The service may run.
    """
    settings = settings_of(context)
    path = file or _in_file(settings).ledger_path
    found = inspect(path, _keys(settings), everything=everything)
    show_one(_shown(path, found))
    _whole(found, str(path))


@ledger.command()
@click.argument("file", type=_FILE)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def restore(context: click.Context, file: Path, *, yes: bool) -> None:
    """Put the backup FILE in the ledger's place; the service must be stopped.

    The present ledger is kept beside it under another name. Before anything is sent PARS is asked
    about every credit, since it may have got more than the backup knows; events that came since are
    heard again.
    """
    settings = _in_file(settings_of(context))
    keys, place = _keys(settings), settings.ledger_path
    try:
        with nobody_uses(place):
            found = inspect(file, keys, everything=True)
            _whole(found, f"nothing was changed: {file}")
            confirm(_plan(file, found, place), yes=yes)
            kept = put_back(file, place, keys, user(), SystemClock().now())
    except LedgerUnavailable as error:
        fail([f"the ledger: {error}"], FAILED)
    except (OSError, sqlite3.Error) as error:
        fail([f"nothing was changed: {_cause(error)}; is the disk full?"], FAILED)
    show_one({"restored": str(file), "kept": str(kept or "")} | _shown(place, inspect(place, keys)))
    click.echo("Start the service: PARS is asked about every credit first.", err=True)
    tell_returned(settings)


@ledger.command()
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def restored(context: click.Context, *, yes: bool) -> None:
    """Say that the PostgreSQL ledger was put back from a backup, before the service starts again.

    PARS is then asked about every credit before anything is sent: it may have got more than the
    backup knows. Events that came since are heard again.
    """
    settings = settings_of(context)
    if not settings.on_server:
        fail(["this ledger is a file: moc-consumer ledger restore FILE does it all"])
    confirm("PARS will be asked about every credit before it is sent.", yes=yes)
    say_restored(ledger_of(settings), user(), SystemClock().now())
    click.echo("Start the service: PARS is asked about every credit first.", err=True)
    tell_returned(settings)


def _in_file(settings: Settings) -> Settings:
    if settings.on_server:
        fail(
            [
                "this ledger is on PostgreSQL: back it up with pg_dump or your server's own backup;"
                " after putting one back run: moc-consumer ledger restored"
            ]
        )
    return settings


def _keys(settings: Settings) -> Keys:
    try:
        # Never new ones: what they are wanted for was made with those there were.
        return load_keys(settings.keys_path, ledger_exists=True)[0]
    except KeysProblem as problem:
        fail([str(problem)])


def _whole(found: Inspection, what: str) -> None:
    if found.problems:
        fail([f"{what}: {problem}" for problem in found.problems], FAILED)


def _plan(file: Path, found: Inspection, place: Path) -> str:
    last = f"{found.newest:%Y-%m-%d %H:%M} UTC" if found.newest else "never"
    total = sum(n for name, n in found.counts.items() if name.startswith("credits."))
    return (
        f"{file}, last changed {last}, {total} credits, takes the place of {place}.\n"
        "The present ledger is kept beside it. PARS is asked about every credit before it is sent."
    )


def _shown(path: Path, found: Inspection) -> dict[str, Any]:
    return {
        "file": str(path),
        "good": "no" if found.problems else "yes",
        "schema": found.revision,
        "last_change": found.newest.isoformat(timespec="seconds") if found.newest else "",
        "sealed_values_opened": found.opened,
        **found.counts,
    }


def _cause(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


ledger.add_command(keys)
ledger.add_command(reseal)
