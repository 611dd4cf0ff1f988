"""`source`: what each LMS sent, what is held or rehearsed of it, and letting it go."""

from __future__ import annotations

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.many import IMPERSONAL, decided
from consumer.cli.output import FAILED, Columns, confirm, fail, show_rows
from consumer.cli.releasing import show_rehearsal, turn
from consumer.cli.source_add import add
from consumer.clock import SystemClock
from consumer.desk.creditfilter import CreditFilter
from consumer.desk.sources import NotHeld, Releasing, list_sources
from consumer.desk.switching import NoSuchSource, known_source, standing_of_source
from consumer.release import Mode, Subject

_COLUMNS: Columns = [
    ("source", "mapping", "field"),
    ("standing", "release", "held_since"),
    "completions",
    "need_attention",
    "not_sent_yet",
    "emitted_again",
    "what_happened",
]


@click.group()
def source() -> None:
    """Sources: the LMSs that completions come from."""


source.add_command(add)


@source.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List sources: what they sent, what is held of them, since when and why."""
    ledger = ledger_of(settings_of(context))
    with telling_faults():
        rows = list_sources(ledger)
    show_rows(rows, _COLUMNS, "Nothing was heard yet.")


_WHY = click.option("--why", required=True, help=IMPERSONAL)
_NAME = click.argument("name", metavar="SOURCE")


@source.command()
@_NAME
@_WHY
@decided
@click.pass_context
def hold(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    """Hold what an LMS reports: each credit waits until a coordinator releases it."""
    turn(context, Subject.SOURCE, _known(context, name), Mode.HOLD, why, who, yes=yes)


@source.command()
@_NAME
@_WHY
@decided
@click.pass_context
def shadow(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    """Rehearse an LMS: everything is done but the sending, until it is released."""
    turn(context, Subject.SOURCE, _known(context, name), Mode.SHADOW, why, who, yes=yes)


@source.command()
@_NAME
@click.pass_context
def rehearsal(context: click.Context, name: str) -> None:
    """Show what would have been sent of an LMS that is rehearsed, or held."""
    (known,) = _known(context, name)
    show_rehearsal(context, CreditFilter(source=known, limit=0))


def _known(context: click.Context, name: str) -> tuple[str]:
    settings = settings_of(context)
    mapped = {one.source for one in parts_of(settings).catalogue.mappings}
    try:
        with telling_faults():
            return (known_source(ledger_of(settings), mapped, name),)
    except NoSuchSource as error:
        fail([str(error)], FAILED)


@source.command()
@_NAME
@_WHY
@decided
@click.pass_context
def release(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    """Let a source go: what a coordinator holds or rehearses, and what a surge of refusals held.

    What a surge held is judged again first, by today's mappings and tables.
    """
    settings = settings_of(context)
    ledger = ledger_of(settings)
    with telling_faults():
        held_by = standing_of_source(ledger, name)
    if held_by.mode is not Mode.AUTOMATIC:
        turn(context, Subject.SOURCE, (name,), Mode.AUTOMATIC, why, who, yes=yes)
    if held_by.surge or held_by.mode is Mode.AUTOMATIC:
        _release_surge(context, name, why, who or user(), yes=yes)


def _release_surge(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    desk = Releasing(ledger, parts.house, SystemClock(), who, why)
    try:
        with telling_faults():
            plan = desk.plan(name)
            confirm(
                f"{name}: {len(plan.letters)} dead letter(s) go round again, {plan.unsent}"
                " credit(s) not sent yet are judged again; what is fit to go is then sent.",
                yes=yes,
            )
            fates = desk.release(name)
    except NotHeld as error:
        fail([str(error)], FAILED)
    rows = [{"fate": fate, "completions": count} for fate, count in sorted(fates.items())]
    show_rows(rows, ["fate", "completions"], f"{name} goes on; nothing else changed.")
