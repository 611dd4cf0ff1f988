"""`simulate`: a PARS to try things on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from consumer.cli.output import fail
from consumer.clock import SystemClock
from consumer.pars.simulator.operations import Manners, Policy
from consumer.pars.simulator.server import serve
from consumer.pars.simulator.web import (
    STEM,
    Provider,
    Simulator,
    activities_from,
    roster_from,
)
from consumer.resources import shipped

T = TypeVar("T")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8790, show_default=True, help="Port; 0 takes a free one.")
@click.option("--provider-id", default="0009999", show_default=True, help="7-digit provider ID.")
@click.option("--user", default="demo", show_default=True, help="Web service user.")
@click.option("--password", envvar="MOC_SIMULATOR_PASSWORD", default="demo", help="[default: demo]")
@click.option("--roster", type=_FILE, help="JSON list of diplomates; see the README.")
@click.option("--activities", type=_FILE, help="JSON list of activities; see the README.")
@click.option("--board-delay", default=2.0, show_default=True, help="Seconds to the decision.")
@click.option(
    "--duplicates",
    default=Policy.REFUSAL.value,
    show_default=True,
    type=click.Choice([policy.value for policy in (Policy.REFUSAL, Policy.SUCCESS)]),
    help="Answer to a CreditID that is there already.",
)
def simulate(
    host: str,
    port: int,
    provider_id: str,
    user: str,
    password: str,
    roster: Path | None,
    activities: Path | None,
    board_delay: float,
    duplicates: str,
) -> None:
    """Serve a PARS to try things on; its books are at /_books."""
    simulator = Simulator(
        [Provider(provider_id, user, password)],
        shipped("schemas"),
        SystemClock(),
        roster=_entries(roster, roster_from),
        activities=_entries(activities, activities_from),
        manners=Manners(board_delay_seconds=board_delay, duplicate=Policy(duplicates)),
    )
    serve(simulator, host, port, announce=lambda url: click.echo(f"PARS simulator: {url}{STEM}"))


def _entries(file: Path | None, read: Callable[[bytes], Sequence[T]]) -> Sequence[T]:
    try:
        return [] if file is None else read(file.read_bytes())
    except (ValueError, KeyError, TypeError) as error:
        fail([f"{file}: {type(error).__name__}: {error}"])
