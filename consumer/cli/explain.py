"""`credit explain`: which rows of mapping and tables, and which rules, made a credit."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail, show_json
from consumer.cli.page import page, show_table, table_of
from consumer.clock import SystemClock
from consumer.desk.credits import NoSuchCredit
from consumer.desk.explaining import Account, Explaining, Explanation
from consumer.mapping.mask import masked


@click.command()
@click.argument("credit_id")
@click.option("--show", is_flag=True, help="Show the event's values too; this is remembered.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for scripts.")
@click.pass_context
def explain(context: click.Context, credit_id: str, *, show: bool, as_json: bool) -> None:
    """Say which mapping and table rows and which rules made a credit, by today's files.

    CREDIT_ID is the first column of `credit list`. Values of the event are masked.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    desk = Explaining(ledger, parts.house, settings.tables_dir, SystemClock())
    try:
        with telling_faults():
            told = desk.explain(credit_id)
            if show:
                desk.revealed(told.subject, user())
    except NoSuchCredit as error:
        fail([f"{error}; find it with: moc-consumer credit list --learner NAME"], FAILED)
    if as_json:
        show_json([_as_row(told, show=show)])
    else:
        _page(page(), told, show=show)


def _value(value: str, *, show: bool) -> str:
    return value if show else masked(value)


def _page(console: Console, told: Explanation, *, show: bool) -> None:
    console.print(Text(f"{told.subject}: {told.standing}", style="bold"))
    for one in told.accounts:
        _account(console, one, show=show)
    if told.rules:
        console.print(Text("\nRules", style="bold"))
        for rule in told.rules:
            console.print(Text(f"  {rule}"))
    if told.waits:
        console.print(Text("\nWhat stands in its way", style="bold"))
        for wait in told.waits:
            console.print(Text(f"  {wait}"))


def _account(console: Console, one: Account, *, show: bool) -> None:
    console.print(Text("\nWhat the LMS said", style="bold"))
    console.print(Text(f"  heard {one.heard}, read by {one.mapping}"))
    for remark in one.remarks:
        console.print(Text(f"  {remark}", style="yellow"))
    table = table_of("  Row", "Target", "Path", "Verbs", "Value")
    for line, row in one.rows:
        value = row.error or _value(row.value, show=show)
        place = Text(f"  {one.file}:{line}")
        table.add_row(place, row.target, Text(row.path), Text(row.verbs), Text(value))
    if one.rows:
        show_table(console, table)
    console.print(Text("\nWhat the tables said", style="bold"))
    for told in one.tables:
        console.print(Text(f"  {told}"))


def _as_row(told: Explanation, *, show: bool) -> dict[str, object]:
    row = asdict(told)
    for account, shown in zip(told.accounts, row["accounts"], strict=True):
        shown["rows"] = [
            {"line": line, "target": r.target, "path": r.path, "verbs": r.verbs, "error": r.error}
            | {"value": _value(r.value, show=show)}
            for line, r in account.rows
        ]
    return row
