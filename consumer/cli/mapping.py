"""`mapping`: draft, check, try, test and compare mapping files."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from consumer.cli.folders import Places, folder_options, places_of
from consumer.cli.mapping_diff import diff
from consumer.cli.mapping_new import new
from consumer.cli.mapping_test import test
from consumer.cli.mapping_try import try_
from consumer.cli.output import show_json
from consumer.cli.page import page, refuse, show_table, table_of
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.mapping.problem import MappingProblems
from consumer.resources import shipped


@click.group()
def mapping() -> None:
    """Mapping files: how an LMS's event becomes a completion."""


@mapping.command()
@folder_options
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line, for scripts.")
@click.pass_context
def lint(
    context: click.Context, mappings: Path | None, schemas: Path | None, *, as_json: bool
) -> None:
    """Check every mapping file, its paths and its examples; exit 2 when one is wrong."""
    places = places_of(context, mappings, schemas)
    try:
        catalogue = load_catalogue(places.mappings, places.schemas)
    except MappingProblems as problems:
        refuse(problems, places.root, as_json=as_json)
    warnings = _warnings(catalogue, places)
    rows = [
        {"mapping": one.name, "version": one.version, "kind": one.kind.value, "state": "ok"}
        | ({"warning": warnings[one.name]} if one.name in warnings else {})
        for one in catalogue.mappings
    ]
    if as_json:
        show_json(rows)
        return
    _show(rows)


def _show(rows: list[dict[str, object]]) -> None:
    console, table = page(), table_of("Mapping", "Version", "Kind", "State")
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("mapping", "version", "kind", "state")))
    show_table(console, table)
    for row in rows:
        if "warning" in row:
            console.print(Text(f"warning: {row['mapping']}: {row['warning']}", style="yellow"))
    console.print(f"{len(rows)} mappings, no problem" if rows else "There are no mapping files.")


def _warnings(catalogue: Catalogue, places: Places) -> dict[str, str]:
    """What still bears the version of the shipped one, and says something else."""
    if not places.own:
        return {}
    try:
        ours = load_catalogue(shipped("mappings"), shipped("schemas"))
    except MappingProblems:
        return {}
    told = "says something else than the one that ships, under the same version; raise version"
    return {one.name: told for one in catalogue.unraised(ours)}


for command in (new, try_, test, diff):
    mapping.add_command(command)
