"""`mapping diff`: what past events would say by other mappings, before those are put in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from consumer.bus.past import past_messages
from consumer.bus.port import Message
from consumer.cli.context import config_of, settings_of, telling_faults
from consumer.cli.folders import FOLDER
from consumer.cli.output import FAILED, show_json
from consumer.cli.page import page, refuse, show_table, table_of
from consumer.clock import SystemClock
from consumer.decoding.schemas import Reading as Forms
from consumer.desk.consequence import CREDITS, consequence
from consumer.drafting.sample import samples_of
from consumer.event import Envelope, decode
from consumer.journey import House
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.comparison import Change, Reading, Turn, compare, read_all
from consumer.mapping.example import Unreadable
from consumer.mapping.loader import load_some
from consumer.mapping.mask import masked
from consumer.mapping.problem import MappingProblems
from consumer.parts import reading_of, registry_of, tables_house
from consumer.reason import Stopped
from consumer.resources import shipped
from consumer.settings import SettingsProblems, load_settings
from consumer.tables import TableProblems

_LIMIT_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Event:
    """One message and where it stands."""

    place: str
    envelope: Envelope | None


@click.command()
@click.argument("old", type=FOLDER)
@click.argument("new", type=FOLDER)
@click.option(
    "--events",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Past events, one a line, bare or with headers and key.",
)
@click.option("--from-topic", "topic", help="Read this topic from its beginning instead.")
@click.option("--limit", default=100_000, show_default=True, help="At most so many messages.")
@click.option("--show", is_flag=True, help="Show values: mind who sees your screen.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one changed event a line.")
@click.pass_context
def diff(
    context: click.Context,
    old: Path,
    new: Path,
    events: Path | None,
    topic: str | None,
    limit: int,
    *,
    show: bool,
    as_json: bool,
) -> None:
    """Compare what past events say by the mappings in OLD and in NEW; changes nothing.

    OLD and NEW hold `mappings` and `schemas`, or are folders of mappings beside their schemas.
    Where a settings file leads to the tables, it counts the credits that would change too.
    """
    if (events is None) == (topic is None):
        raise click.UsageError("give --events FILE, or --from-topic TOPIC")
    before, after = _catalogue(old, as_json=as_json), _catalogue(new, as_json=as_json)
    past = _of_file(events) if events else _of_topic(context, topic or "")
    house, told = _house(context), _Told(page(), show=show, as_json=as_json)
    with telling_faults():
        for event in islice(past, limit):
            told.take(event, list(_changes(event, before, after)), house)
    told.end([one.name for one in after.unraised(before)])
    if told.count[Turn.LOST]:
        context.exit(FAILED)


def _catalogue(folder: Path, *, as_json: bool) -> Catalogue:
    inner, beside = folder / "mappings", folder.parent / "schemas"
    mappings = inner if inner.is_dir() else folder
    schemas = folder / "schemas" if inner.is_dir() else beside
    schemas = schemas if schemas.is_dir() else shipped("schemas")
    catalogue, problems = load_some(mappings, schemas)
    if problems:
        refuse(MappingProblems(problems), mappings.parent, as_json=as_json)
    return catalogue


def _house(context: click.Context) -> House | None:
    """Tables to judge by, if there are any; without them facts are compared alone."""
    if (config := config_of(context)) is None:
        return None
    try:
        return tables_house(load_settings(config))
    except (SettingsProblems, TableProblems):
        return None


def _of_file(file: Path) -> Iterator[_Event]:
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                yield from (_Event(f"{file.name}:{number}", one) for one in samples_of(line))
            except (Unreadable, Stopped):
                yield _Event(f"{file.name}:{number}", None)


def _of_topic(context: click.Context, topic: str) -> Iterator[_Event]:
    settings = settings_of(context)
    reading = reading_of(settings, registry_of(settings, SystemClock()))
    for message in past_messages(settings, topic):
        yield _Event(f"{topic}/{message.partition}/{message.offset}", _decoded(message, reading))


def _decoded(message: Message, reading: Forms) -> Envelope | None:
    try:
        return decode(message, _LIMIT_BYTES, reading)
    except Stopped:
        return None


def _changes(event: _Event, before: Catalogue, after: Catalogue) -> Iterable[Change]:
    if event.envelope is None:
        return []
    return compare(read_all(before, event.envelope), read_all(after, event.envelope))


class _Told:
    """Counts, and tells of each event that changes."""

    def __init__(self, console: Console, *, show: bool, as_json: bool) -> None:
        self._console, self._show, self._json = console, show, as_json
        self.count: Counter[str] = Counter()

    def take(self, event: _Event, changes: list[Change], house: House | None) -> None:
        if event.envelope is None:
            self.count["unreadable either way"] += 1
        for place, change in enumerate(changes):
            self.count[change.turn] += 1
            if change.turn is Turn.SAME:
                continue
            credits_ = consequence(change, house, SystemClock().now()) if house else Counter()
            self.count += credits_
            where = event.place if len(changes) == 1 else f"{event.place}[{place}]"
            if self._json:
                show_json([self._row(where, change, credits_)])
            else:
                self._page(where, change, credits_)

    def end(self, unraised: list[str]) -> None:
        if self._json:
            show_json([{"count": {str(name): n for name, n in self.count.items()}}])
            return
        told = {name: n for name, n in self.count.items() if name not in CREDITS}
        table = table_of("Events", "")
        for name, number in told.items():
            table.add_row(str(number), str(name))
        for name in CREDITS:
            if self.count[name]:
                table.add_row(str(self.count[name]), name)
        if self.count:
            show_table(self._console, table)
        else:
            self._console.print("There are no events.")
        for name in unraised:
            warning = f"warning: {name} says something else under the same version; raise version"
            self._console.print(Text(warning, style="yellow"))

    def _value(self, value: str) -> str:
        return value if self._show else masked(value)

    def _row(self, where: str, change: Change, credits_: Counter[str]) -> dict[str, object]:
        facts = [{"target": n, "old": self._value(o), "new": self._value(w)}
                 for n, o, w in change.facts]  # fmt: skip
        sides = {"old": _side(change.old), "new": _side(change.new)}
        return (
            {"event": where, "change": change.turn.value}
            | sides
            | {
                "facts": facts,
                "credits": dict(credits_),
            }
        )

    def _page(self, where: str, change: Change, credits_: Counter[str]) -> None:
        told = ", ".join(f"{name}: {n}" for name, n in credits_.items())
        line = Text(f"{where}  {change.turn.value}", "bold").append(f"  {told}", "yellow")
        self._console.print(Text(line.plain.rstrip(), spans=line.spans))
        if change.turn is not Turn.FACTS or change.old.mapping != change.new.mapping:
            self._console.print(f"    {_side(change.old)} -> {_side(change.new)}")
        for name, old, new in change.facts:
            self._console.print(Text(f"    {name}: {self._value(old)} -> {self._value(new)}"))


def _side(reading: Reading) -> str:
    known = f"{reading.mapping} {reading.version}: " if reading.mapping else ""
    return known + reading.word
