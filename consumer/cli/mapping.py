"""`mapping`: check mapping files, and try one on an event."""

from __future__ import annotations

from pathlib import Path

import click

from consumer.cli.output import FAILED, fail, show_one, show_rows
from consumer.mapping.loader import load_catalogue, load_event, load_mapping
from consumer.mapping.problem import MappingProblems
from consumer.mapping.trial import Trial, try_mapping
from consumer.reason import Stopped
from consumer.resources import shipped

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def mapping() -> None:
    """Mapping files: how an LMS's event becomes a completion."""


def _folders(command: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option("--mappings", type=_FOLDER, help="Folder of mapping files."),
        click.option("--schemas", type=_FOLDER, help="Folder of event schemas."),
    ):
        command = option(command)
    return command


@mapping.command()
@_folders
def lint(mappings: Path | None, schemas: Path | None) -> None:
    """Check every mapping file, its paths and its examples; exit 2 when one is wrong."""
    try:
        catalogue = load_catalogue(mappings or shipped("mappings"), schemas or shipped("schemas"))
    except MappingProblems as problems:
        fail([str(one) for one in problems.problems])
    rows = [
        {"mapping": one.name, "version": one.version, "kind": one.kind.value, "state": "ok"}
        for one in catalogue.mappings
    ]
    show_rows(rows, ["mapping", "version", "kind", "state"], "There are no mapping files.")


@mapping.command("try")
@click.argument("file", type=_FILE)
@click.argument("event", type=_FILE)
@_folders
def try_(file: Path, event: Path, mappings: Path | None, schemas: Path | None) -> None:
    """Show what the mapping FILE makes of the event in EVENT, row by row.

    The values shown are the event's own: mind who sees your screen.
    """
    try:
        loaded = load_mapping(file, mappings or shipped("mappings"), schemas or shipped("schemas"))
        trials = [try_mapping(loaded, one) for one in loaded.split(load_event(event))]
    except MappingProblems as problems:
        fail([str(one) for one in problems.problems])
    except Stopped as stopped:
        fail([str(reason) for reason in stopped.reasons], FAILED)
    for trial in trials:
        _show(trial)
    if reasons := [str(reason) for trial in trials for reason in trial.reasons]:
        fail(reasons, FAILED)


def _show(trial: Trial) -> None:
    rows = [
        {"target": r.target, "path": r.path, "value": r.value, "error": r.error} for r in trial.rows
    ]
    show_rows(rows, ["target", "path", "value", "error"], "This mapping has no rows.")
    show_one({"recognised": trial.recognised, "verdict": str(trial.verdict)})
