"""`work`: what there is to do, list by list."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from consumer.cli.context import desk_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail, piped, show_json, show_rows
from consumer.cli.steps import told_who
from consumer.desk.asklist import ask_file
from consumer.desk.overview import Overview, overview
from consumer.desk.worklists import LISTS, TITLES, Group, Wanted, WorkItem, groups, work_list
from consumer.durable import write_whole

_HOLDS = {
    "attention": "what a person must put right comes into this list",
    "consent": "what was reported before its learner took the consent back comes into this list",
    "waiting": "what waits for a learner, or for a row of a table, comes into this list",
    "at_risk": "what is late, or soon will be, comes into this list",
    "rejected": "what the board does not accept comes into this list",
    "release": "what a person wants to look at first, or rehearses, comes into this list",
    "on_its_way": "what is being sent, or decided by the board, comes into this list",
    "not_reportable": "what is not to be reported to a board comes into this list",
}
_FLOW = {
    "ready": "to be reported",
    "held": "waiting",
    "refused": "for a person",
    "review": "to be decided by a person",
    "not_reportable": "not reportable",
    "duplicate": "with nothing new",
    "retracted": "taken back",
}


@click.group(invoke_without_command=True)
@click.pass_context
def work(context: click.Context) -> None:
    """Work lists: what needs a person, what waits, what is near its deadline."""
    if context.invoked_subcommand is None:
        desk = desk_of(settings_of(context))
        with telling_faults():
            _show_overview(overview(desk))


@work.command("list")
@click.argument("name", metavar="LIST", type=click.Choice(LISTS))
@click.option("--reason", default="", help="Only this reason's code, as the groups name it.")
@click.option("--groups", "grouped", is_flag=True, help="Count by reason, with what to do.")
@click.option("--limit", default=50, show_default=True, help="At most this many.")
@click.option("--after", default="", help="Go on where a list ended.")
@click.pass_context
def list_(
    context: click.Context, name: str, reason: str, grouped: bool, limit: int, after: str
) -> None:
    """Show one list; LIST is attention, consent, waiting, at_risk, rejected, release, on_its_way or
    not_reportable. Nobody in it can be read.
    """
    desk = desk_of(settings_of(context))
    with telling_faults():
        if grouped:
            _show_groups(groups(desk, name))
            return
        page = work_list(desk, Wanted(name, reason, limit, after))
    if piped():
        show_json([asdict(one) for one in page.items])
    else:
        console = Console(highlight=False)
        console.print(Text(TITLES[name], style="bold"))
        for item in page.items:
            _show_item(console, item)
        if not page.items:
            console.print(f"Nothing stands here: {_HOLDS[name]}.")
    if page.after:
        click.echo(f"There are more: add --after {page.after}", err=True)


@work.command("ask-list")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def ask_list(context: click.Context, file: Path) -> None:
    """Write FILE, a CSV with a line for each learner who has to be asked for something.

    It holds names and addresses: only you can read it, and who wrote it is remembered.
    """
    if file.exists():
        fail([f"{file} is there already, and is not overwritten: choose another name"], FAILED)
    desk = desk_of(settings_of(context))
    with telling_faults():
        content = ask_file(desk, user())
    try:
        write_whole(file, content)
    except OSError as error:
        fail([f"{file}: {error.strerror}; choose another folder"], FAILED)
    lines = len(content.splitlines()) - 1
    click.echo(f"{file}: {lines} learner(s) to be asked; send it to nobody else", err=True)


def _show_overview(told: Overview) -> None:
    if piped():
        show_json([asdict(told)])
        return
    rows: list[dict[str, Any]] = [
        {"list": name, "it_holds": TITLES[name], "how_many": count}
        for name, count in told.lists.items()
    ]
    show_rows(rows, ["list", "it_holds", "how_many"], "")
    since = f", the oldest since {told.oldest[:16].replace('T', ' ')}" if told.oldest else ""
    lines = [
        f"Ready and not sent: {told.backlog}{since}",
        f"Heard today: {_flow(told.today)}",
        f"Heard in 7 days: {_flow(told.week)}",
        f"Decided in 7 days: {told.decided['accepted']} accepted, {told.decided['rejected']}"
        " rejected",
        f"To be reported within 7 days: {told.due_in_7_days},"
        f" within 30 days: {told.due_in_30_days}",
    ]
    lines += [f"PARS, {one.profile}: {one.words}" for one in told.pars]
    lines += [
        f"{one.name}: last heard {one.last_heard[:16].replace('T', ' ')}"
        + (", held" if one.held else "")
        for one in told.sources
    ]
    console = Console(highlight=False)
    console.print()
    for line in lines:
        console.print(Text(line))


def _flow(counts: Any) -> str:
    told = [f"{counts[fate]} {words}" for fate, words in _FLOW.items() if counts.get(fate)]
    told += [f"{n} {fate.replace('_', ' ')}" for fate, n in counts.items() if fate not in _FLOW]
    return ", ".join(told) or "nothing"


def _show_groups(found: tuple[Group, ...]) -> None:
    rows = [asdict(one) for one in found]
    if piped():
        show_json(rows)
        return
    console = Console(highlight=False)
    for one in found:
        happened = Text(f"{one.count:>6}  {one.happened}", style="bold")
        console.print(Padding(happened, (0, 0, 0, 0)))
        told = f"{one.who}: {one.how}\noldest {one.oldest[:10]}; --reason {one.reason}"
        console.print(Padding(Text(told), (0, 0, 0, 8)))


def _show_item(console: Console, item: WorkItem) -> None:
    what = item.title or item.activity or "an event that cannot be read"
    console.print(Text(f"\n{item.standing}: {what}", style="bold"))
    due = f"report by {item.report_by}" if item.report_by else ""
    due += f", {item.at_risk}" if item.at_risk else ""
    whose = f"person {item.person}  {item.who}".rstrip() if item.person else ""
    who = told_who(item.next)
    when = f" ({item.next.when})" if item.next.when else ""
    told = [f"{item.name}  {whose}".strip(), due, item.happened]
    told += [f"next{who}: {item.next.what}{when}", item.letter_id]
    for line in filter(None, told):
        console.print(Padding(Text(line), (0, 0, 0, 2)))
