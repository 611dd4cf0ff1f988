"""`activity`: what the office has, what PARS has, and registering what PARS lacks."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from consumer.cli.activity_report import report
from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.many import IMPERSONAL, decided
from consumer.cli.output import FAILED, Columns, confirm, fail, show_json, show_rows
from consumer.cli.releasing import show_rehearsal, turn
from consumer.clock import SystemClock
from consumer.desk.activities import Line, ask_about, list_activities, read_lines
from consumer.desk.auditscope import NoSuchActivity
from consumer.desk.creditfilter import CreditFilter
from consumer.desk.registration import GOOD, FileProblems, Registrar, Told, read_file
from consumer.desk.switching import activities_named
from consumer.desk.words import advice
from consumer.ledger.inquiries import Inquiries
from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.connect import connect
from consumer.pars.port import Pars
from consumer.parts import pars_profile
from consumer.release import Mode, Subject
from consumer.settings import Settings
from consumer.tables.boards import load_boards

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LISTED: Columns = [
    ("activity", "course", "missing", "pars_says"),
    ("pars_activity_id", "board", "credit_types", "max_points"),
    "in_pars",
    "release",
    ("credits", "waiting"),
]
_TOLD = ["title", "action", "outcome", "pars_activity_id", "what_happened", "how"]


@click.group()
def activity() -> None:
    """Activities: the office's table, and what PARS has of it."""


activity.add_command(report)


@activity.command("list")
@click.option("--ask", is_flag=True, help="Ask PARS about each of them first.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on a terminal too.")
@click.pass_context
def list_(context: click.Context, *, ask: bool, as_json: bool) -> None:
    """List activities, what each one lacks, and how many completions wait for it.

    Courses that were heard of and have no row stand below.
    """
    settings = settings_of(context)
    boards, wrong = load_boards(settings.boards_file)
    lines, problems = read_lines(settings.tables_dir, settings.profiles, boards)
    for warning in (*wrong, *(f"{settings.tables_dir}/{problem}" for problem in problems)):
        click.echo(f"warning: {warning}", err=True)
    ledger = ledger_of(settings)
    with telling_faults():
        if ask:
            _ask(settings, lines, Inquiries(ledger))
        providers = {name: one.provider_id for name, one in settings.profiles.items()}
        rows = list_activities(ledger, lines, providers)
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, _LISTED, "No activity is in the table, and none was heard of.")


def _ask(settings: Settings, lines: list[Line], book: Inquiries) -> None:
    clock, asked = SystemClock(), {}
    for line in lines:
        chosen = settings.profiles.get(line.profile)
        if line.subject and chosen and not chosen.by_file:
            asked[line.subject] = (line.profile, line.row.cells["pars_activity_id"])
    for name in sorted({profile for profile, _ in asked.values()}):
        with closing(_way(settings, name)) as pars:
            for number in [number for profile, number in asked.values() if profile == name]:
                if reason := ask_about(pars, book, name, number, clock.now()):
                    told = advice(reason)
                    click.echo(f"{number}: {told.happened}; {told.how}", err=True)


def _way(settings: Settings, profile: str) -> Pars:
    try:
        chosen = pars_profile(profile, settings.profiles[profile], settings)
    except ValueError as error:
        fail([f"profiles.{profile}: {error}"])
    return connect(chosen, settings.schemas_dir, SystemClock())


_WHY = click.option("--why", required=True, help=IMPERSONAL)
_NAME = click.argument("name", metavar="ACTIVITY")


@activity.command()
@_NAME
@_WHY
@decided
@click.pass_context
def hold(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    """Hold an activity: each credit waits until a coordinator releases it.

    ACTIVITY is the office's own name or a PARS ID; it need not have a credit yet. Held again, what
    was released and is not sent yet waits anew.
    """
    turn(context, Subject.ACTIVITY, _named(context, name), Mode.HOLD, why, who, yes=yes)


@activity.command()
@_NAME
@_WHY
@decided
@click.pass_context
def shadow(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    """Rehearse an activity: everything is done but the sending, until it is released."""
    turn(context, Subject.ACTIVITY, _named(context, name), Mode.SHADOW, why, who, yes=yes)


@activity.command()
@_NAME
@_WHY
@decided
@click.pass_context
def release(context: click.Context, name: str, why: str, who: str, *, yes: bool) -> None:
    """Let a whole activity go: what waits is sent, and what comes is sent by itself."""
    turn(context, Subject.ACTIVITY, _named(context, name), Mode.AUTOMATIC, why, who, yes=yes)


@activity.command()
@_NAME
@click.pass_context
def rehearsal(context: click.Context, name: str) -> None:
    """Show what would have been sent of an activity that is rehearsed, or held."""
    for one in _named(context, name):
        show_rehearsal(context, CreditFilter(activity=one, limit=0))


def _named(context: click.Context, name: str) -> tuple[str, ...]:
    settings = settings_of(context)
    try:
        with telling_faults():
            return activities_named(ledger_of(settings), parts_of(settings).tables, name)
    except NoSuchActivity as error:
        known = ", ".join(error.known) or "none"
        fail([f"no activity {name}; there are: {known}"], FAILED)


@activity.command()
@click.argument("file", type=_FILE)
@click.option("--profile", default="main", show_default=True, help="Whose activities they are.")
@click.option("--not-in-pars", is_flag=True, help="You looked in PARS: they are not there. Send.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.pass_context
def submit(
    context: click.Context, file: Path, profile: str, *, not_in_pars: bool, yes: bool
) -> None:
    """Register the activities of FILE with PARS, or change or delete them there.

    FILE is ACCME's activity document as JSON or XML; docs/pars-activities.md describes it. Nothing
    is sent before every problem in it is gone, and you have seen what would be.
    """
    settings = settings_of(context)
    if profile not in settings.profiles:
        fail([f"no profile {profile}; there are: {', '.join(settings.profiles)}"])
    chosen = settings.profiles[profile]
    try:
        documents = ActivityDocuments(settings.schemas_dir)
        entries = read_file(file, documents, chosen.provider_id)
    except FileProblems as problems:
        fail([f"{file}: {one}" for one in problems.problems])
    plan = [
        f"{one.action} {one.own_id or one.pars_id}: {one.title} ({one.boards or 'no MOC'})"
        for one in entries
    ]
    confirm(
        "\n".join([*plan, f"{_count(len(entries))} to {chosen.activity_url or chosen.url}."]),
        yes=yes,
    )
    with telling_faults(), closing(_way(settings, profile)) as pars:
        registrar = Registrar(
            pars,
            Inquiries(ledger_of(settings)),
            SystemClock(),
            profile,
            chosen.provider_id,
            settings.sending.grace_seconds,
            user(),
            look_first=chosen.look_up_activities,
            not_in_pars=not_in_pars,
        )
        told = list(registrar.submit(entries))
    show_rows([_row(one) for one in told], _TOLD, "")
    sys.exit(0 if all(one.outcome in GOOD for one in told) else FAILED)


def _count(number: int) -> str:
    return "1 activity goes" if number == 1 else f"{number} activities go"


def _row(told: Told) -> dict[str, str]:
    return {
        "title": told.entry.title,
        "own_id": told.entry.own_id,
        "action": told.entry.action,
        "outcome": told.outcome.value,
        "pars_activity_id": told.pars_id,
        "what_happened": told.happened,
        "how": told.how,
    }
