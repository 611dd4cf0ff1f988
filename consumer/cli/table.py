"""`table`: the office's learners and activities, brought from a spreadsheet and taken back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn

from consumer.cli.context import settings_of, user
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk import tablefiles
from consumer.desk.tablefiles import NoSuchForm
from consumer.desk.tablelines import change_lines, column_lines, summary, version_line
from consumer.desk.tabletrail import remember_version
from consumer.desk.tabling import Preview, TableDesk, Wish
from consumer.ledger.ledger import LedgerUnavailable, WrongSecret
from consumer.parts import open_service_ledger
from consumer.settings import Settings, SettingsProblems
from consumer.tables import TableProblems
from consumer.tables.boards import load_boards
from consumer.tables.heading import Said
from consumer.tables.history import NoSuchVersion, TableChanged, Version
from consumer.tables.kind import KINDS
from consumer.tables.sqlsource import SourceAway, open_query, read_url

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TABLE = click.argument("name", metavar="TABLE", type=click.Choice([*KINDS]))
_SHORT = 20
_CHANGES = ["action", "row", "site", "learner", "course", "board", "what"]
_HISTORY = "version at who how source rows added changed removed put_back".split()


@click.group()
def table() -> None:
    """The office's tables, learners and activities: import, history, undo, export."""


@table.command("import")
@_TABLE
@click.argument("file", type=_FILE, required=False)
@click.option("--sql", default="", metavar="QUERY", help="Take the rows of a query, not of a file.")
@click.option("--url-file", type=_FILE, help="The file with the database's address alone in it.")
@click.option("--sheet", default="", help="Which sheet of an Excel file.")
@click.option("--column", "columns", multiple=True, metavar="HEADING=COLUMN",
              help="What a heading of yours means; remembered.")  # fmt: skip
@click.option("--ignore", multiple=True, metavar="HEADING",
              help="A heading that is not to be taken; remembered.")  # fmt: skip
@click.option("--ignore-others", is_flag=True, help="Take known headings alone; remembered.")
@click.option("--set", "constants", multiple=True, metavar="COLUMN=VALUE",
              help="The same value in every row, such as site=lms.example.")  # fmt: skip
@click.option("--dates", type=click.Choice(["month-first", "day-first"]), default="month-first",
              show_default=True, help="How 03/04/1971 is meant.")  # fmt: skip
@click.option("--replace/--merge", default=False, show_default="merge",
              help="Remove rows that are not in the file, or let them stay.")  # fmt: skip
