"""`pars`: what PARS itself does, compared with what the settings assume of it."""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from consumer.cli.context import settings_of
from consumer.cli.output import FAILED, WRONG, fail, show_json
from consumer.clock import SystemClock
from consumer.pars.connect import connect
from consumer.pars.profile import ParsProfile
from consumer.pars.verify.bench import Bench
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.fragment import fragment, write_new
from consumer.pars.verify.place import Place, place_of
from consumer.pars.verify.plan import CHECKS, LAST, clean_up, go_through
from consumer.pars.verify.subject import (
    TEMPLATE,
    Subject,
    SubjectProblems,
    read_subject,
    simulated_subject,
)
from consumer.pars.xml import Documents
from consumer.parts import pars_profile
from consumer.settings import Settings

_PATH = click.Path(dir_okay=False, path_type=Path)
_COLOURS = {
    Outcome.PASS: "green",
    Outcome.DIFFERS: "yellow",
    Outcome.FAILED: "red",
    Outcome.NOT_POSSIBLE: "dim",
}
_REQUESTS = 40


@click.group()
def pars() -> None:
    """PARS itself: what it does, beside what the settings assume."""


@pars.command()
@click.option("--profile", "name", default="main", show_default=True, help="Provider profile.")
@click.option("--learner", type=_PATH, help="Test learner and activity (TOML); see --template.")
@click.option("--template", type=_PATH, help="Write an empty file for --learner, and stop.")
@click.option("--out", type=_PATH, help="Write the settings that fit into this new file.")
@click.option(
    "--patience",
    default=300.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait for a record to appear or to go.",
)
@click.option(
    "--i-know-this-is-production",
    "production",
    is_flag=True,
    help="Send test records all the same.",
)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def verify(
    context: click.Context,
    name: str,
    learner: Path | None,
    template: Path | None,
    out: Path | None,
    patience: float,
    *,
    production: bool,
    yes: bool,
) -> None:
    """Try out a PARS, ACCME's sandbox or the simulator, and say where our settings differ.

    Adds some records of a test learner and deletes each again. Exit codes: 0 all fits, 1 something
    differs or failed, 2 it could not be tried.
    """
    if template is not None:
        _write(template, TEMPLATE)
        return
    settings = settings_of(context)
    bench = _bench(settings, name, learner, patience)
    _agree(bench, learner, production=production, yes=yes)
    if out is not None and out.exists():
        fail([f"{out} is there already: name a new file with --out"])
    try:
        findings = _run(bench)
    except KeyboardInterrupt:
        sys.exit(WRONG)
    _tell(findings)
    if not bench.standing:
        fail(["PARS took no report, so most could not be tried: see the lines above"])
    if out is not None:
        _write(out, fragment(findings, name, bench.profile.transport))
    fits = all(one.outcome in (Outcome.PASS, Outcome.NOT_POSSIBLE) for one in findings)
    sys.exit(0 if fits else FAILED)


# ------------------------------------------------------------------ before


def _bench(settings: Settings, name: str, learner: Path | None, patience: float) -> Bench:
    profile, clock = _profile(settings, name), SystemClock()
    way = partial(
        connect,
        documents=Documents(settings.schemas_dir),
        schemas_dir=settings.schemas_dir,
        clock=clock,
    )
    subject, run = _subject(settings, name, learner), secrets.token_hex(4)
    return Bench(settings, profile, subject, way, clock, run, patience)


def _profile(settings: Settings, name: str) -> ParsProfile:
    if name not in settings.profiles:
        fail([f"profile {name} is not in the settings; there are: {', '.join(settings.profiles)}"])
    try:
        return pars_profile(name, settings.profiles[name], settings)
    except ValueError as error:
        fail([f"profiles.{name}: {error}"])


def _subject(settings: Settings, name: str, learner: Path | None) -> Subject:
    provider = settings.profiles[name]
    if learner is None and place_of(provider.url) is not Place.HERE:
        fail(
            [
                "a test learner and activity are needed, which ACCME gives you with its sandbox:"
                " moc-consumer pars verify --template learner.toml; fill it in, then --learner"
            ]
        )
    try:
        if learner is None:
            return simulated_subject(SystemClock().now().date(), name, provider)
        return read_subject(learner, name, provider)
    except SubjectProblems as problems:
        fail(problems.problems)


