"""`console`: the web console alone, beside a service that runs elsewhere."""

from __future__ import annotations

import signal
import threading

import click

from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults
from consumer.console.console import console_of
from consumer.console.serving import keep_up, serving
from consumer.premises import Premises

DEFAULT_LISTEN = "127.0.0.1:8792"


@click.command()
@click.option("--listen", help="host:port to answer on. Default: console.listen of the settings.")
@click.pass_context
def console(context: click.Context, listen: str | None) -> None:
    """Serve the web console until SIGTERM or Ctrl-C.

    `run` serves it too when console.listen is set; this is for a console in a process of its own.
    Who may sign in: moc-consumer user add NAME.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    desk = console_of(parts, ledger, Premises(parts.house))
    with telling_faults(), serving(desk, listen or settings.console.listen or DEFAULT_LISTEN) as at:
        click.echo(f"console at {at}", err=True)
        keep_up(desk, parts.clock, stop)
    ledger.close()
