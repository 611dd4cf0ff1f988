"""`deadletter discard`, `not-ours`, `undo` and `done`: letters that no replay mends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.credit_changes import done as credit_done
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.closing import Closing, NotClosed, WhyMissing
from consumer.desk.deadletters import NoCreditYet, NoSuchLetter, NotOpen, credit_named_by
from consumer.ledger.letters import Status

_SHOWN_WHY = "Why; it is shown wherever the completion is."


def _options(command: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option("--yes", is_flag=True, help="Do it without asking."),
        click.option("--who", default="", help="Who decided, if not the user of this machine."),
        click.argument("letter_ids", nargs=-1, required=True),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("--why", required=True, help=_SHOWN_WHY)
@click.pass_context
def discard(
    context: click.Context, letter_ids: tuple[str, ...], why: str, who: str, *, yes: bool
) -> None:
    """Close letters that nobody can or shall mend: nothing of them is reported.

    The completion is kept and can be found. Said once more by the LMS it stays closed; said
    otherwise, it is judged anew. `deadletter undo` takes it back.
    """
    desk = _desk(context, who, why)
    _plan(desk, letter_ids, Status.DISCARDED, yes=yes)
    _do(desk.discard, letter_ids)


@click.command("not-ours")
@_options
@click.option("--why", required=True, help=_SHOWN_WHY)
@click.pass_context
def not_ours(
    context: click.Context, letter_ids: tuple[str, ...], why: str, who: str, *, yes: bool
) -> None:
    """Close letters about activities of another provider: they are not reportable."""
    desk = _desk(context, who, why)
    _plan(desk, letter_ids, Status.NOT_OURS, yes=yes)
    _do(desk.not_ours, letter_ids)


@click.command()
@_options
@click.option("--why", default="", help="Why, for the audit; it is kept sealed.")
@click.pass_context
def undo(
    context: click.Context, letter_ids: tuple[str, ...], why: str, who: str, *, yes: bool
) -> None:
    """Take back a discard or a not-ours: the letters need attention again."""
    desk = _desk(context, who, why)
    confirm(f"{len(letter_ids)} dead letter(s) need attention again.", yes=yes)

    def reopened(letter_id: str) -> str:
        desk.undo(letter_id)
        return "needs attention again"

    _do(reopened, letter_ids)


@click.command()
@click.argument("letter_id")
@click.option("--deleted", is_flag=True, help="It was deleted there; otherwise: entered there.")
@click.option("--pars-id", default="", help="The ID that PARS shows, where PARS has several.")
@click.option("--why", required=True, help="Why, for the audit; it is kept sealed.")
@click.option("--who", default="", help="Who decided, if not the user of this machine.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def done(
    context: click.Context,
    letter_id: str,
    pars_id: str,
    why: str,
    who: str,
    *,
    deleted: bool,
    yes: bool,
) -> None:
    """Say that the credit of a letter was entered, or deleted, in PARS by hand.

    PARS is asked; if it says the same, the letter is settled.
    """
    try:
        with telling_faults():
            name = credit_named_by(ledger_of(settings_of(context)), letter_id)
    except (NoSuchLetter, NoCreditYet) as error:
        fail([str(error)], FAILED)
    context.invoke(
        credit_done, credit_id=name, deleted=deleted, pars_id=pars_id, why=why, who=who, yes=yes
    )


def _desk(context: click.Context, who: str, why: str) -> Closing:
    return Closing(ledger_of(settings_of(context)), SystemClock(), who or user(), why)


def _plan(desk: Closing, letter_ids: Sequence[str], status: Status, *, yes: bool) -> None:
    told = [_said(lambda one: desk.meaning(one, status), letter_id) for letter_id in letter_ids]
    lines = (f"  {one}: {says}" for one, (says, _) in zip(letter_ids, told, strict=True))
    confirm("\n".join([f"{len(letter_ids)} dead letter(s) to close:", *lines]), yes=yes)


def _do(act: Callable[[str], str], letter_ids: Sequence[str]) -> None:
    told = [(one, *_said(act, one)) for one in letter_ids]
    rows = [{"letter_id": one, "says": says} for one, says, _ in told]
    show_rows(rows, ["letter_id", "says"], "Nothing was changed.")
    sys.exit(0 if all(well for *_, well in told) else FAILED)


def _said(act: Callable[[str], str], letter_id: str) -> tuple[str, bool]:
    try:
        with telling_faults():
            return act(letter_id), True
    except (NoSuchLetter, NotOpen, NotClosed, WhyMissing) as error:
        return str(error), False
