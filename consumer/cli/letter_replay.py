"""`deadletter try` and `replay`: what sending letters round again would do, and doing it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import click

from consumer.bus.past import past_messages
from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.letter_filter import filters, letters_wanted
from consumer.cli.output import FAILED, confirm, fail, show_json, show_one, show_rows
from consumer.cli.progress import progress
from consumer.clock import SystemClock
from consumer.desk.deadletters import NoSuchLetter, NotOpen, open_ids
from consumer.desk.recovering import Recovering, unsettled
from consumer.desk.replaying import Gone, Plan, Replaying
from consumer.desk.trying import FATES, Trial, try_each, try_letter
from consumer.settings import Settings

_GONE = ["letter_id", "fate", "says"]


@click.command("try")
@click.argument("letter_ids", nargs=-1)
@filters
@click.option("--all", "every", is_flag=True, help="All open letters that the filters select.")
@click.pass_context
def try_(
    context: click.Context, /, letter_ids: tuple[str, ...], *, every: bool, **chosen: Any
) -> None:
    """Show what sending letters round again would do; nothing is written or sent.

    Of each: its fate, what it waits for or which rules are broken, and what PARS would be told.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    ids = _chosen(ledger, settings, letter_ids, chosen, every=every)
    clock = SystemClock()
    try:
        with telling_faults():
            if len(letter_ids) == 1:
                _show(try_letter(ledger, parts.house, ids[0], clock))
                return
            with progress("trying", len(ids)) as one_more:
                rows = []
                for trial in try_each(ledger, parts.house, ids, clock):
                    rows.append(_told(trial))
                    one_more()
    except (NoSuchLetter, NotOpen) as error:
        fail([str(error)], FAILED)
    show_rows(rows, ["letter_id", "fate", "says"], "No dead letter fits.")


def _show(trial: Trial) -> None:
    """All of it in a pipe; on a terminal what PARS would be told, field by field."""
    if not sys.stdout.isatty():
        show_json([asdict(trial)])
        return
    page: dict[str, Any] = {
        "letter_id": trial.letter_id,
        "now": trial.happened,
        "then": trial.says,
        "complaints": [{k: v for k, v in one.items() if k != "reason"} for one in trial.complaints],
    }
    for number, record in enumerate(trial.records, 1):
        told = [{"what": k.replace("_", " "), "value": v} for k, v in record.items() if v]
        page["PARS is told" + (f" ({number})" if len(trial.records) > 1 else "")] = told
    show_one(page)


def _told(trial: Trial) -> dict[str, Any]:
    return asdict(trial) | {"complaints": [one["reason"] for one in trial.complaints]}


@click.command()
@click.argument("letter_ids", nargs=-1)
@filters
@click.option("--all", "every", is_flag=True, help="All open letters that the filters select.")
@click.option(
    "--from-topic",
    is_flag=True,
    help="Bring back, from their topic, all letters that a lost ledger knew.",
)
@click.option("--again", is_flag=True, help="Those too that went round twice and came back.")
@click.option("--why", default="", help="Why, for the audit; it is kept sealed.")
@click.option("--who", default="", help="Who decided, if not the user of this machine.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def replay(
    context: click.Context,
    /,
    letter_ids: tuple[str, ...],
    why: str,
    who: str,
    *,
    every: bool,
    from_topic: bool,
    again: bool,
    yes: bool,
    **chosen: Any,
) -> None:
    """Send dead letters through today's mappings, tables and rules again.

    The plan counts what would become of them. With --all those that would come back for the very
    same reason stay as they are. Each letter goes round by itself: stopped half-way, the same
    command goes on with what is left.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    if from_topic:
        wish = Recovering(ledger, parts.house, SystemClock(), who or user(), why)
        _from_topic(settings, wish, yes=yes)
    ids = _chosen(ledger, settings, letter_ids, chosen, every=every)
    desk = Replaying(ledger, parts.house, SystemClock(), who or user(), why, again, not every)
    if yes:
        # Whoever does not ask need not wait: what would come back stays as it is all the same.
        confirm(f"{len(ids)} dead letter(s) go round again.", yes=True)
    else:
        with telling_faults(), progress("looking", len(ids)) as one_more:
            plan = desk.preview(ids, one_more)
        confirm("\n".join(_in_words(plan)), yes=False)
    _go(desk.go(ids), len(ids))


def _from_topic(settings: Settings, desk: Recovering, *, yes: bool) -> NoReturn:
    topic = settings.outbox.dead_letters_topic
    with telling_faults():
        found = unsettled(past_messages(settings, topic), desk.ledger.seal)
        counts = Counter[str]() if yes else desk.preview(found)
    told = [f"{len(found)} dead letter(s) of {topic} need somebody."]
    told += [f"  {count}: {FATES.get(fate, 'here already')}" for fate, count in counts.items()]
    confirm("\n".join(told), yes=yes)
    _go(desk.go(found), len(found))


def _chosen(
    ledger: Any, settings: Any, ids: Sequence[str], chosen: dict[str, Any], *, every: bool
) -> list[str]:
    if not every and not ids:
        fail(["name the letters, or use --all with filters"])
    with telling_faults():
        return list(open_ids(ledger, letters_wanted(settings, chosen)) if every else ids)


def _in_words(plan: Plan) -> list[str]:
    told = [f"{len(plan.going)} dead letter(s) go round again."]
    for (reason, fate), count in plan.counts.most_common():
        told.append(f"  {count}: {plan.happened[reason]} -> {FATES.get(fate, fate)}")
    for count, why in (
        (plan.unchanged, "would be sent exactly as PARS refused them: was that mended at PARS?"),
        (plan.as_they_are, "would come back for the same reason: they stay as they are"),
        (plan.unanswered, "ask for a decision: deadletter agree, or decline"),
        (plan.too_often, "went round twice and came back: look at them, then add --again"),
    ):
        if count:
            told.append(f"{count} {why}" + ("" if why.endswith("?") else "."))
    return told


def _go(going: Iterable[Gone], many: int) -> NoReturn:
    """Each letter is told as it is written: in a pipe at once, on a terminal at the end."""
    gone: list[Gone] = []
    piped = not sys.stdout.isatty()
    try:
        with telling_faults(), progress("replaying", many) as one_more:
            for one in going:
                gone.append(one)
                one_more()
                if piped:
                    show_json([asdict(one)])
                    sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo(f"Stopped: {len(gone)} went round, {many - len(gone)} are left."
                   " The same command goes on with these.", err=True)  # fmt: skip
        sys.exit(FAILED)
    finally:
        if not piped:
            show_rows([asdict(one) for one in gone], _GONE, "No dead letter fits.")
    sys.exit(FAILED if any(one.failed for one in gone) else 0)
