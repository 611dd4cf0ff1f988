"""`deadletter agree` and `decline`: answers to what a person was asked to decide."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, show_rows
from consumer.clock import SystemClock
from consumer.desk.answering import Answering, NoQuestion, Undecidable
from consumer.desk.deadletters import NoSuchLetter, NotOpen

_UNANSWERED = (NoSuchLetter, NotOpen, NoQuestion, Undecidable)


@click.command()
@click.argument("letter_ids", nargs=-1, required=True)
@click.option("--why", default="", help="Why, for the audit; it is kept sealed.")
@click.option("--who", default="", help="Who decided, if not the user of this machine.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def agree(
    context: click.Context, letter_ids: tuple[str, ...], why: str, who: str, *, yes: bool
) -> None:
    """Do what the LMS, or the tables, say now: withdraw, correct or send."""
    desk = _desk(context, who, why)
    _plan(desk, letter_ids, agree=True, yes=yes)
    _answer(desk.agree, letter_ids)


@click.command()
@click.argument("letter_ids", nargs=-1, required=True)
@click.option("--why", required=True, help="Why it stays, for the audit; it is kept sealed.")
@click.option("--who", default="", help="Who decided, if not the user of this machine.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def decline(
    context: click.Context, letter_ids: tuple[str, ...], why: str, who: str, *, yes: bool
) -> None:
    """Keep what there is: nothing is withdrawn, nothing is sent."""
    desk = _desk(context, who, why)
    _plan(desk, letter_ids, agree=False, yes=yes)
    _answer(desk.decline, letter_ids)


def _desk(context: click.Context, who: str, why: str) -> Answering:
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    return Answering(ledger, parts.house, SystemClock(), who or user(), why)


def _plan(desk: Answering, letter_ids: Sequence[str], *, agree: bool, yes: bool) -> None:
    meanings = [
        _said(lambda one: desk.meaning(one, agree=agree), letter_id)[0] for letter_id in letter_ids
    ]
    about = [_said(desk.about, letter_id)[0] for letter_id in letter_ids]
    lines = (
        f"  {one}  {what}: {means}"
        for one, what, means in zip(letter_ids, about, meanings, strict=True)
    )
    confirm("\n".join([f"{len(letter_ids)} question(s) to answer:", *lines]), yes=yes)


def _answer(answer: Callable[[str], str], letter_ids: Sequence[str]) -> None:
    told = [_said(answer, letter_id) for letter_id in letter_ids]
    rows = [
        {"letter_id": letter_id, "answer": said}
        for letter_id, (said, _) in zip(letter_ids, told, strict=True)
    ]
    show_rows(rows, ["letter_id", "answer"], "No question was answered.")
    sys.exit(0 if all(done for _, done in told) else FAILED)


def _said(ask: Callable[[str], str], letter_id: str) -> tuple[str, bool]:
    """The answer's words, or why there is none."""
    try:
        with telling_faults():
            return ask(letter_id), True
    except _UNANSWERED as error:
        return str(error), False
