"""Serves the console: in a thread beside the pumps, or as the process itself."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from starlette.applications import Starlette

from consumer.clock import Clock
from consumer.console.application import application
from consumer.console.console import Console
from consumer.pumps.rejudging import RejudgingPump
from consumer.pumps.reloading import ReloadingPump
from consumer.telemetry.serving import served

_MOST_CONNECTIONS = 500


def serving(
    console: Console, listen: str, app: Starlette | None = None
) -> AbstractContextManager[str]:
    """The address while the console answers there, in a thread.

    Raises CannotListen; SettingsProblems where that would not be safe, or the certificate no good.
    """
    app = app or application(console, listen)
    return served(app, console.settings.console, "console", listen, _MOST_CONNECTIONS)


def keep_up(console: Console, clock: Clock, stop: threading.Event) -> None:
    """Take up changed tables and mappings until told to stop, where no pumps do it."""
    settings, premises = console.settings, console.premises
    seconds = settings.intake.look_seconds
    tables = RejudgingPump(
        settings.tables_dir, settings.profiles, console.ledger, premises, seconds, clock
    )
    mappings = ReloadingPump(
        settings.mappings_dir, settings.schemas_dir, console.ledger, premises, seconds, clock
    )
    while not stop.is_set():
        tables.take_up()
        mappings.turn()
        clock.wait(stop, seconds)
