"""`credit answers`: what PARS said of a credit, word for word."""

from __future__ import annotations

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.answers import NoAnswer, reveal_answers


@click.command()
@click.argument("credit_id")
@click.pass_context
def answers(context: click.Context, credit_id: str) -> None:
    """Show what PARS answered about CREDIT_ID, word for word; that you looked is remembered.

    Kept are decisions, refusals and what was not understood, each cut at 16 KiB. They may hold
    personal data.
    """
    ledger = ledger_of(settings_of(context))
    try:
        with telling_faults():
            rows = reveal_answers(ledger, credit_id, user(), SystemClock())
    except NoAnswer as error:
        fail([f"{error}; find the CreditID with: moc-consumer credit list"], FAILED)
    show_rows(rows, ["at", "action", "status", "outcome", "answer"], "")
