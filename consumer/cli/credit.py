"""`credit`: find anyone's completions and credits, and what became of each."""

from __future__ import annotations

import click

from consumer.cli.adopt import adopt
from consumer.cli.context import ledger_of, settings_of, telling_faults
from consumer.cli.credit_changes import correct, done, withdraw_
from consumer.cli.explain import explain
from consumer.cli.filters import filtered, watch_of
from consumer.cli.output import FAILED, fail, show_one, show_rows
from consumer.cli.pars_answers import answers
from consumer.cli.releasing import release
from consumer.desk.credits import CreditFilter, NoSuchCredit, list_credits, show_credit

_COLUMNS = [
    ("id", "waits_for", "what_happened"),
    ("standing", "credit_type", "points"),
    ("activity", "completed_on", "report_by", "at_risk"),
]


@click.group()
def credit() -> None:
    """Credits: what was heard, what was sent, what the board decided."""


credit.add_command(answers)


@credit.command("list")
@filtered(limit=100)
@click.pass_context
def list_(context: click.Context, wanted: CreditFilter) -> None:
    """List credits, and completions that are none yet; newest change first.

    What is at risk comes earliest deadline first.
    """
    settings = settings_of(context)
    ledger = ledger_of(settings)
    with telling_faults():
        rows = list_credits(ledger, wanted, watch_of(settings))
    show_rows(rows, _COLUMNS, "Nothing found. Search by family name, board ID or LMS user ID.")


@credit.command()
@click.argument("credit_id")
@click.pass_context
def show(context: click.Context, credit_id: str) -> None:
    """Show one credit with its timeline; CREDIT_ID is the first column of `credit list`."""
    settings = settings_of(context)
    ledger = ledger_of(settings)
    try:
        with telling_faults():
            show_one(show_credit(ledger, credit_id, watch_of(settings)))
    except NoSuchCredit as error:
        fail([f"{error}; find it with: moc-consumer credit list --learner NAME"], FAILED)


for command in (explain, withdraw_, correct, release, done, adopt):
    credit.add_command(command)
