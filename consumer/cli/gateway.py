"""`gateway`: the webhook gateway alone, beside a service that runs elsewhere."""

from __future__ import annotations

import signal
import threading

import click

from consumer.cli.context import settings_of, telling_faults
from consumer.clock import SystemClock
from consumer.gateway.road import CONDITION
from consumer.gateway.serving import receiving
from consumer.keys import KeysProblem, load_keys
from consumer.settings import SettingsProblems
from consumer.telemetry.exposition import Exposition
from consumer.telemetry.health import answering
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.spans import FLUSH_SECONDS, tracing_of

DEFAULT_LISTEN = "127.0.0.1:8793"


@click.command()
@click.option("--listen", help="host:port to answer on. Default: gateway.listen of the settings.")
@click.option(
    "--health",
    default="",
    help="host:port for /ready, /live, /startup and /metrics. Default: nowhere.",
)
@click.pass_context
def gateway(context: click.Context, listen: str | None, health: str) -> None:
    """Take events that LMSs post, until SIGTERM or Ctrl-C; `run` does too with gateway.listen.

    Each is on the bus before the LMS is told so, or on this machine's disk while Kafka is away.
    """
    settings, clock = settings_of(context), SystemClock()
    stop, readiness = threading.Event(), Readiness(clock, starts_with=(CONDITION,))
    exposition = Exposition(Meters(), readiness, clock, has_ledger=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    at = listen or settings.gateway.listen or DEFAULT_LISTEN
    stalled = settings.health.stalled_seconds
    with telling_faults(), answering(health, readiness, stalled, exposition):
        try:
            # Never new ones: `run` might make others at the same moment.
            keys, _ = load_keys(settings.keys_path, ledger_exists=True)
        except KeysProblem as problem:
            raise SettingsProblems([str(problem)]) from None
        tracing, meters = tracing_of(settings.tracing), exposition.meters
        with receiving(settings, keys.seal, clock, readiness, at, meters, tracing) as address:
            click.echo(f"gateway at {address}", err=True)
            stop.wait()
        tracing.close(FLUSH_SECONDS)
