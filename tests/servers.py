"""Kafka and PostgreSQL to try the whole on, until Ctrl-C: nothing of them stays.

python -m tests.servers --kafka 9092 --postgresql 5432
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from tests.kafka import jars
from tests.kafka.broker import Broker, BrokerFailed
from tests.postgres.server import NoPostgres, server_with


def main() -> None:
    """Start both, say where they are, and wait to be told to end them."""
    asked = argparse.ArgumentParser(description="Kafka and PostgreSQL to try the whole on")
    asked.add_argument("--kafka", type=int, default=9092, metavar="PORT")
    asked.add_argument("--postgresql", type=int, default=5432, metavar="PORT")
    ports = asked.parse_args()
    with ExitStack() as both:
        try:
            _open(both, ports.kafka, ports.postgresql)
        except (jars.NoJars, BrokerFailed, NoPostgres) as error:
            raise SystemExit(f"error: {error}") from error
        except subprocess.CalledProcessError:
            raise SystemExit(f"error: PostgreSQL: is port {ports.postgresql} taken?") from None
        ending = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)  # not before: children would inherit it
        click.echo("Ctrl-C ends both and leaves nothing.")
        signal.sigwait(ending)


def _open(both: ExitStack, kafka: int, postgresql: int) -> None:
    server = both.enter_context(server_with("moc", port=postgresql))
    click.echo(f"PostgreSQL  {server.address('moc')}")
    broker = Broker(Path(both.enter_context(tempfile.TemporaryDirectory())), port=kafka)
    broker.start()
    both.callback(broker.stop)
    click.echo(f"Kafka       {broker.bootstrap}")


if __name__ == "__main__":
    main()
