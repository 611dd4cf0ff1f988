"""The README and the command line say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from consumer.cli import main
from tests.commands import below

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(
    group: click.Group, before: str = "moc-consumer"
) -> Iterator[tuple[str, click.Command]]:
    for name, command in below(group):
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


EVERY = dict(commands(main))


@pytest.mark.parametrize("called", EVERY)
def test_every_command_stands_in_the_readme(called: str) -> None:
    group, _, verb = called.rpartition(" ")
    rows = [line for line in README.splitlines() if line.startswith(f"| `{group} ")]
    assert any(verb in row for row in rows)


@pytest.mark.parametrize("called", EVERY)
def test_every_command_and_option_has_a_help_text(called: str) -> None:
    command = EVERY[called]
    assert command.help
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []


def test_every_command_the_readme_shows_exists() -> None:
    shown = set(re.findall(r"moc-consumer ([a-z]+)", README))
    assert shown <= dict(below(main)).keys()


def test_every_file_the_readme_links_to_is_there() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in linked if not (ROOT / link).exists()] == []


def test_every_picture_is_there_light_and_dark() -> None:
    shown = set(re.findall(r"docs/pictures/([\w-]+)-(light|dark)\.png", README))
    assert {scheme for _, scheme in shown} == {"light", "dark"}
    for name, _ in shown:
        for scheme in ("light", "dark"):
            assert (name, scheme) in shown, name
            assert (ROOT / "docs" / "pictures" / f"{name}-{scheme}.png").is_file(), name
