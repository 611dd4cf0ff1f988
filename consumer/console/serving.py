"""Serves the console: in a thread beside the pumps, or as the process itself."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from consumer.clock import Clock
from consumer.console.application import application
from consumer.console.console import Console
from consumer.pumps.rejudging import RejudgingPump
from consumer.pumps.reloading import ReloadingPump
from consumer.settings import SettingsProblems
from consumer.settings.console import ConsoleSettings
from consumer.telemetry.listening import listening

_STOP_SECONDS = 3.0
_MOST_CONNECTIONS = 500


@contextmanager
def serving(console: Console, listen: str, app: Starlette | None = None) -> Iterator[str]:
    """The address while the console answers there, in a thread.

    Raises CannotListen; SettingsProblems where that would not be safe, or the certificate no good.
    """
    settings = console.settings.console
    if why := settings.why_not(listen):
        raise SettingsProblems([f"console.{why}"])
    _check_certificate(settings)
    with listening(listen, "console.listen") as listener:
        server = uvicorn.Server(_config(settings, app or application(console, listen)))
        thread = threading.Thread(
            target=server.run, args=([listener],), daemon=True, name="console"
        )
        thread.start()
        host, port = listener.getsockname()[:2]
        try:
            yield f"{'https' if settings.own_tls else 'http'}://{_in_url(host)}:{port}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


def _config(settings: ConsoleSettings, app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Who is at the other end is what the connection says; see console.peers for proxies.
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=1,
        ssl_certfile=settings.cert_file,
        ssl_keyfile=settings.key_file,
    )


def _check_certificate(settings: ConsoleSettings) -> None:
    if settings.cert_file is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is one of the first
        why = getattr(error, "strerror", None) or "no good"
        raise SettingsProblems(
            [f"console.cert_file and console.key_file: {why}: PEM files that belong together"]
        ) from None


def _no_password() -> str:
    """Instead of asking for one on the terminal, where nobody sits."""
    raise ValueError("the key has a password")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


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
