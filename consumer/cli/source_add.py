"""`source add`: let an LMS post its events."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from consumer.cli.context import settings_of
from consumer.cli.gateway import DEFAULT_LISTEN
from consumer.cli.output import FAILED, fail, piped, show_json
from consumer.gateway.introducing import AlreadyThere, Introduction, Kind, introduce
from consumer.settings.entrance import safe_address

_HERE = f"http://{DEFAULT_LISTEN}"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--kind",
    required=True,
    type=click.Choice([one.value for one in Kind]),
    help="Which LMS, or generic.",
)
@click.option("--url", help="Address LMSs post to. Default: gateway.public_url of the settings.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where its secret goes. Default: secrets/NAME in data_dir.",
)
@click.pass_context
def add(
    context: click.Context, name: str, kind: str, url: str | None, secret_file: Path | None
) -> None:
    """Let the LMS NAME post its events: makes a secret, and says what to enter on both sides."""
    if not _NAME.fullmatch(name):
        fail(["NAME: a small letter, then small letters, digits, - and _; 40 at most"])
    settings = settings_of(context)
    if name in settings.gateway.sources:
        fail([f"gateway.sources.{name} is in the settings already"], FAILED)
    file = secret_file or settings.data_dir / "secrets" / name
    try:
        address = safe_address(url or settings.gateway.public_url or _HERE)
        _show(introduce(name, Kind(kind), address, file))
    except ValueError as error:
        fail([f"--url: {error}"])
    except AlreadyThere as error:
        fail([str(error)], FAILED)
    except OSError as error:
        fail([f"{file}: {error.strerror}"], FAILED)


def _show(made: Introduction) -> None:
    if piped():
        show_json([asdict(made)])
        return
    click.echo(f"A secret was made: {made.secret_file}\n\nInto the settings:\n")
    click.echo("\n".join(f"    {line}" for line in made.settings.splitlines()))
    click.echo("\nIn the LMS:\n")
    click.echo("\n".join(f"    {line}" for line in made.enter))
    click.echo("\nThen start the service anew; moc-consumer check says whether all is well.")
