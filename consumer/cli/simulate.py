"""`simulate`: a PARS to try things on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import click

from consumer.cli.output import fail
from consumer.clock import SystemClock
from consumer.pars.contract import CompletedForm, Placement, UniqueIDForm
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


def _of(choices: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([one.value for one in choices])


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
@click.option(
    "--second-credit",
    default=Policy.STORE.value,
    show_default=True,
    type=click.Choice([policy.value for policy in (Policy.STORE, Policy.REFUSAL)]),
    help="Answer to the same credit under another CreditID.",
)
@click.option("--visible-after", default=0.0, help="Seconds until a status question finds it.")
@click.option("--credentials-in", type=_of(Placement), help="The only place that counts.")
@click.option("--completed-form", type=_of(CompletedForm), help="The only form it takes.")
@click.option(
    "--unique-id-form",
    default=UniqueIDForm.LIST.value,
    show_default=True,
    type=_of(UniqueIDForm),
    help="Of the learner's number in JSON.",
)
@click.option("--word", "words", multiple=True, help='Replaces a text: "Pending=In review".')
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
    second_credit: str,
    visible_after: float,
    credentials_in: str | None,
    completed_form: str | None,
    unique_id_form: str,
    words: tuple[str, ...],
) -> None:
    """Serve a PARS to try things on; its books are at /_books."""
    simulator = Simulator(
        [Provider(provider_id, user, password)],
        shipped("schemas"),
        SystemClock(),
        roster=_entries(roster, roster_from),
        activities=_entries(activities, activities_from),
        manners=Manners(
            board_delay_seconds=board_delay,
            visible_after_seconds=visible_after,
            duplicate=Policy(duplicates),
            second_credit=Policy(second_credit),
            unique_id_form=UniqueIDForm(unique_id_form),
            credentials_in=Placement(credentials_in) if credentials_in else None,
            completed_form=CompletedForm(completed_form) if completed_form else None,
            wording=dict(_worded(one) for one in words),
        ),
    )
    serve(simulator, host, port, announce=lambda url: click.echo(f"PARS simulator: {url}{STEM}"))


def _worded(option: str) -> tuple[str, str]:
    text, found, other = option.partition("=")
    if not found:
        fail(["--word needs TEXT=OTHER TEXT"])
    return text, other


def _entries(file: Path | None, read: Callable[[bytes], Sequence[T]]) -> Sequence[T]:
    try:
        return [] if file is None else read(file.read_bytes())
    except (ValueError, KeyError, TypeError) as error:
        fail([f"{file}: {type(error).__name__}: {error}"])