def _agree(bench: Bench, learner: Path | None, *, production: bool, yes: bool) -> None:
    """Show the plan; go on only where this is no production, and somebody said yes."""
    place = place_of(bench.provider.url)
    for line in _plan(bench, place, learner):
        click.echo(line, err=True)
    if place is Place.PRODUCTION and not production:
        fail(
            [
                "this address does not look like a test system; records sent to production reach"
                " a board. If it is a sandbox, add --i-know-this-is-production"
            ]
        )
    if not yes and not (sys.stdin.isatty() and click.confirm("Do it?", err=True)):
        fail(["nothing was sent; add --yes to do it"])


def _plan(bench: Bench, place: Place, learner: Path | None) -> Iterable[str]:
    profile, record = bench.profile, bench.subject.record
    pace = f"{bench.provider.requests_per_second:g} a second"
    yield f"profile    {profile.name}: {profile.transport}, credentials in {profile.credentials_in}"
    yield f"address    {profile.base_url} ({place})"
    yield f"learner    {learner or 'of the shipped simulator files'}, board {record.board}"
    yield f"activity   {record.pars_activity_id}, completed on {record.completed_on}"
    yield f"sends      about {_REQUESTS} requests, at most {pace}, the last with a wrong password"
    yield f"records    some ten are added and deleted again; CreditIDs begin with {bench.prefix}"


# ------------------------------------------------------------------ during


def _run(bench: Bench) -> list[Finding]:
    """Every finding, shown as it is made; whatever happens, PARS is left as it was."""
    signal.signal(signal.SIGTERM, _interrupt)
    findings: list[Finding] = []
    try:
        _show_each(go_through(CHECKS, bench), findings)
    finally:
        _take_back(bench, findings)
    _show_each(go_through(LAST, bench), findings)
    bench.close()
    return findings


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _take_back(bench: Bench, findings: list[Finding]) -> None:
    """Clean up; who interrupts that too is told what is left."""
    click.echo("deleting what was added", err=True)
    if bench.unheard:
        wait = f"at most {bench.patience_seconds:.0f} s"
        click.echo(f"waiting for a report whose answer never came, {wait}", err=True)
    try:
        _show_each(clean_up(bench), findings)
    except KeyboardInterrupt:
        fail([f"left behind, delete them in PARS: {', '.join(bench.held)}"])


def _show_each(found: Iterable[Finding], findings: list[Finding]) -> None:
    for finding in found:
        findings.append(finding)
        _show(finding)


def _show(finding: Finding) -> None:
    if not sys.stdout.isatty():
        show_json([_row(finding)])
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(width=12, style=_COLOURS[finding.outcome])
    table.add_column(width=36)
    table.add_column(overflow="fold")
    table.add_row(finding.outcome.value, finding.title, finding.seen)
    Console().print(table, highlight=False)


def _row(finding: Finding) -> dict[str, Any]:
    return {k: v for k, v in asdict(finding).items() if v not in ("", None)} | (
        {"change": finding.change} if finding.change else {}
    )


# ------------------------------------------------------------------ after


def _tell(findings: list[Finding]) -> None:
    """What to change, for people; a pipe has it in its lines."""
    changes = [one.change for one in findings if one.change]
    rows = [one.suggested_row for one in findings if one.suggested_row]
    for heading, lines in (
        ("Settings to change:", changes),
        ("Suggested lines for consumer/pars/symptoms.py:", rows),
    ):
        if lines and sys.stdout.isatty():
            click.echo("\n".join(["", heading, *(f"  {line}" for line in lines)]))


def _write(path: Path, text: str) -> None:
    try:
        write_new(path, text)
    except FileExistsError:
        fail([f"{path} is there already: name a new file"])
    except OSError as error:
        fail([f"{path} cannot be written: {error.strerror}"])
    click.echo(f"written: {path}", err=True)
