"""`source`: what each LMS sent, what is held of it, and letting it go."""

from __future__ import annotations

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.sources import NotHeld, Releasing, list_sources

_COLUMNS = [
    "source",
    "standing",
    "completions",
    "need_attention",
    "not_sent_yet",
    "held_since",
    "what_happened",
    "field",
    "mapping",
    "emitted_again",
]


@click.group()
def source() -> None:
    """Sources: the LMSs that completions come from."""


@source.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List sources: what they sent, what is held of them, since when and why."""
    ledger = ledger_of(settings_of(context))
    with telling_faults():
        rows = list_sources(ledger)
    show_rows(rows, _COLUMNS, "Nothing was heard yet.")


@source.command()
@click.argument("name", metavar="SOURCE")
@click.option("--why", required=True, help="What was mended, for the audit; it is kept sealed.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def release(context: click.Context, name: str, why: str, *, yes: bool) -> None:
    """Judge what is held of a source by today's mappings and tables, and let it go."""
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    desk = Releasing(ledger, parts.house, SystemClock(), user(), why)
    try:
        with telling_faults():
            plan = desk.plan(name)
            confirm(
                f"{name}: {len(plan.letters)} dead letter(s) go round again, {plan.unsent}"
                " credit(s) not sent yet are judged again; what is fit to go is then sent.",
                yes=yes,
            )
            fates = desk.release(name)
    except NotHeld as error:
        fail([str(error)], FAILED)
    rows = [{"fate": fate, "completions": count} for fate, count in sorted(fates.items())]
    show_rows(rows, ["fate", "completions"], f"{name} goes on; nothing else changed.")
