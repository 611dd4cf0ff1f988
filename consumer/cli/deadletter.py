"""`deadletter`: what needs a person's attention, and sending it round again."""

from __future__ import annotations

import sys

import click

from consumer.cli.answers import agree, decline
from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_one, show_rows
from consumer.clock import SystemClock
from consumer.desk.deadletters import (
    LetterFilter,
    NoSuchLetter,
    NotOpen,
    list_letters,
    open_ids,
    replay_letter,
    reveal_letter,
    show_letter,
)
from consumer.ledger.letters import Status
from consumer.reason import Stage

_COLUMNS = ["letter_id", "what_happened", "field", "who_can_fix_it", "how", "source", "last_failed"]


@click.group()
def deadletter() -> None:
    """Dead letters: records that a person must look at."""


def _filters(command: click.decorators.FC) -> click.decorators.FC:
    stages = [stage.value for stage in Stage]
    for option in (
        click.option("--limit", default=100, show_default=True, help="At most this many."),
        click.option("--source", default="", help="Only of this LMS, such as moodle."),
        click.option("--stage", type=click.Choice(stages), help="Only those stopped here."),
        click.option("--reason", default="", help="Only with this reason code."),
    ):
        command = option(command)
    return command


@deadletter.command("list")
@_filters
@click.option(
    "--status",
    default=Status.OPEN.value,
    show_default=True,
    type=click.Choice([status.value for status in Status]),
    help="open needs attention; replayed is on its way; resolved is done.",
)
@click.pass_context
def list_(
    context: click.Context, status: str, reason: str, stage: str | None, source: str, limit: int
) -> None:
    """List dead letters, newest first."""
    ledger = ledger_of(settings_of(context))
    wanted = LetterFilter(status, stage or "", reason, source, limit)
    with telling_faults():
        rows = list_letters(ledger, wanted)
    show_rows(rows, _COLUMNS, "Nothing needs attention.")


@deadletter.command()
@click.argument("letter_id")
@click.option("--reveal", is_flag=True, help="Print the original event too; this is remembered.")
@click.pass_context
def show(context: click.Context, letter_id: str, *, reveal: bool) -> None:
    """Show one dead letter: every reason, where it came from, what to do."""
    ledger = ledger_of(settings_of(context))
    try:
        with telling_faults():
            show_one(show_letter(ledger, letter_id))
            if reveal:
                original = reveal_letter(ledger, letter_id, user(), SystemClock())
                sys.stdout.flush()
                sys.stdout.buffer.write(original + b"\n")
    except NoSuchLetter as error:
        fail([f"{error}; list them with: moc-consumer deadletter list"], FAILED)


@deadletter.command()
@click.argument("letter_ids", nargs=-1)
@_filters
@click.option("--all", "every", is_flag=True, help="All open letters that the filters select.")
@click.option("--why", default="", help="Why, for the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def replay(
    context: click.Context,
    letter_ids: tuple[str, ...],
    reason: str,
    stage: str | None,
    source: str,
    limit: int,
    why: str,
    *,
    every: bool,
    yes: bool,
) -> None:
    """Send dead letters through today's mappings, tables and rules again."""
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    if every:
        letter_ids = tuple(
            open_ids(ledger, LetterFilter("open", stage or "", reason, source, limit))
        )
    elif not letter_ids:
        fail(["name the letters to replay, or use --all with filters"])
    confirm(f"{len(letter_ids)} dead letter(s) go round again.", yes=yes)
    rows, failed = [], 0
    for letter_id in letter_ids:
        try:
            with telling_faults():
                fate = replay_letter(ledger, parts.house, letter_id, user(), why, SystemClock())
        except (NoSuchLetter, NotOpen) as error:
            fate, failed = str(error), failed + 1
        rows.append({"letter_id": letter_id, "fate": fate})
    show_rows(rows, ["letter_id", "fate"], "No dead letter fits.")
    sys.exit(FAILED if failed else 0)


for answer in (agree, decline):
    deadletter.add_command(answer)
