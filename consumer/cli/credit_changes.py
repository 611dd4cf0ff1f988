"""`credit withdraw`, `correct` and `done`: what people change of what was sent."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.correcting import Correcting, Finding, Outcome, Wanted
from consumer.desk.credits import NoSuchCredit
from consumer.desk.done import ByHand
from consumer.desk.withdrawing import plan_withdrawals, withdraw
from consumer.parts import claims_of, policy_of
from consumer.verification import NotSo

_WITHDRAWN = ["id", "standing", "activity", "credit_type", "points", "what_happens"]
_IMPERSONAL = "Why, for the audit; it is kept sealed."


def _told(command: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option("--yes", is_flag=True, help="Do it without asking."),
        click.option("--who", default="", help="Who decided, if not the user of this machine."),
    ):
        command = option(command)
    return command


@contextmanager
def _telling_names() -> Iterator[None]:
    try:
        with telling_faults():
            yield
    except NoSuchCredit as error:
        fail([f"{error}; find it with: moc-consumer credit list --learner NAME"], FAILED)


@click.command("withdraw")
@click.argument("credit_ids", nargs=-1, required=True)
@click.option("--why", required=True, help=_IMPERSONAL)
@_told
@click.pass_context
def withdraw_(
    context: click.Context, credit_ids: tuple[str, ...], why: str, who: str, *, yes: bool
) -> None:
    """Take credits back: PARS is asked to delete them; what was not sent is just withdrawn.

    CREDIT_IDS are first columns of `credit list`. The plan says what happens to each.
    """
    ledger = ledger_of(settings_of(context))
    with _telling_names():
        confirm(_plan(plan_withdrawals(ledger, credit_ids)), yes=yes)
        done = withdraw(ledger, credit_ids, who or user(), why, SystemClock())
        rows = list(_counted(done, len(credit_ids), lambda _: 1))
    show_rows(rows, _WITHDRAWN, "Nothing was withdrawn.")


def _plan(rows: Sequence[Any]) -> str:
    lines = (
        f"  {row['id']}  {row['activity']}, {row['credit_type']} {row['points']},"
        f" {row['standing']}: {row['what_happens']}"
        for row in rows
    )
    return "\n".join([f"{len(rows)} credit(s) to withdraw:", *lines])


@click.command()
@click.argument("credit_ids", nargs=-1)
@click.option("--activity", default="", help="All credits of this activity that are not withdrawn.")
@click.option("--credit-type", default="", help="With --activity: only those of this type.")
@click.option("--accepted-too", is_flag=True, help="Also what the board has accepted.")
@click.option("--why", default="", help=_IMPERSONAL)
@_told
@click.pass_context
def correct(
    context: click.Context,
    credit_ids: tuple[str, ...],
    activity: str,
    credit_type: str,
    why: str,
    who: str,
    *,
    accepted_too: bool,
    yes: bool,
) -> None:
    """Judge credits again by today's tables and mappings, and put right what was sent.

    PARS deletes the wrong ones first; what is right is sent once they are gone. What is right
    already is left alone.
    """
    if bool(credit_ids) == bool(activity):
        fail(["name the credits to correct, or use --activity"])
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    desk = Correcting(ledger, parts.house, SystemClock(), accepted_too, who or user(), why)
    with _telling_names():
        chosen = desk.select(Wanted(credit_ids, activity, credit_type))
        plan = _totals(_counted(desk.preview(chosen), len(chosen), lambda one: one.judged))
        if not any(outcome is Outcome.CORRECTED for outcome, _ in plan):
            click.echo("\n".join([*_in_words(plan), "Nothing to correct."]), err=True)
            return
        confirm("\n".join(_in_words(plan)), yes=yes)
        done = _totals(_counted(desk.correct(chosen), len(chosen), lambda one: one.judged))
    rows = [{"outcome": o.value, "credits": n, "change": says} for (o, says), n in done.items()]
    show_rows(rows, ["credits", "outcome", "change"], "Nothing to correct.")


@click.command()
@click.argument("credit_id")
@click.option("--deleted", is_flag=True, help="It was deleted there; otherwise: entered there.")
@click.option("--pars-id", default="", help="The ID that PARS shows, where PARS has several.")
@click.option("--why", required=True, help=_IMPERSONAL)
@_told
@click.pass_context
def done(
    context: click.Context,
    credit_id: str,
    pars_id: str,
    why: str,
    who: str,
    *,
    deleted: bool,
    yes: bool,
) -> None:
    """Say that a credit was entered, or deleted, in PARS's own web pages.

    PARS is asked; the credit goes on as PARS says. If PARS says otherwise, nothing changes.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    claims, policy = claims_of(settings, ledger), policy_of(settings)
    desk = ByHand(claims, parts.house, parts.pars, policy, SystemClock(), who or user(), why)
    what = "no longer has" if deleted else "has"
    confirm(f"PARS is asked whether it {what} {credit_id}; if so, that is kept.", yes=yes)
    try:
        with _telling_names():
            standing = desk.deleted(credit_id) if deleted else desk.added(credit_id, pars_id)
    except NotSo as error:
        fail([f"{error}. Nothing was changed."], FAILED)
    show_rows([{"id": credit_id, "standing": standing}], ["id", "standing"], "")


_Totals = Counter[tuple[Outcome, str]]


def _totals(findings: Iterable[Finding]) -> _Totals:
    totals: _Totals = Counter()
    for one in findings:
        totals[one.outcome, one.says] += one.credits
    return totals


_HEADINGS = {
    Outcome.CORRECTED: "To correct:",
    Outcome.ACCEPTED: "Accepted by the board, left alone without --accepted-too:",
    Outcome.IMPOSSIBLE: "Cannot be corrected; mend the cause first, or withdraw them:",
    Outcome.UNCHANGED: "Right as they are:",
}


def _in_words(totals: _Totals) -> Iterator[str]:
    for outcome, heading in _HEADINGS.items():
        found = [(n, says) for (o, says), n in totals.most_common() if o is outcome]
        if found:
            yield heading
        for count, says in found:
            yield f"  {count} credit{'s' * (count != 1)}" + (f": {says}" if says else "")


def _counted(items: Iterable[Any], length: int, size: Callable[[Any], int]) -> Iterator[Any]:
    """The items, with a bar on a terminal that shows how far it is."""
    with click.progressbar(length=length, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        for item in items:
            yield item
            bar.update(size(item))
