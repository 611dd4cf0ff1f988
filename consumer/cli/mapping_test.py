"""`mapping test`: the examples of mappings, with what differs; and writing what they come to."""

from __future__ import annotations

from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.text import Text

from consumer.cli.folders import Places, folder_options, places_of
from consumer.cli.output import FAILED, confirm, show_json
from consumer.cli.page import page, refuse, show_table, table_of
from consumer.mapping.loader import examples_of, find_mapping, load_mapping, mapping_files
from consumer.mapping.problem import MappingProblems
from consumer.mapping.rehearsal import Rehearsal, rehearse


@click.command()
@click.argument("name", required=False)
@folder_options
@click.option("--write", is_flag=True, help="Write what they come to now as what is expected.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line, for scripts.")
@click.pass_context
def test(
    context: click.Context,
    name: str | None,
    mappings: Path | None,
    schemas: Path | None,
    *,
    write: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Run the examples of the mapping NAME, or of all; exit 1 when one comes to something else."""
    places = places_of(context, mappings, schemas)
    try:
        files = [find_mapping(name, places.mappings)] if name else mapping_files(places.mappings)
        found = {file: _rehearsed(file, places) for file in files}
    except MappingProblems as problems:
        refuse(problems, places.root, as_json=as_json)
    every = [one for rehearsals in found.values() for one in rehearsals]
    if as_json:
        show_json([one.as_row() for one in every])
    else:
        _show(page(), every)
    wrong = {file: [one for one in ones if not one.passed] for file, ones in found.items()}
    if write and any(wrong.values()):
        _write(wrong, yes=yes)
    elif any(wrong.values()):
        context.exit(FAILED)


def _rehearsed(file: Path, places: Places) -> list[Rehearsal]:
    mapping = load_mapping(file, places.mappings, places.schemas)
    return [rehearse(mapping, example) for example in examples_of(file)]


def _show(console: Console, rehearsals: list[Rehearsal]) -> None:
    for one in rehearsals:
        mark = Text("ok      ", "green") if one.passed else Text("FAILED  ", "bold red")
        console.print(mark.append(f"{one.mapping}  {one.example}", style=""))
        if one.problem:
            console.print(Text(f"        {one.problem}", style="red"))
        if one.differing:
            table = table_of("        Field", "Expected", "Got")
            for what, expected, got in one.differing:
                table.add_row(Text(f"        {what}"), Text(expected), Text(got))
            show_table(console, table)
    failed = sum(not one.passed for one in rehearsals)
    console.print(f"{len(rehearsals)} examples, {failed} failed")


def _write(wrong: dict[Path, list[Rehearsal]], *, yes: bool) -> None:
    """Only where the event can be read: what a mapping comes to is then what is expected of it."""
    files = {
        file.with_suffix(".tests") / f"{one.example}.expect.json": one.got
        for file, ones in wrong.items()
        for one in ones
        if one.got
    }
    listed = "\n".join(f"  {file}" for file in files)
    confirm(f"What these examples come to now is written as what is expected:\n{listed}", yes=yes)
    for file, got in files.items():
        file.write_bytes(orjson.dumps(got, option=orjson.OPT_INDENT_2) + b"\n")
    click.echo(f"{len(files)} written. Read them: from now on they are what must come out.")
