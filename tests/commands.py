"""The commands there are, whenever they are loaded."""

from __future__ import annotations

from collections.abc import Iterator

import click


def below(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """The commands right below a group, by name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
