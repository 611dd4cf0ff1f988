"""`credit`: find anyone's completions and credits, and what became of each."""

from __future__ import annotations

import click

from consumer.cli.adopt import adopt
from consumer.cli.context import ledger_of, settings_of, telling_faults
from consumer.cli.credit_changes import correct, done, withdraw_
from consumer.cli.explain import explain
from consumer.cli.output import FAILED, fail, show_one, show_rows
from consumer.cli.pars_answers import answers
from consumer.clock import SystemClock
from consumer.credit import Heard, State
from consumer.desk.credits import CreditFilter, NoSuchCredit, list_credits, show_credit
from consumer.desk.deadlines import Watch, watch
from consumer.settings import Settings

_COLUMNS = [
    "id",
    "standing",
    "activity",
    "credit_type",
    "points",
    "completed_on",
    "report_by",
    "at_risk",
    "waits_for",
    "what_happened",
]


@click.group()
def credit() -> None:
    """Credits: what was heard, what was sent, what the board decided."""


credit.add_command(answers)


@credit.command("list")
@click.option("--learner", default="", help="Name, board ID or LMS user ID; words may be cut off.")
@click.option("--activity", default="", help="The office's activity, or the LMS course.")
@click.option("--state", type=click.Choice([s.value for s in (*State, *Heard)]), help="Only these.")
@click.option("--at-risk", is_flag=True, help="Only what is late, or soon will be; earliest first.")
@click.option("--limit", default=100, show_default=True, help="At most this many.")
@click.pass_context
def list_(
    context: click.Context,
    learner: str,
    activity: str,
    state: str | None,
    at_risk: bool,
    limit: int,
) -> None:
    """List credits, and completions that are none yet; newest change first."""
    settings = settings_of(context)
    ledger = ledger_of(settings)
    wanted = CreditFilter(state or "", learner, activity, limit, at_risk)
    with telling_faults():
        rows = list_credits(ledger, wanted, _watch(settings))
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
            show_one(show_credit(ledger, credit_id, _watch(settings)))
    except NoSuchCredit as error:
        fail([f"{error}; find it with: moc-consumer credit list --learner NAME"], FAILED)


def _watch(settings: Settings) -> Watch:
    return watch(SystemClock().now(), settings.sending.at_risk_days)


for command in (explain, withdraw_, correct, done, adopt):
    credit.add_command(command)
