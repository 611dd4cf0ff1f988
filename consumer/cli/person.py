"""`person`: find anyone by anything, and see everything that was heard of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from consumer.cli.context import desk_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, fail, piped, show_json, show_rows
from consumer.cli.steps import show_steps, told_who
from consumer.desk.identity import Identity
from consumer.desk.people import Find, Person, find_people
from consumer.desk.person import NoSuchPerson, PersonPage, Told, reveal_person, show_person

_COLUMNS = ["key", "name", "ids", "standing", "credits", "report_by", "at_risk"]
_NOBODY = "Nobody found. Search by family name, e-mail, board ID, NPI or the LMS's user ID."


@click.group()
def person() -> None:
    """People: find anyone by anything, and see what was heard of them."""


@person.command()
@click.argument("text", default="")
@click.option("--activity", default="", help="The office's activity, or the LMS's course.")
@click.option("--state", default="", help="A standing, such as 'Needs attention', or its code.")
@click.option("--limit", default=25, show_default=True, help="At most this many people.")
@click.option("--after", default="", help="Go on where a list ended.")
@click.pass_context
def find(
    context: click.Context, text: str, activity: str, state: str, limit: int, after: str
) -> None:
    """Find people by TEXT: a name, e-mail, board ID, NPI, user ID, activity, CreditID, letter ID or
    standing; words of a name may be cut off. Everybody is masked.
    """
    desk = desk_of(settings_of(context))
    with telling_faults():
        found = find_people(desk, Find(text, activity, state, limit, after))
    show_rows([_row(one) for one in found.people], _COLUMNS, _NOBODY)
    if found.after:
        click.echo(f"There are more: add --after {found.after}", err=True)


@person.command()
@click.argument("key")
@click.option("--reveal", is_flag=True, help="Show names and IDs; this is remembered.")
@click.pass_context
def show(context: click.Context, key: str, *, reveal: bool) -> None:
    """Show one person with all that was heard; KEY is the first column of `person find`."""
    desk = desk_of(settings_of(context))
    try:
        with telling_faults():
            page = reveal_person(desk, key, user()) if reveal else show_person(desk, key)
    except NoSuchPerson as error:
        fail([f"{error}; find it with: moc-consumer person find NAME"], FAILED)
    if piped():
        show_json([asdict(page)])
    else:
        _show(Console(highlight=False), page)


def _row(one: Person) -> dict[str, Any]:
    counts = ", ".join(f"{count} {standing}" for standing, count in one.counts)
    row = asdict(one) | {"counts": dict(one.counts), "report_by": str(one.report_by or "")}
    ids = [*one.board_ids, *([f"NPI {one.npi}"] if one.npi else [])]
    return row | {"ids": ", ".join(ids), "credits": counts if len(one.counts) > 1 else one.cases}


def _show(console: Console, page: PersonPage) -> None:
    for line in _identity(page.identity):
        console.print(line)
    if page.note:
        console.print(Text(f"\n{page.note}", style="yellow"))
    for case in page.cases:
        _case(console, case)
    if not page.identity.revealed:
        console.print(Text("\nNames and IDs: person show --reveal, which is remembered.", "dim"))


def _identity(identity: Identity) -> Iterator[Text]:
    told = [identity.name or "name not known", *identity.board_ids]
    told += [f"NPI {identity.npi}"] if identity.npi else []
    yield Text("  ".join(filter(None, [*told, identity.email])), style="bold")
    for account in identity.accounts:
        listed = "" if account.listed else ", not in the learners table"
        yield Text(f"  {account.site or 'every LMS'}: user {account.learner}{listed}")
    for row in identity.rows:
        has = "has a board ID" if row.board_id else "no board ID"
        born = "birth date" if row.birth_date else "no birth date"
        yield Text(f"  learners table: {row.board}, {has}, {born}, consent: {row.consent}")


def _case(console: Console, case: Told) -> None:
    gives = " ".join(filter(None, [case.points, case.credit_type, case.board]))
    console.print(Text(f"\n{case.standing}: {case.title or case.activity}", style="bold"))
    done = f"completed {case.completed_on}" if case.completed_on else ""
    due = f"report by {case.report_by}" if case.report_by else ""
    due += f", {case.at_risk}" if case.at_risk else ""
    told = [case.name, gives, "; ".join(filter(None, [done, due]))]
    for line in (*told, *case.happened, *case.waits_for):
        if line:
            console.print(Padding(Text(line), (0, 0, 0, 2)))
    who = told_who(case.next)
    when = f" ({case.next.when})" if case.next.when else ""
    console.print(Padding(Text(f"next{who}: {case.next.what}{when}", "green"), (0, 0, 0, 2)))
    for letter in case.letters:
        console.print(Padding(Text(f"deadletter show {letter}"), (0, 0, 0, 2)))
    show_steps(console, case.timeline)
