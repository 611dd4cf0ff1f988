"""`mapping new`: a draft of schema, mapping and examples from sample events."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from consumer.cli.folders import Places, folder_options, places_of
from consumer.cli.output import FAILED, fail
from consumer.cli.page import page, show_problems, show_table, table_of
from consumer.drafting.draft import Draft, draft
from consumer.drafting.guess import kind_asked
from consumer.drafting.sample import samples_of
from consumer.event import Envelope
from consumer.mapping.example import Unreadable
from consumer.mapping.loader import load_some
from consumer.reason import Stopped
from consumer.resources import shipped

_NAME = re.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)+", re.ASCII)
_MOST_SAMPLES = 20
_SETTINGS = 'mappings_dir = "mappings"\nschemas_dir = "schemas"'


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "files",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with sample events of one kind; may be given several times.",
)
@folder_options
@click.option(
    "--keep-values",
    is_flag=True,
    help="Put the samples' own values into the examples: only if the people in them are invented.",
)
@click.pass_context
def new(
    context: click.Context,
    name: str,
    files: tuple[Path, ...],
    mappings: Path | None,
    schemas: Path | None,
    *,
    keep_values: bool,
) -> None:
    """Draft the mapping NAME, as lms/event, from sample events, with its schema and examples.

    Each sample is a JSON object, bare or with its headers and key; a file may hold one, a list, or
    one a line. Every guess is marked. No value of a sample is copied unless --keep-values says so.
    """
    if not _NAME.fullmatch(name):
        fail([f"{name}: a name is the LMS and the event, such as academy/course_completed"])
    drafted = draft(name, _samples(files), keep_values=keep_values)
    places, unset = _own(places_of(context, mappings, schemas))
    _write(drafted, places)
    _tell(drafted, places, unset=unset, keep_values=keep_values)


def _samples(files: tuple[Path, ...]) -> list[Envelope]:
    found, problems = [], []
    for file in files:
        try:
            found += samples_of(file.read_bytes())
        except Unreadable as error:
            problems.append(f"{file}: {error}")
        except Stopped as stopped:
            problems += [f"{file}: {reason}" for reason in stopped.reasons]
        except OSError as error:
            problems.append(f"{file}: {error.strerror}")
    if problems:
        fail(problems, FAILED)
    return found[:_MOST_SAMPLES]


def _own(places: Places) -> tuple[Places, bool]:
    """The office's own folders, and whether the settings do not know them yet.

    The first time they are made here, as copies of what ships: the service reads one folder.
    """
    known = places.own
    here = places if known else Places(Path("mappings"), Path("schemas"))
    if here.own and not here.mappings.exists() and not here.schemas.exists():
        ignore = shutil.ignore_patterns("tables")
        shutil.copytree(shipped("mappings"), here.mappings, ignore=ignore)
        shutil.copytree(shipped("schemas"), here.schemas)
    return here, here.own and not known


def _write(drafted: Draft, places: Places) -> None:
    files = {_place(name, places): text for name, text in drafted.files.items()}
    if there := [str(file) for file in files if file.exists()]:
        fail([f"{file} is there already; take another name, or move it away" for file in there])
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _place(name: str, places: Places) -> Path:
    folder, _, rest = name.partition("/")
    return (places.mappings if folder == "mappings" else places.schemas) / rest


# ---------------------------------------------------------------- what is told


def _tell(drafted: Draft, places: Places, *, unset: bool, keep_values: bool) -> None:
    console = page()
    if unset:
        console.print(
            "Your mappings are in mappings/ and schemas/, beside copies of those shipped."
        )
        console.print("Put these lines at the top of moc-consumer.toml:\n")
        console.print(Text(_SETTINGS + "\n", style="cyan"))
    console.print("Written:")
    for name in drafted.files:
        console.print(f"  {_place(name, places)}")
    kept = "the samples' own values" if keep_values else "invented values in place of the samples'"
    console.print(f"The examples hold {kept}.\n")
    _tell_guesses(console, drafted)
    _tell_open(console, drafted, places)


def _tell_guesses(console: Console, drafted: Draft) -> None:
    table = table_of("What", "Taken from", "How sure")
    for match in drafted.match:
        table.add_row("match", match.path, match.why)
    table.add_row("kind", "", f"TODO: {kind_asked(drafted.match)}")
    for row in drafted.rows:
        table.add_row(row.target, row.path or "a fixed text", row.why)
    show_table(console, table)
    console.print()


def _tell_open(console: Console, drafted: Draft, places: Places) -> None:
    _, problems = load_some(places.mappings, places.schemas)
    mine = [one for one in problems if one.file.endswith(f"/{drafted.name}.yaml")]
    if mine:
        console.print(f"{len(mine)} thing(s) only you can know:\n")
        show_problems(console, mine, places.root)
    name = drafted.name
    console.print("Then:")
    if mine:
        console.print(
            f"  moc-consumer mapping test {name} --write   what the examples must come to"
        )
    console.print("  moc-consumer mapping lint")
    console.print("  moc-consumer mapping try EVENT")
