"""The command `moc-consumer`: noun, then verb. Exit codes: 0 done, 1 failed, 2 wrong input."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from consumer import __version__

_MODULES = {
    **{name: name for name in ("run", "ready", "demo", "simulate", "publish", "mapping")},
    **{name: name for name in ("deadletter", "credit", "report", "activity", "table", "pars")},
    **{name: name for name in ("source", "ledger", "console", "user", "person")},
    **{name: name for name in ("notice", "webhook", "work", "gateway", "privacy")},
    "reconcile": "reconcile",
    "backfill": "backfill",
    "audit": "trail",
    "check": "run",
}
"""Each command, and the module below this package that it is in."""


class Commands(click.Group):
    """Loads a command when it is asked for: the service holds nothing of what makes PDFs."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Every command, in the order of the alphabet."""
        return sorted(_MODULES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, None if there is none of this name."""
        if name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f"consumer.cli.{_MODULES[name]}"), name)
        return command


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="moc-consumer")
@click.option(
    "--config",
    "-c",
    envvar="MOC_CONFIG",
    type=click.Path(path_type=Path),
    help="Settings file (TOML). Default: moc-consumer.toml in this folder, if it is there.",
)
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Report CME completions from any LMS to PARS, and follow each one to the board's decision.

    Settings come from a TOML file and from environment variables such as MOC_BUS=kafka. Where
    output goes to a pipe it is JSON, one object a line; on a terminal it is a table.
    """
    context.obj = config
