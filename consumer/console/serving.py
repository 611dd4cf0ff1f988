"""Serves the console: in a thread beside the pumps, or as the process itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from consumer.clock import Clock
from consumer.console.application import application
from consumer.console.console import Console
from consumer.pumps.rejudging import RejudgingPump
from consumer.pumps.reloading import ReloadingPump
from consumer.telemetry.listening import listening

_STOP_SECONDS = 3.0


@contextmanager
def serving(console: Console, listen: str) -> Iterator[str]:
    """The address while the console answers there, in a thread. Raises CannotListen."""
    with listening(listen, "console.listen") as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                application(console),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(
            target=server.run, args=([listener],), daemon=True, name="console"
        )
        thread.start()
        host, port = listener.getsockname()[:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


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
