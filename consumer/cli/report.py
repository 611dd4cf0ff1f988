"""`report`: files for people, made from what the ledger knows."""

from __future__ import annotations

import click

from consumer.cli.audit import audit


@click.group()
def report() -> None:
    """Files for people: what was reported, as a spreadsheet or on paper."""


report.add_command(audit)
