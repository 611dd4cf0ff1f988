"""`demo`: the main job from end to end, with nothing else installed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from consumer.cli.output import FAILED, fail
from consumer.clock import Clock, SystemClock
from consumer.demo.office import Taken, open_office
from consumer.demo.play import DemoFailed, Tell, play
from consumer.settings import SettingsProblems
from consumer.telemetry.log import configure_logging

_LINES = [
    ("published", "events of three LMSs, on the embedded bus"),
    ("ready", "credits that can be reported by file"),
    ("accepted", "credits accepted by the board"),
    ("board_rejected", "credits rejected by the board, each a dead letter with the reason"),
    ("dead_lettered", "records that a person had to look at"),
    ("held", "waiting for a board ID or for consent; each goes by itself when it comes"),
    ("not_reportable", "courses that Canvas cannot tell the completion of"),
    ("duplicates", "events emitted again, or by a second LMS: no second credit"),
    ("lost", "completions that PARS's books should show and do not"),
    ("credited_twice", "credits that PARS's books show more than once"),
    ("seconds", "from the first event to the last decision"),
]
_BY_FILE = "Hear only, and leave an office in this new folder that reports by file."


@click.command()
@click.option("--json", "as_json", is_flag=True, help="End with one JSON line, and nothing else.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep ledger and tables here.")
@click.option("--by-file", type=click.Path(path_type=Path), metavar="FOLDER", help=_BY_FILE)
def demo(*, as_json: bool, keep: Path | None, by_file: Path | None) -> None:
    """Play the main job: 225 events, three LMSs, one PARS that goes away for some seconds.

    Two people are mended in the middle: one board ID is added to a table, one birth date is
    corrected and its dead letter replayed.
    """
    configure_logging("error", as_json=not sys.stderr.isatty())
    clock = SystemClock()
    if by_file:
        _furnish(by_file, clock, as_json=as_json)
        return
    with tempfile.TemporaryDirectory(prefix="moc-demo-") as scratch, _progress() as tell:
        started = clock.monotonic()
        try:
            summary = play(keep or Path(scratch), clock, tell)
        except DemoFailed as error:
            fail([str(error)], FAILED)
        except SettingsProblems as error:  # of the environment: the rest is the demo's own
            fail(error.problems)
    summary["seconds"] = round(clock.monotonic() - started, 1)
    _show(summary, as_json=as_json)
    sys.exit(FAILED if summary["lost"] or summary["credited_twice"] else 0)


def _furnish(folder: Path, clock: Clock, *, as_json: bool) -> None:
    try:
        with _progress() as tell:
            summary = open_office(folder, clock, tell)
    except (DemoFailed, Taken) as error:
        fail([str(error)], FAILED)
    except OSError as error:
        fail([f"{folder}: {error.strerror}"], FAILED)
    _show(summary, as_json=as_json)
    click.echo(f"Go on in {folder}: moc-consumer report export", err=True)


@contextmanager
def _progress() -> Iterator[Tell]:
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Starting", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell


def _show(summary: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(summary))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, meaning in _LINES:
        if name not in summary:
            continue
        table.add_row(name.replace("_", " "), f"[bold]{summary[name]}[/bold]", meaning)
    Console().print(table)