@click.option("--skip-wrong", is_flag=True, help="Leave wrong rows out and take the others.")
@click.option("--allow-removals", is_flag=True, help="Yes, so many rows are to be removed.")
@click.option("--show", is_flag=True, help="Show the values too, not only which columns change.")
@click.option("--all", "everything", is_flag=True, help="Show every change and every wrong row.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def import_(context: click.Context, /, name: str, file: Path | None, **options: Any) -> None:
    """Bring the rows of FILE, Excel or CSV, into a TABLE: a preview first, then with your yes.

    Rows are known by learner (or course), LMS and board. One wrong row, and nothing is taken.
    """
    query, url_file = options["sql"], options["url_file"]
    if (file is None) == (not query) or bool(query) != bool(url_file):
        fail(["either a FILE, or --sql and --url-file, is needed"])
    settings = settings_of(context)
    desk = desk_of(settings)
    wish = _wish(options)
    try:
        if file is None:
            preview = desk.preview_rows(name, open_query(read_url(url_file), query), wish)
        else:
            preview = _watched(lambda tell: desk.preview_file(name, file, wish, tell))
    except TableProblems as found:
        fail([*map(str, found.problems), "nothing was changed"])
    except SourceAway as away:
        fail([f"{away}; nothing was changed"], FAILED)
    bring(settings, desk, preview, options)


def bring(settings: Settings, desk: TableDesk, preview: Preview, options: dict[str, Any]) -> None:
    """Show a preview, ask, and do it."""
    most = None if options["everything"] else _SHORT
    _tell(preview, most, show=options["show"])
    hindrances = preview.hindrances(settings.tables.most_removed_percent / 100)
    if hindrances:
        fail([*hindrances, "nothing was changed"])
    if not preview.comparison.changes_anything:
        click.echo("The table has all of this already.", err=True)
        return
    confirm(f"{preview.kind.file} becomes this.", yes=options["yes"])
    try:
        version = desk.apply(preview, user())
    except TableChanged as error:
        fail([str(error)], FAILED)
    except OSError as error:
        fail([f"{settings.tables_dir}: {error.strerror}; nothing was changed"], FAILED)
    _remember(settings, preview.kind.name, version)
    click.echo(f"Done: version {version.number} of {preview.kind.name}. To take it back:"
               f" moc-consumer table undo {preview.kind.name}", err=True)  # fmt: skip


def _remember(settings: Settings, name: str, version: Version) -> None:
    """Tables are often there before the first start makes a ledger: their history tells then."""
    if not settings.on_server and not settings.ledger_path.exists():
        return
    try:
        with closing(open_service_ledger(settings)) as ledger:
            remember_version(ledger, name, version)
    except (SettingsProblems, WrongSecret, LedgerUnavailable) as error:
        click.echo(f"It stands in table history, not in the audit trail: {error}", err=True)


def _tell(preview: Preview, most: int | None, *, show: bool) -> None:
    for line in (*column_lines(preview), *preview.notes):
        click.echo(line, err=True)
    for problem in preview.wrong[:most]:
        click.echo(f"wrong: {problem}", err=True)
    left = len(preview.wrong) - len(preview.wrong[:most])
    if left:
        click.echo(f"wrong: {left} more; --all shows them", err=True)
    row = summary(preview)
    show_rows([row], [*row], "")
    changes = change_lines(preview, most, show=show)
    if changes:
        show_rows(changes, _CHANGES, "")
    hidden = sum(preview.comparison.counts.values()) - len(changes)
    if hidden:
        click.echo(f"{hidden} more changes; --all shows them", err=True)


@table.command()
@_TABLE
@click.pass_context
def history(context: click.Context, name: str) -> None:
    """List the versions of a TABLE: when, who, from which file, how many rows; newest first."""
    versions = desk_of(settings_of(context)).history(name).versions()
    rows = [version_line(one) for one in reversed(versions)]
    show_rows(rows, _HISTORY, f"{name} have no history yet: table import {name} FILE")


@table.command()
@_TABLE
@click.option("--to", "number", type=int, help="The version to put back. Default: the one before.")
@click.option("--show", is_flag=True, help="Show the values too, not only which columns change.")
@click.option("--all", "everything", is_flag=True, help="Show every change.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def undo(context: click.Context, /, name: str, number: int | None, **options: Any) -> None:
    """Put back the TABLE as it was before the last import; once more, and the import is back.

    What was sent to PARS stays sent: see credit withdraw.
    """
    settings = settings_of(context)
    desk = desk_of(settings)
    try:
        preview = desk.preview_undo(name, number)
    except (NoSuchVersion, TableProblems) as error:
        problems = error.problems if isinstance(error, TableProblems) else [error]
        fail([*map(str, problems)])
    bring(settings, desk, preview, options)


@table.command()
@_TABLE
@click.argument("number", type=int, metavar="VERSION")
@click.option("--show", is_flag=True, help="Show the values too.")
@click.pass_context
def show(context: click.Context, name: str, number: int, *, show: bool) -> None:
    """Show the rows of a VERSION of a TABLE, as table history numbers them."""
    try:
        rows = desk_of(settings_of(context)).rows_of(name, number, show=show)
    except (NoSuchVersion, TableProblems) as error:
        problems = error.problems if isinstance(error, TableProblems) else [error]
        fail([*map(str, problems)])
    show_rows(rows, ["row", *KINDS[name].columns], "It has no rows.")


@table.command()
@_TABLE
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(context: click.Context, name: str, file: Path) -> None:
    """Write a TABLE to FILE, Excel (.xlsx) or CSV (.csv), that only you can read."""
    desk = desk_of(settings_of(context))
    try:
        count = tablefiles.export(KINDS[name], desk.rows(name), file)
    except TableProblems as found:
        fail([*map(str, found.problems)])
    except (NoSuchForm, OSError) as error:
        fail([_why(file, error)])
    click.echo(f"{count} rows in {file}", err=True)


@table.command()
@_TABLE
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def template(name: str, file: Path) -> None:
    """Write an empty TABLE to FILE, to fill in; Excel with a sheet that explains each column."""
    try:
        tablefiles.template(KINDS[name], file)
    except (NoSuchForm, OSError) as error:
        fail([_why(file, error)])
    click.echo(f"Fill in {file}, then: moc-consumer table import {name} {file}", err=True)


@table.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Tell what is wrong with the tables as they are, row by row. Exit code 1 if anything is.

    The service takes a table whose IDs or names are wrong; those learners' completions stop.
    """
    settings = settings_of(context)
    desk = desk_of(settings)
    rows = [
        {"file": one.file, "row": one.line, "column": one.column, "message": one.message}
        for name in KINDS
        for one in desk.check(name)
    ]
    show_rows(rows, ["file", "row", "column", "message"], "Both tables are as they should be.")
    sys.exit(FAILED if rows else 0)


def _why(file: Path, error: NoSuchForm | OSError) -> str:
    return f"{file}: {error.strerror}" if isinstance(error, OSError) else str(error)


def desk_of(settings: Settings) -> TableDesk:
    """The desk of these settings' tables."""
    boards, wrong = load_boards(settings.boards_file)
    if wrong:
        fail(wrong)
    if not settings.tables_dir.is_dir():
        fail([f"{settings.tables_dir}: no such folder (tables_dir): make it first"])
    return TableDesk(
        settings.tables_dir, boards, settings.profiles, SystemClock(), settings.tables.keep_versions
    )


def _wish(options: dict[str, Any]) -> Wish:
    columns = dict(_pairs("--column", options["columns"]))
    columns |= dict.fromkeys(options["ignore"], "")
    return Wish(
        replace=options["replace"],
        skip_wrong=options["skip_wrong"],
        allow_removals=options["allow_removals"],
        day_first=options["dates"] == "day-first",
        sheet=options["sheet"],
        constants=dict(_pairs("--set", options["constants"])),
        said=Said(columns, options["ignore_others"]),
    )


def _pairs(option: str, said: tuple[str, ...]) -> list[tuple[str, str]]:
    """A heading may hold an equals sign, a column's name never does."""
    pairs = []
    for one in said:
        left, sign, right = one.rpartition("=") if option == "--column" else one.partition("=")
        if not sign or not left.strip():
            fail([f"{option} {one}: two words with = between are needed"])
        pairs.append((left.strip(), right.strip()))
    return pairs


def _watched(work: Callable[[Callable[[int], None]], Preview]) -> Preview:
    console = Console(stderr=True)
    columns = TextColumn("{task.completed} rows read"), TextColumn("")
    with Progress(*columns, console=console, transient=True,
                  disable=not console.is_terminal) as bar:  # fmt: skip
        task = bar.add_task("", total=None)
        return work(lambda rows: bar.update(task, completed=rows))
