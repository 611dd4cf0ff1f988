"""`run`, the service itself, and `check`, what it would run with."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import click

from consumer.board import Board
from consumer.cli.context import parts_of, settings_of, telling_faults
from consumer.cli.output import FAILED, show_one
from consumer.desk.answers import unknown_words
from consumer.desk.choices import waiting_for_choices
from consumer.desk.figures import figures
from consumer.garbage import search_seldom
from consumer.keys import KeysProblem, load_keys
from consumer.ledger.ledger import LedgerUnavailable, WrongSecret
from consumer.opening import opened
from consumer.parts import Parts, open_service_ledger
from consumer.service import Service, expected
from consumer.settings import ALL_PUMPS, PumpName, Settings, SettingsProblems
from consumer.tables import TableProblems, load_tables
from consumer.tables.activities import Activities
from consumer.tables.boards import load_boards
from consumer.telemetry.exposition import Exposition
from consumer.telemetry.health import answering
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.spans import FLUSH_SECONDS, tracing_of


@click.command()
@click.option(
    "--pump",
    "pumps",
    multiple=True,
    type=click.Choice(ALL_PUMPS),
    help="Run only this pump; may be given several times. Default: all of them.",
)
@click.pass_context
def run(context: click.Context, pumps: tuple[PumpName, ...]) -> None:
    """Run the service until SIGTERM or Ctrl-C.

    A ledger, a bus or a PARS that is away is waited for. The first signal finishes what is in hand,
    within stop_seconds; a second one leaves at once, which is safe too: what was under way is asked
    about at the next start.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    settings = settings_of(context, with_files=True)
    if pumps:
        settings = settings.model_copy(update={"pumps": list(pumps)})
    ended = _run(parts_of(settings), stop)
    with suppress(OSError):  # nobody reads along any more, or the disk is full
        sys.stdout.flush()
        sys.stderr.flush()
    # Worker threads that hang in a request would hold up a normal exit past the bound.
    os._exit(0 if ended else FAILED)


def _run(parts: Parts, stop: threading.Event) -> bool:
    settings, readiness = parts.settings, Readiness(parts.clock)
    health, retry = settings.health, settings.intake.retry_seconds
    exposition = Exposition(Meters(), readiness, parts.clock)
    readiness.expect(*expected(parts))  # before anybody can ask
    with (
        telling_faults(),
        answering(health.listen, readiness, health.stalled_seconds, exposition),
    ):
        ledger = opened(lambda: open_service_ledger(settings), readiness, stop, parts.clock, retry)
        if ledger is None:
            return True
        parts = replace(parts, tracing=tracing_of(settings.tracing))
        service = Service(parts, ledger, readiness=readiness, stop=stop, meters=exposition.meters)
        exposition.watch(lambda: figures(service.desk))
        search_seldom()
        with _console(service), _gateway(service):
            ended = service.run()
        ledger.close()
        parts.tracing.close(FLUSH_SECONDS)
        return ended


def _console(service: Service) -> AbstractContextManager[object]:
    """The web console beside the pumps, if it is wanted. Raises CannotListen."""
    if not service.parts.settings.console.listen:
        return nullcontext()
    # Loaded only now: a service without a console holds nothing of it.
    from consumer.console.console import console_of
    from consumer.console.serving import serving

    console = console_of(service.parts, service.ledger, service.premises, service.meters)
    return serving(console, service.parts.settings.console.listen)


def _gateway(service: Service) -> AbstractContextManager[object]:
    """The webhook gateway beside the pumps, if it is wanted. Raises CannotListen."""
    settings = service.parts.settings
    if not settings.gateway.listen:
        return nullcontext()
    from consumer.gateway.serving import receiving

    parts, meters = service.parts, service.meters
    seal, readiness = service.ledger.seal, service.readiness
    return receiving(settings, seal, parts.clock, readiness, "", meters, parts.tracing)


def _stop_on_signals(to_stop: threading.Event) -> None:
    def stop(number: int, _frame: object) -> None:
        if to_stop.is_set():
            os._exit(128 + number)
        to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


@click.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Show the settings in force, secrets masked, and everything that is wrong, at once.

    Of a ledger that is there it also tells what waits for a choice that only ACCME or the office
    can make, and which words of PARS's nobody knows.
    """
    settings = settings_of(context, with_files=True)
    problems = _key_problems(settings) + _gateway_problems(settings)
    boards = [_board_shown(board) for board in load_boards(settings.boards_file)[0].values()]
    questions = {} if problems else _open_questions(settings, problems)
    show_one(_flat(settings.model_dump(mode="json")) | {"boards": boards} | questions)
    parts = parts_of(settings, beside=problems)
    tables = parts.tables
    click.echo(
        f"ok: {len(parts.catalogue.mappings)} mappings, {len(tables.learners)} learners,"
        f" {len(tables.activities)} activities, {len(settings.profiles)} provider profile(s)",
        err=True,
    )


def _board_shown(board: Board) -> dict[str, str]:
    """What is in force for a board, as `check` lists it."""
    types = list(board.certifications) + ["any"] * board.any_credit_type
    by = board.deadlines
    return {
        "board": board.name,
        "ids": board.id_rule,
        "credit_types": "; ".join(types),
        "needs": ", ".join(sorted(board.marks)),
        "repeats": "yes" if board.repeats else "no",
        "partial": "yes" if board.partial else "no",
        "steps": str(board.points_step),
        "report_within": f"{by.days} days",
        "year_end": "{:02}-{:02}".format(*by.year_end),
        "closes": "{:02}-{:02}".format(*by.closes),
        "from": board.source,
    }


def _open_questions(settings: Settings, problems: list[str]) -> dict[str, Any]:
    """What only ACCME or the office can answer; adds to `problems` if the ledger will not open."""
    if not settings.ledger_exists:
        return {}
    try:
        ledger = open_service_ledger(settings)
        return {
            "waiting_for_a_choice": waiting_for_choices(
                ledger, _activities(settings), settings.profiles
            ),
            "words_of_pars_nobody_knows": unknown_words(ledger),
        }
    except (WrongSecret, LedgerUnavailable) as error:
        problems.append(f"the ledger: {error}")
        return {}


def _activities(settings: Settings) -> Activities:
    try:
        return load_tables(settings.tables_dir, settings.profiles).activities
    except TableProblems:  # told with everything else that is wrong
        return Activities({})


def _gateway_problems(settings: Settings) -> list[str]:
    if not settings.gateway.listen:
        return []
    from consumer.gateway.serving import proofs_of

    try:
        proofs_of(settings.gateway)
    except SettingsProblems as error:
        return list(error.problems)
    return []


def _key_problems(settings: Settings) -> list[str]:
    if not settings.keys_path.exists() and not settings.ledger_exists:
        return []  # made at the first start
    try:
        load_keys(settings.keys_path, ledger_exists=settings.ledger_exists)
    except KeysProblem as problem:
        return [str(problem)]
    return []


def _shown(value: Any) -> Any:
    """Credentials in an address are refused, but the refusal must not show them."""
    return re.sub("//[^/]*@", "//**********@", value) if isinstance(value, str) else value


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = ", ".join(value) if isinstance(value, list) else _shown(value)
    return flat
