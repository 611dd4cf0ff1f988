"""`credit`: find anyone's completions and credits, and what became of each."""

from __future__ import annotations

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults
from consumer.cli.credit_changes import correct, done, withdraw_
from consumer.cli.output import FAILED, fail, show_one, show_rows
from consumer.credit import Heard, State
from consumer.desk.credits import CreditFilter, NoSuchCredit, list_credits, show_credit

_COLUMNS = [
    "id",
    "standing",
    "activity",
    "credit_type",
    "points",
    "completed_on",
    "report_by",
    "what_happened",
]


@click.group()
def credit() -> None:
    """Credits: what was heard, what was sent, what the board decided."""


@credit.command("list")
@click.option("--learner", default="", help="Name, board ID or LMS user ID; words may be cut off.")
@click.option("--activity", default="", help="The office's activity, or the LMS course.")
@click.option("--state", type=click.Choice([s.value for s in (*State, *Heard)]), help="Only these.")
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@click.pass_context
def list_(
    context: click.Context, learner: str, activity: str, state: str | None, limit: int
) -> None:
    """List credits, and completions that are none yet; newest change first."""
    ledger = ledger_of(settings_of(context))
    with telling_faults():
        rows = list_credits(ledger, CreditFilter(state or "", learner, activity, limit))
    show_rows(rows, _COLUMNS, "Nothing found. Search by family name, board ID or LMS user ID.")


@credit.command()
@click.argument("credit_id")
@click.pass_context
def show(context: click.Context, credit_id: str) -> None:
    """Show one credit with its timeline; CREDIT_ID is the first column of `credit list`."""
    ledger = ledger_of(settings_of(context))
    try:
        with telling_faults():
            show_one(show_credit(ledger, credit_id))
    except NoSuchCredit as error:
        fail([f"{error}; find it with: moc-consumer credit list --learner NAME"], FAILED)


for command in (withdraw_, correct, done):
    credit.add_command(command)
