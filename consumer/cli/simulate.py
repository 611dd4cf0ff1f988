"""`simulate`: a PARS to try things on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeVar

import click

from consumer.cli.output import fail
from consumer.clock import Clock, SystemClock
from consumer.pars.contract import CompletedForm, Placement, UniqueIDForm
from consumer.pars.simulator.certificate import Certificate, Tls, certificate
from consumer.pars.simulator.faults import Rule
from consumer.pars.simulator.operations import Manners, Policy
from consumer.pars.simulator.plan import PlanProblems, plan_from_file, plan_from_flags
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
_ANSWERS: dict[str, Literal[Policy.REFUSAL, Policy.SUCCESS]] = {
    "refusal": Policy.REFUSAL,
    "success": Policy.SUCCESS,
}
_SECOND: dict[str, Literal[Policy.STORE, Policy.REFUSAL]] = {
    "store": Policy.STORE,
    "refusal": Policy.REFUSAL,
}


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
    default="refusal",
    show_default=True,
    type=click.Choice([*_ANSWERS]),
    help="Answer to a credit that is there already.",
)
@click.option("--faults", type=_FILE, help="A plan of what goes wrong, TOML or YAML.")
@click.option(
    "--fault",
    "flags",
    multiple=True,
    metavar="'KIND [name=value ...]'",
    help="One thing that goes wrong, such as 'status status=503 times=3'; may stand repeatedly.",
)
@click.option(
    "--tls",
    type=click.Choice([kind.value for kind in Tls]),
    help="Serve HTTPS with a certificate made now: a good one, or one that must be refused.",
)
@click.option(
    "--certificate",
    "public",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the certificate of --tls here, for a client to trust.",
)
@click.option(
    "--second-credit",
    default="store",
    show_default=True,
    type=click.Choice([*_SECOND]),
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
    faults: Path | None,
    flags: tuple[str, ...],
    tls: str | None,
    public: Path | None,
    second_credit: str,
    visible_after: float,
    credentials_in: str | None,
    completed_form: str | None,
    unique_id_form: str,
    words: tuple[str, ...],
) -> None:
    """Serve a PARS to try things on; its books are at /_books.

    It can have a bad day: docs/simulator.md shows every fault of a plan.
    """
    clock = SystemClock()
    simulator = Simulator(
        [Provider(provider_id, user, password)],
        shipped("schemas"),
        clock,
        roster=_entries(roster, roster_from),
        activities=_entries(activities, activities_from),
        manners=Manners(
            board_delay_seconds=board_delay,
            visible_after_seconds=visible_after,
            duplicate=_ANSWERS[duplicates],
            second_credit=_SECOND[second_credit],
            unique_id_form=UniqueIDForm(unique_id_form),
            credentials_in=Placement(credentials_in) if credentials_in else None,
            completed_form=CompletedForm(completed_form) if completed_form else None,
            wording=dict(_worded(one) for one in words),
        ),
        faults=_plan(faults, flags),
    )
    made = _certificate(tls, host, public, clock)
    serve(simulator, host, port, announce=_announce, tls=made)


def _announce(url: str) -> None:
    insecure = "-k " if url.startswith("https") else ""
    click.echo(f"PARS simulator: {url}{STEM}")
    click.echo(f"Upload a report: curl {insecure}--data-binary @report.xlsx {url}/_upload")
    click.echo(f"Its results:     curl {insecure}-o results.xlsx {url}/_results.xlsx")


def _plan(file: Path | None, flags: Sequence[str]) -> list[Rule]:
    """What goes wrong, by file and by flags; every problem of both is told at once."""
    rules: list[Rule] = []
    problems: list[str] = []
    plans: list[Callable[[], list[Rule]]] = [lambda: plan_from_flags(flags)]
    if file is not None:
        plans.insert(0, lambda: plan_from_file(file))
    for read in plans:
        try:
            rules += read()
        except PlanProblems as found:
            problems += found.problems
    if problems:
        fail(problems)
    return rules


def _certificate(
    tls: str | None, host: str, public: Path | None, clock: Clock
) -> Certificate | None:
    if tls is None:
        return None
    made = certificate(Tls(tls), host, clock.now())
    if public is not None:
        public.write_bytes(made.public)
    return made


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
