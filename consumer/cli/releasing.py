"""`credit release`, and the switches of `activity` and `source`: what waits, and lets go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from consumer.cli.context import ledger_of, settings_of, user
from consumer.cli.filters import filtered, ids_or_filter, watch_of
from consumer.cli.many import IMPERSONAL, counted, decided, telling_names
from consumer.cli.output import confirm, show_rows
from consumer.clock import SystemClock
from consumer.desk.creditfilter import CreditFilter
from consumer.desk.releasing import Candidate, Rehearsal, Releases, rehearsal
from consumer.desk.switching import Switching, Turning
from consumer.desk.wouldbe import WouldBe
from consumer.ledger.ledger import Ledger
from consumer.release import Mode, Subject
from consumer.settings import Settings

_SHOWN = [
    ("id", "stops"),
    ("board", "credit_type", "points"),
    ("activity", "completed_on", "report_by", "at_risk"),
]


_STAYS = (
    "\nWhat is rehearsed stays: end the rehearsal with moc-consumer activity, or source, release."
)


@click.command()
@click.argument("credit_ids", nargs=-1)
@filtered(limit=0)
@click.option("--why", default="", help=IMPERSONAL)
@decided
@click.pass_context
def release(
    context: click.Context,
    credit_ids: tuple[str, ...],
    wanted: CreditFilter,
    why: str,
    who: str,
    *,
    yes: bool,
) -> None:
    """Let credits go that wait for a release; CREDIT_IDS, or filters, say which.

    The plan says what would be sent. With --limit some are let go at a time, those with the nearest
    deadline first: the same command goes on with the next.
    """
    ids_or_filter(credit_ids, wanted, "release")
    settings = settings_of(context)
    ledger = ledger_of(settings)
    desk = desk_of(settings, ledger, who or user(), why)
    with telling_names():
        numbers = desk.named(credit_ids) if credit_ids else desk.select(wanted)
        found = [*counted(desk.preview(numbers), len(numbers), lambda _: 1)]
        held = [one for one in found if one.mode == Mode.HOLD]
        plan = in_words(rehearsal(held), f"{len(held)} credit(s) to let go")
        confirm(plan + _STAYS * (len(held) < len(found)), yes=yes)
        released = sum(counted(desk.release(numbers), len(numbers), int))
        left = 0 if credit_ids else len(desk.select(wanted, whole=True))
    rows = [{"released": released, "still_waiting": left}]
    show_rows(rows, ["released", "still_waiting"], "")


def desk_of(settings: Settings, ledger: Ledger, who: str = "", why: str = "") -> Releases:
    """The desk where this person releases."""
    clock = SystemClock()
    would_be = WouldBe(settings.profiles, settings.schemas_dir, clock)
    return Releases(ledger, would_be, clock, watch_of(settings), who, why)


def in_words(plan: Rehearsal, heading: str) -> str:
    """What would be sent, and what would stop and why, a line each."""
    risk = f", {plan.at_risk} of them near their deadline" if plan.at_risk else ""
    lines = [f"{heading}{risk}:"]
    for (activity, number, board, kind), count in plan.would_be_sent.most_common():
        lines.append(f"  {count} to be sent: {activity} ({number}), {board} {kind}")
    for (activity, why), count in plan.would_stop.most_common():
        lines.append(f"  {count} would need attention instead: {activity}: {why}")
    return "\n".join(lines)


# ---------------------------------------------------------------- switches


def turn(
    context: click.Context,
    kind: Subject,
    names: Sequence[str],
    mode: Mode,
    why: str,
    who: str,
    *,
    yes: bool,
) -> None:
    """Show what turning the switch means, and turn it."""
    settings = settings_of(context)
    desk = Switching(ledger_of(settings), SystemClock(), who or user(), why)
    with telling_names():
        confirm(_meaning(desk.plan(kind, names), mode), yes=yes)
        shown = _turned(desk.turn(kind, names, mode))
    show_rows([shown], [*shown], "")


_MEANINGS = {
    Mode.HOLD: "credits wait for a release from now on: moc-consumer credit release",
    Mode.SHADOW: "credits are made and checked, and nothing is sent from now on",
    Mode.AUTOMATIC: "credits are sent by themselves from now on",
}


def _meaning(now: Turning, mode: Mode) -> str:
    stands = ", ".join(dict.fromkeys(map(str, now.modes)))
    waiting, let_go = now.waiting + now.rehearsed, now.ready + now.released
    if mode is Mode.AUTOMATIC:
        counts = {"that stand still go, unless another switch keeps them": waiting}
    else:
        counts = {"that were not sent yet stand still": let_go + waiting}
        counts["that are being sent are finished"] = now.under_way
    counts["that PARS has are followed on"] = now.at_pars
    head = f"{', '.join(now.names)} ({stands}): {_MEANINGS[mode]}."
    return "\n".join(
        [head, *(f"  {count} credit(s) {what}" for what, count in counts.items() if count)]
    )


def _turned(now: Turning) -> dict[str, Any]:
    return {
        now.kind.value: ", ".join(now.names),
        "release": ", ".join(dict.fromkeys(map(str, now.modes))),
        "waiting_for_release": now.waiting,
        "rehearsal": now.rehearsed,
        "being_sent": now.under_way,
    }


def show_rehearsal(context: click.Context, wanted: CreditFilter) -> None:
    """What would have been sent of an activity or a source that is rehearsed, or held."""
    settings = settings_of(context)
    desk = desk_of(settings, ledger_of(settings))
    with telling_names():
        numbers = [n for mode in (Mode.SHADOW, Mode.HOLD) for n in desk.select(wanted, mode)]
        found = [*counted(desk.preview(numbers), len(numbers), lambda _: 1)]
    click.echo(in_words(rehearsal(found), f"{len(found)} credit(s) stand still"), err=True)
    show_rows([_row(one) for one in found], _SHOWN, "")


def _row(one: Candidate) -> dict[str, Any]:
    return {
        "id": one.name,
        "activity": one.activity,
        "pars_activity_id": one.pars_activity_id,
        "board": one.board,
        "credit_type": one.credit_type,
        "points": one.points,
        "completed_on": one.completed_on,
        "report_by": one.report_by,
        "at_risk": one.at_risk,
        "release": one.mode,
        "would_be_sent": not one.stops,
        "stops": one.stops,
    }
