"""`mapping try`: one event through a mapping, row by row, and what the tables would say next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from consumer.cli.context import config_of
from consumer.cli.folders import Places, folder_options, places_of
from consumer.cli.output import FAILED, fail, show_json
from consumer.cli.page import page, refuse, show_table, table_of
from consumer.clock import SystemClock
from consumer.desk.outlook import Outlook, outlook
from consumer.desk.words import advice
from consumer.drafting.sample import events_of
from consumer.event import Envelope
from consumer.mapping.example import Unreadable
from consumer.mapping.loader import load_event, load_mapping, load_some
from consumer.mapping.mapping import Mapping
from consumer.mapping.mask import masked
from consumer.mapping.problem import MappingProblems
from consumer.mapping.said import Said
from consumer.mapping.trial import Trial, try_mapping, verdict_words
from consumer.parts import tables_house
from consumer.reason import Stopped
from consumer.settings import SettingsProblems, load_settings
from consumer.tables import TableProblems

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("try")
@click.argument("files", nargs=-1, type=_FILE, metavar="[FILE] EVENT")
@folder_options
@click.option("--show", is_flag=True, help="Show the event's values: mind who sees your screen.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line, for scripts.")
@click.pass_context
def try_(
    context: click.Context,
    files: tuple[Path, ...],
    mappings: Path | None,
    schemas: Path | None,
    *,
    show: bool,
    as_json: bool,
) -> None:
    """Show what a mapping makes of the event in EVENT, row by row, and what would become of it.

    Without FILE the mapping is found as the service finds it. Values are masked.
    """
    if len(files) not in (1, 2):
        raise click.UsageError("give an event's file, or a mapping's file and an event's")
    places = places_of(context, mappings, schemas)
    try:
        mapping_file = files[0] if files[1:] else None
        pairs = [pair for one in _events(files[-1]) for pair in _pairs(one, mapping_file, places)]
        trials = [(mapping, try_mapping(mapping, one), one) for mapping, one in pairs]
    except MappingProblems as problems:
        refuse(problems, places.root, as_json=as_json)
    except Stopped as stopped:
        fail([_refusal(reason) for reason in stopped.reasons], FAILED)
    house = _Tables(context)
    told = [_Told(mapping, trial, house.say(mapping, one)) for mapping, trial, one in trials]
    for one in told:
        if as_json:
            show_json([one.json(show=show)])
        else:
            one.page(page(), show=show)
    if any(one.trial.reasons or not one.trial.recognised for one in told):
        context.exit(FAILED)


def _events(file: Path) -> list[Envelope]:
    """The events of a file, as `mapping new` takes them. Raises MappingProblems, Stopped."""
    try:
        return events_of(file.read_bytes())
    except (Unreadable, OSError):
        return [load_event(file)]  # which says what is wrong with it


def _pairs(event: Envelope, file: Path | None, places: Places) -> list[tuple[Mapping, Envelope]]:
    """The events in a message, mostly one, each with its mapping.

    Raises MappingProblems, Stopped.
    """
    if file is not None:
        mapping = load_mapping(file, places.mappings, places.schemas)
        return [(mapping, one) for one in mapping.split(event)]
    catalogue, problems = load_some(places.mappings, places.schemas)
    try:
        return [(catalogue.recognise(one), one) for one in catalogue.events(event)]
    except Stopped:
        if problems:  # the mapping that would know it may be among these
            raise MappingProblems(problems) from None
        raise


def _refusal(reason: Any) -> str:
    return f"{reason}: {advice(reason).happened}; {advice(reason).how}"


class _Tables:
    """What the office's tables say, if a settings file leads to them."""

    def __init__(self, context: click.Context) -> None:
        self._house, self.why = None, ""
        if (config := config_of(context)) is None:
            return
        try:
            self._house = tables_house(load_settings(config))
        except (SettingsProblems, TableProblems) as found:
            self.why = f"not looked at: {found.problems[0]}"

    def say(self, mapping: Mapping, event: Envelope) -> list[Outlook]:
        if self.why:
            return [Outlook("tables", self.why)]
        try:
            said = mapping.read(event)
        except Stopped:
            return []
        if self._house is None or not isinstance(said, Said):
            return []
        return outlook(said, self._house, SystemClock().now())


class _Told:
    """One event's trial as it is shown."""

    def __init__(self, mapping: Mapping, trial: Trial, next_: list[Outlook]) -> None:
        self.mapping, self.trial, self._next = mapping, trial, next_

    def json(self, *, show: bool) -> dict[str, object]:
        rows = [
            {"target": r.target, "path": r.path, "verb": r.verbs, "error": r.error}
            | {"value": r.value if show else masked(r.value)}
            for r in self.trial.rows
        ]
        return {
            "mapping": self.mapping.name,
            "version": self.mapping.version,
            "recognised": self.trial.recognised,
            "verdict": verdict_words(self.mapping, self.trial),
            "rows": rows,
            "next": [{"what": o.what, "found": o.found, "how": o.next_step} for o in self._next],
        }

    def page(self, console: Console, *, show: bool) -> None:
        console.print(Text(f"{self.mapping.name} version {self.mapping.version}", style="bold"))
        if not self.trial.recognised:
            console.print(Text("The event is not this mapping's: match does not hold.", "yellow"))
        table = table_of("Target", "Path", "Verbs", "Value")
        for row in self.trial.rows:
            value = row.value if show else masked(row.value)
            shown = Text(row.error, "red") if row.error else Text(value)
            table.add_row(row.target, Text(row.path), Text(row.verbs), shown)
        if self.trial.rows:
            show_table(console, table)
        self._tell_end(console)

    def _tell_end(self, console: Console) -> None:
        console.print(f"Comes to: {verdict_words(self.mapping, self.trial)}")
        for reason in self.trial.reasons:
            console.print(Text(f"  {_refusal(reason)}", style="red"))
        for one in self._next:
            console.print(Text(f"{one.what}: ", style="bold").append(one.found, style=""))
            if one.next_step:
                console.print(Text(f"    next: {one.next_step}", style="green"))
