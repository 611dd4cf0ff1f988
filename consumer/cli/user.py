"""`user`: who may sign in to the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from consumer.cli import context as shared
from consumer.cli.context import ledger_of, settings_of, telling_faults
from consumer.cli.output import FAILED, fail, show_rows
from consumer.cli.password import chosen_password, password_options
from consumer.clock import SystemClock
from consumer.console.passwords import TooBusy, WeakPassword
from consumer.console.role import Role, role_named
from consumer.console.userbook import UserBook
from consumer.console.users import BadName, Users, UsersProblem, plain_name

_ROLES = click.Choice([role.word for role in Role])


@click.group()
def user() -> None:
    """Users: who may sign in to the console, and what they may do there."""


@user.command()
@click.argument("name")
@click.option("--role", required=True, type=_ROLES, help="What they may do.")
@password_options
@click.pass_context
def add(
    context: click.Context, name: str, role: str, password: str | None, password_file: Path | None
) -> None:
    """Let NAME sign in."""
    secret = chosen_password(password, password_file)
    with _book(context) as book:
        book.add(name, role_named(role), secret, shared.user())
    click.echo(f"{plain_name(name)} may {role_named(role).may}.", err=True)


@user.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List who may sign in, and what they may do."""
    with _telling():
        known = Users(settings_of(context).users_path).all().values()
    rows = [{"name": one.name, "role": one.role.word, "may": one.role.may} for one in known]
    show_rows(rows, ["name", "role", "may"], "Nobody may sign in yet: moc-consumer user add NAME")


@user.command()
@click.argument("name")
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Take NAME out; whoever is signed in by that name is out at once."""
    with _book(context) as book:
        book.remove(name, shared.user())
    click.echo(f"{plain_name(name)} may not sign in any more.", err=True)


@user.command()
@click.argument("name")
@password_options
@click.pass_context
def password(
    context: click.Context, name: str, password: str | None, password_file: Path | None
) -> None:
    """Give NAME another password; whoever is signed in by the old one is out at once."""
    secret = chosen_password(password, password_file)
    with _book(context) as book:
        book.set_password(name, secret, shared.user())
    click.echo(f"{plain_name(name)} has another password.", err=True)


@user.command()
@click.argument("name")
@click.argument("role", type=_ROLES)
@click.pass_context
def role(context: click.Context, name: str, role: str) -> None:
    """Give NAME another role; they sign in anew to have it."""
    with _book(context) as book:
        book.set_role(name, role_named(role), shared.user())
    click.echo(f"{plain_name(name)} may {role_named(role).may}.", err=True)


@contextmanager
def _book(context: click.Context) -> Iterator[UserBook]:
    """The users, with the ledger that remembers what changes, where there is one."""
    settings = settings_of(context)
    ledger = ledger_of(settings) if settings.ledger_exists else None
    with _telling(), telling_faults():
        yield UserBook(Users(settings.users_path), ledger, SystemClock())
    if ledger is not None:
        ledger.close()


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (BadName, WeakPassword) as error:
        fail([str(error)])
    except TooBusy:
        fail(["this machine is too busy to work on a password: try again"], FAILED)
    except (UsersProblem, OSError) as error:
        fail([str(error)], FAILED)
