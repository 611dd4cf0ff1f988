"""`deadletter`: what needs a person's attention, and what people do about it."""

from __future__ import annotations

import sys
from typing import Any

import click

from consumer.cli.answers import agree, decline
from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.letter_close import discard, done, not_ours, undo
from consumer.cli.letter_edit import edit
from consumer.cli.letter_filter import filters, letters_wanted
from consumer.cli.letter_replay import replay, try_
from consumer.cli.output import FAILED, fail, show_one, show_rows
from consumer.clock import SystemClock
from consumer.desk.deadletters import NoSuchLetter, list_letters, reveal_letter, show_letter
from consumer.desk.letterstats import letter_stats
from consumer.desk.nearly import nearly
from consumer.ledger.letters import Status

# What fits on a terminal of 80 columns; everything else is in `show`, and in a pipe.
_COLUMNS = ["letter_id", "activity", "completed_on", "what_happened"]

_STATUS = click.option(
    "--status",
    default=Status.OPEN.value,
    show_default=True,
    type=click.Choice([status.value for status in Status]),
    help="open needs attention; replayed is on its way; resolved is done.",
)


@click.group()
def deadletter() -> None:
    """Dead letters: records that a person must look at."""


@deadletter.command("list")
@filters
@_STATUS
@click.pass_context
def list_(context: click.Context, /, status: str, **chosen: Any) -> None:
    """List dead letters, newest first.

    With --source those too that nobody can tell the LMS of: --source unrecognised lists them alone.
    """
    settings = settings_of(context)
    ledger = ledger_of(settings)
    with telling_faults():
        wanted = letters_wanted(settings, chosen, status, or_unrecognised=True)
        rows = list_letters(ledger, wanted)
    show_rows(rows, _COLUMNS, "Nothing needs attention.")


@deadletter.command()
@click.argument("letter_id")
@click.option("--reveal", is_flag=True, help="Print the original event too; this is remembered.")
@click.pass_context
def show(context: click.Context, letter_id: str, *, reveal: bool) -> None:
    """Show one dead letter: every reason, where it came from, what to do."""
    settings = settings_of(context)
    ledger = ledger_of(settings)
    try:
        with telling_faults():
            found = show_letter(ledger, letter_id)
            if found["reason"] == "unknown_event":
                found["nearly"] = nearly(ledger, parts_of(settings).house, letter_id)
            show_one(found)
            if reveal:
                original = reveal_letter(ledger, letter_id, user(), SystemClock())
                sys.stdout.flush()
                sys.stdout.buffer.write(original + b"\n")
    except NoSuchLetter as error:
        fail([f"{error}; list them with: moc-consumer deadletter list"], FAILED)


@deadletter.command()
@filters
@_STATUS
@click.pass_context
def stats(context: click.Context, /, status: str, **chosen: Any) -> None:
    """Count dead letters by reason, source, age and how often they went round."""
    settings = settings_of(context)
    ledger = ledger_of(settings)
    with telling_faults():
        wanted = letters_wanted(settings, chosen, status, or_unrecognised=True)
        rows = letter_stats(ledger, wanted, SystemClock().now())
    show_rows(rows, ["by", "what", "letters", "what_happened"], "Nothing needs attention.")


for command in (edit, try_, replay, discard, not_ours, undo, done, agree, decline):
    deadletter.add_command(command)
