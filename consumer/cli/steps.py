"""A timeline on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumer.desk.nextstep import Next
from consumer.desk.timeline import Step


def told_who(after: Next) -> str:
    """Who is to act, as it stands behind `next`; blank where there is nothing to do."""
    if after.what.startswith("nothing"):
        return ""
    return ", by itself" if after.by_itself else f", {after.who}"


def show_steps(console: Console, steps: Sequence[Step]) -> None:
    """Each step with its minute, long ones below themselves."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for step in steps:
        table.add_row("", Text(f"{step.at:%Y-%m-%d %H:%M}", "dim"), Text(step.words))
    console.print(table)
