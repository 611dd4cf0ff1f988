"""How commands show things: tables on a terminal, JSON lines in a pipe; problems on stderr."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

FAILED, WRONG = 1, 2


def piped() -> bool:
    """Whether another program reads the output."""
    return not sys.stdout.isatty()


Columns = Sequence[str | tuple[str, ...]]
"""Fields of a row by their names; several in one column stand one below the other."""


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Columns, empty: str) -> None:
    """Rows: every field as JSON when piped, `columns` as a table on a terminal."""
    if piped():
        show_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        Console().print(_table(rows, columns))


def show_one(item: Mapping[str, Any]) -> None:
    """One item: JSON when piped, a list of its fields on a terminal; lists in it become tables."""
    if piped():
        show_json([item])
        return
    console = Console()
    for name, value in item.items():
        if isinstance(value, list) and value:
            console.print(f"\n{_heading(name)}", style="bold")
            console.print(_table(value, list(value[0])))
        elif value not in ("", [], None):
            lines = _beside(str(value), console.width)
            console.print(f"[bold]{_heading(name):<16}[/bold] {escape(lines)}", highlight=False)


def _beside(value: str, width: int) -> str:
    """A field's value; what is too long for the line goes on below its beginning."""
    room = max(width - 17, 20)
    wrapped = [
        textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False)
        for line in value.splitlines()
    ]
    return ("\n" + " " * 17).join(line for lines in wrapped for line in lines)


def show_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line."""
    for row in rows:
        click.echo(orjson.dumps(row, default=str))


def fail(problems: Sequence[str], code: int = WRONG) -> NoReturn:
    """Every problem on stderr, a line each; then exit."""
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    sys.exit(code)


def confirm(plan: str, *, yes: bool) -> None:
    """Go on with `--yes`, or with a yes on a terminal; otherwise show the plan and exit 0."""
    click.echo(plan, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        click.echo("Nothing was changed. Add --yes to do it.", err=True)
        sys.exit(0)
    if not click.confirm("Do it?", err=True):
        sys.exit(0)


def _table(rows: Sequence[Mapping[str, Any]], columns: Columns) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    stacks = [(one,) if isinstance(one, str) else one for one in columns]
    # A column without a single value only takes room from the others.
    told = [names for names in stacks if any(_stacked(row, names) for row in rows)]
    for names in told:
        filled = [name for name in names if any(str(row.get(name, "")) for row in rows)]
        # An ID that is folded cannot be copied; what stands below it keeps to its width.
        ids = max(
            (len(str(row.get(one, ""))) for row in rows for one in {*names} & _IDS), default=0
        )
        width = max(ids, _LEAST) if ids and len(names) > 1 else None
        heading = "\n".join(map(_heading, filled))
        table.add_column(heading, overflow="fold", no_wrap=ids > 0 and width is None, width=width)
    for row in rows:
        # What others wrote may hold brackets, which rich would take for its own.
        table.add_row(*(escape(_stacked(row, names)) for names in told))
    return table


_IDS = {"id", "letter_id", "key"}
_LEAST = 30  # characters that a text below a short ID needs


def _stacked(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return "\n".join(text for name in names if (text := str(row.get(name, ""))))


def _heading(name: str) -> str:
    words = name.replace("_", " ").capitalize()
    return re.sub(r"\b(pars|ids?)\b", _capital, words, flags=re.IGNORECASE)


def _capital(word: re.Match[str]) -> str:
    return word[0].upper().replace("IDS", "IDs")
