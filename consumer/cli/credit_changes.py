"""`credit withdraw`, `correct` and `done`: what people change of what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import click
from sqlalchemy import or_

from consumer.cli.context import ledger_of, parts_of, settings_of, user
from consumer.cli.filters import filtered, ids_or_filter, watch_of
from consumer.cli.many import IMPERSONAL, counted, decided, tally, telling_names
from consumer.cli.output import FAILED, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.credit import State
from consumer.desk.correcting import Correcting, Finding, Outcome, Wanted
from consumer.desk.creditfilter import CreditFilter, chosen
from consumer.desk.done import ByHand
from consumer.desk.named import credits_named, name_of
from consumer.desk.withdrawing import plan_withdrawals, withdraw
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import credits_
from consumer.parts import claims_of, policy_of
from consumer.verification import NotSo

_WITHDRAWN = ["id", "standing", "activity", "credit_type", "points", "what_happens"]
_MOST_LISTED = 20


@click.command("withdraw")
@click.argument("credit_ids", nargs=-1)
@filtered(limit=0)
@click.option("--why", required=True, help=IMPERSONAL)
@decided
@click.pass_context
def withdraw_(
    context: click.Context,
    credit_ids: tuple[str, ...],
    wanted: CreditFilter,
    why: str,
    who: str,
    *,
    yes: bool,
) -> None:
    """Take credits back: PARS is asked to delete them; what was not sent is just withdrawn.

    CREDIT_IDS are first columns of `credit list`; or filters say which. The plan says what happens
    to each.
    """
    ids_or_filter(credit_ids, wanted, "withdraw")
    settings = settings_of(context)
    ledger = ledger_of(settings)
    with telling_names():
        named = credit_ids or chosen(ledger, wanted, _STANDS, watch=watch_of(settings))
        confirm(_plan(plan_withdrawals(ledger, named)), yes=yes)
        done = withdraw(ledger, named, who or user(), why, SystemClock())
        rows = list(counted(done, len(named), lambda _: 1))
    show_rows(rows, _WITHDRAWN, "Nothing was withdrawn.")


_LEFT_ALONE = (State.WITHDRAWN, State.WITHDRAWING, State.REPORTED)
_STANDS = or_(credits_.c.state.not_in(_LEFT_ALONE), credits_.c.resend)


def _plan(rows: Sequence[Any]) -> str:
    head = f"{len(rows)} credit(s) to withdraw:"
    if len(rows) > _MOST_LISTED:
        return "\n".join([head, *tally(Counter(_planned(row) for row in rows))])
    lines = (f"  {row['id']}  {_planned(row)}" for row in rows)
    return "\n".join([head, *lines])


def _planned(row: Any) -> str:
    credit = f"{row['activity']}, {row['credit_type']} {row['points']}"
    return f"{credit}, {row['standing']}: {row['what_happens']}"


@click.command()
@click.argument("credit_ids", nargs=-1)
@filtered(limit=0)
@click.option("--credit-type", default="", help="With filters: only those of this type.")
@click.option("--accepted-too", is_flag=True, help="Also what the board has accepted.")
@click.option("--why", default="", help=IMPERSONAL)
@decided
@click.pass_context
def correct(
    context: click.Context,
    credit_ids: tuple[str, ...],
    wanted: CreditFilter,
    credit_type: str,
    why: str,
    who: str,
    *,
    accepted_too: bool,
    yes: bool,
) -> None:
    """Judge credits again by today's tables and mappings, and put right what was sent.

    PARS deletes the wrong ones first; what is right is sent once they are gone. What is right
    already is left alone. Of what is held the right one waits for its release.
    """
    ids_or_filter(credit_ids, wanted, "correct")
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    desk = Correcting(ledger, parts.house, SystemClock(), accepted_too, who or user(), why)
    with telling_names():
        if credit_ids:
            numbers = desk.select(Wanted(credit_ids))
        else:
            which = (credits_.c.credit_type == credit_type,) if credit_type else ()
            every = replace(wanted, limit=0)
            numbers = chosen(ledger, every, _NOT_GONE, *which, watch=watch_of(settings))
        plan = _totals(counted(desk.preview(numbers), len(numbers), lambda one: one.judged))
        if not any(outcome is Outcome.CORRECTED for outcome, _ in plan):
            click.echo("\n".join([*_in_words(plan), "Nothing to correct."]), err=True)
            return
        most = f"At most {wanted.limit} of them now."
        confirm("\n".join([*_in_words(plan), *([most] if wanted.limit else [])]), yes=yes)
        corrected = desk.correct(numbers, wanted.limit)
        done = _totals(counted(corrected, len(numbers), lambda one: one.judged))
    rows = [{"outcome": o.value, "credits": n, "change": says} for (o, says), n in done.items()]
    show_rows(rows, ["credits", "outcome", "change"], "Nothing to correct.")


_NOT_GONE = credits_.c.state != State.WITHDRAWN


@click.command()
@click.argument("credit_ids", nargs=-1, metavar="[CREDIT_ID]...")
@filtered(limit=0)
@click.option("--deleted", is_flag=True, help="They were deleted there; otherwise: entered there.")
@click.option("--pars-id", default="", help="The ID that PARS shows, where PARS has several.")
@click.option("--why", required=True, help=IMPERSONAL)
@decided
@click.pass_context
def done(
    context: click.Context,
    credit_ids: tuple[str, ...],
    wanted: CreditFilter,
    pars_id: str,
    why: str,
    who: str,
    *,
    deleted: bool,
    yes: bool,
) -> None:
    """Say that credits were entered, or deleted, in PARS's own web pages.

    PARS is asked; each credit goes on as PARS says. If PARS says otherwise, nothing changes.
    """
    ids_or_filter(credit_ids, wanted, "settle")
    if pars_id and len(credit_ids) != 1:
        fail(["--pars-id is about one credit: name it"])
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    claims, policy = claims_of(settings, ledger), policy_of(settings)
    desk = ByHand(claims, parts.house, parts.pars, policy, SystemClock(), who or user(), why)
    with telling_names():
        named: Sequence[str | int] = credit_ids or chosen(
            ledger, wanted, _NOT_GONE, watch=watch_of(settings)
        )
        which = credit_ids[0] if len(credit_ids) == 1 else f"each of {len(named)} credit(s)"
        what = "no longer has" if deleted else "has"
        confirm(f"PARS is asked whether it {what} {which}; if so, that is kept.", yes=yes)
        asked = (_asked(ledger, desk, name, pars_id, deleted=deleted) for name in named)
        rows = list(counted(asked, len(named), lambda _: 1))
    refused = [f"{row['id']}: {row['told']}. Nothing was changed." for row in rows if row["told"]]
    kept = [{k: row[k] for k in ("id", "standing")} for row in rows if not row["told"]]
    if kept or not refused:
        show_rows(kept, ["id", "standing"], "Nothing was found.")
    if refused:
        fail(refused, FAILED)


def _asked(
    ledger: Ledger, desk: ByHand, name: str | int, pars_id: str, *, deleted: bool
) -> dict[str, str]:
    with ledger.read() as db:
        row = credits_named(db, name)[0]
        shown = name if isinstance(name, str) else name_of(db, row)
    try:
        standing = desk.deleted(name) if deleted else desk.added(name, pars_id)
    except NotSo as error:
        return {"id": shown, "standing": "", "told": str(error)}
    return {"id": shown, "standing": standing, "told": ""}


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
