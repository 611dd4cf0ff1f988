"""`reconcile`: what an LMS completed and never told, named and, with a yes, brought."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import click

from consumer.bus.connect import Bus
from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, Columns, confirm, fail, show_rows
from consumer.clock import SystemClock
from consumer.desk.comparing import Comparison
from consumer.desk.reconciling import LmsHeld, Reconciling, list_comparisons
from consumer.ledger import reconcilebook
from consumer.lms.listing import ListAway, ListRefused
from consumer.settings import Settings

_DIFFERENCES: Columns = [
    ("what", "list"),
    ("name", "learner"),
    ("activity", "course"),
    "completed",
    "then",
]
_RESULTS: Columns = [
    ("at", "name", "who"),
    "standing",
    ("compared", "missing"),
    "published",
    ("taken_back", "not_listed"),
]


@click.command()
@click.argument("name", metavar="[LIST]", required=False)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE",
              help="Compare what was completed from this day on; default: `days`.")  # fmt: skip
@click.option("--results", is_flag=True, help="Show what earlier comparisons found.")
@click.option("--limit", default=50, show_default=True, help="Show at most so many; 0: all.")
@click.option("--forget", is_flag=True, help="Forget LIST, which the settings name no more.")
@click.option("--yes", is_flag=True, help="Have what never arrived heard, without asking.")
@click.pass_context
def reconcile(
    context: click.Context,
    name: str | None,
    since: datetime | None,
    *,
    results: bool,
    limit: int,
    forget: bool,
    yes: bool,
) -> None:
    """Compare an LMS's LIST of completions with the ledger, and bring what never arrived.

    Shows every difference first, masked. What is brought goes the way of any event; what was heard
    before is no second credit. What the list lacks, or what was taken back here, is named alone.
    """
    settings = settings_of(context)
    if results or forget:
        _kept(settings, name or "", limit, forget=forget)
        return
    desks = [*_desks(settings, name)]
    begin = since.replace(tzinfo=UTC) if since else None
    found = [(desk, one) for desk in desks if (one := _compared(desk, begin))]
    _show(found, limit)
    missing = sum(len(one.missing) for _, one in found)
    if missing:
        told = "1 completion that never arrived is" if missing == 1 else (
            f"{missing} completions that never arrived are")  # fmt: skip
        confirm(f"{told} published, and heard like any other.", yes=yes)
        _publish(settings, found)
    if len(found) < len(desks):
        sys.exit(FAILED)


def _kept(settings: Settings, name: str, limit: int, *, forget: bool) -> None:
    ledger = ledger_of(settings)
    if forget and (not name or name in settings.reconcile):
        fail(["--forget: name a list that the settings have no more"])
    with telling_faults():
        if forget:
            with ledger.begin() as db:
                known = reconcilebook.forget(db, name)
            click.echo("Forgotten." if known else f"{name} was not known.", err=True)
            return
        rows = list_comparisons(ledger, name, limit or 1_000_000)
    show_rows(rows, _RESULTS, "Nothing was compared yet.")


def _desks(settings: Settings, name: str | None) -> Iterator[Reconciling]:
    lists = settings.reconcile
    if not lists:
        fail(["no list of completions is in the settings: [reconcile.NAME]; docs/reconciling.md"])
    if name is not None and name not in lists:
        fail([f"there is no list {name} in the settings; there are: {', '.join(sorted(lists))}"])
    house, ledger = parts_of(settings).house, ledger_of(settings)
    for one in [name] if name else lists:
        topic = lists[one].topic or settings.intake.topics[0]
        yield Reconciling(one, lists[one], ledger, house, SystemClock(), topic)


def _compared(desk: Reconciling, since: datetime | None) -> Comparison | None:
    """What was found; None where the list cannot be read, which is told."""
    try:
        with telling_faults():
            return desk.compare(since=since)
    except (ListAway, ListRefused) as error:
        click.echo(f"error: {desk.name}: {error}; nothing was published", err=True)
        return None


def _show(found: list[tuple[Reconciling, Comparison]], limit: int) -> None:
    rows = [line for desk, one in found for line in desk.lines(one)]
    shown = rows[:limit] if limit else rows
    show_rows(shown, _DIFFERENCES, "")
    if len(shown) < len(rows):
        click.echo(f"{len(rows) - len(shown)} more; --limit 0 shows them", err=True)
    for desk, one in found:
        left = ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in sorted(one.counts.items()))
        told = f"{one.compared} completions since {one.since:%Y-%m-%d} compared"
        told += f", {len(one.missing)} never arrived"
        click.echo(f"{desk.name}: {told}" + (f" (not compared: {left})" if left else ""), err=True)


def _publish(settings: Settings, found: list[tuple[Reconciling, Comparison]]) -> None:
    with telling_faults(), closing(Bus(settings).publisher()) as publisher:
        for desk, one in found:
            if one.missing:
                try:
                    desk.publish_for(user(), one, publisher)
                except LmsHeld as error:
                    fail([f"{desk.name}: {error}"], FAILED)
    click.echo("Done: it is heard within seconds, once the service runs.", err=True)
