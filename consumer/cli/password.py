"""Passwords that a command is given: asked for, from a file, or said for all to see."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from consumer.cli.output import fail
from consumer.settings.secretfiles import NoSecret, read_secret

F = TypeVar("F", bound=Callable[..., Any])
_SEEN = (
    "warning: a password on the command line can be read by everybody on this machine while the"
    " command runs, and stays in the shell's history: use --password-file, or let it be asked for"
)


def password_options(command: F) -> F:
    """The two ways to say a password, of which `chosen_password` makes one."""
    said = click.option(
        "--password", help="12 characters or more. Others can see it: better the file, or neither."
    )
    by_file = click.option(
        "--password-file",
        type=click.Path(path_type=Path, allow_dash=True),
        help="A file with the password alone in it; - is the input. Asked for with neither.",
    )
    return said(by_file(command))


def chosen_password(said: str | None, file: Path | None) -> str:
    """The password; exits 2 when it is said twice or cannot be read."""
    if said is not None and file is not None:
        fail(["--password and --password-file: only one of them"])
    if said is not None:
        click.echo(_SEEN, err=True)
        return said
    if file is None:
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    if str(file) == "-":
        return sys.stdin.readline().removesuffix("\n")
    try:
        return read_secret(file)
    except NoSecret as error:
        fail([f"--password-file: {error}"])
