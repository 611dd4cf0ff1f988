"""Which mappings and schemas a command works on: those named, the settings', or those shipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from consumer.cli.context import config_of
from consumer.resources import shipped
from consumer.settings import load_folders

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Places:
    """The two folders."""

    mappings: Path
    schemas: Path

    @property
    def root(self) -> Path:
        """The folder that names of mapping files begin below."""
        return self.mappings.parent

    @property
    def own(self) -> bool:
        """Whether they are the office's, and not part of the installed program."""
        return self.mappings.resolve() != shipped("mappings").resolve()


def folder_options(command: click.decorators.FC) -> click.decorators.FC:
    """`--mappings` and `--schemas`."""
    for option in (
        click.option("--mappings", type=FOLDER, help="Folder of mappings. Default: the settings'."),
        click.option("--schemas", type=FOLDER, help="Folder of schemas. Default: the settings'."),
    ):
        command = option(command)
    return command


def places_of(context: click.Context, mappings: Path | None, schemas: Path | None) -> Places:
    """Where to look; settings that cannot be read are no obstacle here."""
    said = load_folders(config_of(context))
    return Places(
        mappings or (said.mappings_dir if said else shipped("mappings")),
        schemas or (said.schemas_dir if said else shipped("schemas")),
    )
