"""The command `moc-consumer`: noun, then verb. Exit codes: 0 done, 1 failed, 2 wrong input."""

from __future__ import annotations

from pathlib import Path

import click

from consumer import __version__
from consumer.cli.activity import activity
from consumer.cli.answers import agree, decline
from consumer.cli.credit import credit
from consumer.cli.deadletter import deadletter
from consumer.cli.demo import demo
from consumer.cli.ledger import ledger
from consumer.cli.mapping import mapping
from consumer.cli.pars import pars
from consumer.cli.publish import publish
from consumer.cli.ready import ready
from consumer.cli.report import report
from consumer.cli.run import check, run
from consumer.cli.simulate import simulate
from consumer.cli.source import source
from consumer.cli.table import table


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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


for answer in (agree, decline):
    deadletter.add_command(answer)
_COMMANDS = (run, ready, check, demo, simulate, publish, mapping, deadletter, credit)
for command in (*_COMMANDS, report, activity, table, pars, source, ledger):
    main.add_command(command)
