"""`user`: who may sign in to the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from consumer.cli.context import settings_of
from consumer.cli.output import FAILED, fail, show_rows
from consumer.console.role import Role, role_named
from consumer.console.users import Users, UsersProblem

_ROLES = [role.word for role in Role]


@click.group()
def user() -> None:
    """Users: who may sign in to the console, and what they may do there."""


@user.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What they may do.")
@click.password_option(help="Asked for when it is not said.")
@click.pass_context
def add(context: click.Context, name: str, role: str, password: str) -> None:
    """Let NAME sign in; one that is there gets this role and password instead."""
    with _telling():
        _users(context).put(name, role_named(role), password)
    click.echo(f"{name} may {role_named(role).may}.", err=True)


@user.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List who may sign in, and what they may do."""
    with _telling():
        known = _users(context).all().values()
    rows = [{"name": one.name, "role": one.role.word, "may": one.role.may} for one in known]
    show_rows(rows, ["name", "role", "may"], "Nobody may sign in yet: moc-consumer user add NAME")


@user.command()
@click.argument("name")
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Take NAME out; whoever is signed in by that name is out at once."""
    with _telling():
        there = _users(context).remove(name)
    if not there:
        fail([f"there is no user {name}"], FAILED)


def _users(context: click.Context) -> Users:
    settings = settings_of(context)
    return Users(settings.console.users_file or settings.data_dir / "users.toml")


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (UsersProblem, OSError) as error:
        fail([str(error)], FAILED)
