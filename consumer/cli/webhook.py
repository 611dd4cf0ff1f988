"""`webhook`: the systems that are told every outcome; trying one again, leaving one outcome out."""

from __future__ import annotations

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.outcomes import NoSuchWebhook, enable_webhook, list_webhooks, skip_outcome

_COLUMNS = ["webhook", "standing", "waiting", "failing_since", "cause", "given_up"]


@click.group()
def webhook() -> None:
    """Webhooks: systems that are told what became of every credit."""


@webhook.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List webhooks: how many outcomes wait for each, since when it fails, and why."""
    ledger = ledger_of(settings_of(context))
    with telling_faults():
        rows = list_webhooks(ledger)
    show_rows(rows, _COLUMNS, "There are no webhooks: see docs/outcomes.md")


@webhook.command()
@click.argument("name")
@click.option("--why", default="", help="For the audit.")
@click.pass_context
def enable(context: click.Context, name: str, why: str) -> None:
    """Try a webhook again at once, also one that said that it is gone."""
    ledger = ledger_of(settings_of(context))
    try:
        with telling_faults():
            enable_webhook(ledger, name, SystemClock(), user(), why)
    except NoSuchWebhook as error:
        fail([str(error)], FAILED)
    click.echo(f"{name} is tried again.", err=True)


@webhook.command()
@click.argument("name")
@click.option("--why", required=True, help="For the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def skip(context: click.Context, name: str, why: str, *, yes: bool) -> None:
    """Leave out the one outcome that a webhook will not take, and go on with the next."""
    ledger = ledger_of(settings_of(context))
    confirm(f"{name} is never told the outcome that it stands at; the daily file has it.", yes=yes)
    try:
        with telling_faults():
            skip_outcome(ledger, name, SystemClock(), user(), why)
    except NoSuchWebhook as error:
        fail([str(error)], FAILED)
    click.echo(f"{name} goes on with the next.", err=True)
