"""What commands that change many share: who and yes, how far it is, and names that nobody knows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from consumer.cli.context import telling_faults
from consumer.cli.output import FAILED, fail
from consumer.desk.credits import NoSuchCredit

IMPERSONAL = "Why, for the audit; it is kept sealed."


def decided(command: click.decorators.FC) -> click.decorators.FC:
    """Gives a command `--yes` and `--who`."""
    for option in (
        click.option("--yes", is_flag=True, help="Do it without asking."),
        click.option("--who", default="", help="Who decided, if not the user of this machine."),
    ):
        command = option(command)
    return command


@contextmanager
def telling_names() -> Iterator[None]:
    """Exits 1 for a credit that there is not, and as `telling_faults` does."""
    try:
        with telling_faults():
            yield
    except NoSuchCredit as error:
        fail([f"{error}; find it with: moc-consumer credit list --learner NAME"], FAILED)


def counted(items: Iterable[Any], length: int, size: Callable[[Any], int]) -> Iterator[Any]:
    """The items, with a bar on a terminal that shows how far it is."""
    with click.progressbar(length=length, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        for item in items:
            yield item
            bar.update(size(item))


def tally(counts: Counter[str]) -> list[str]:
    """Lines for a plan: how many of what, the most first."""
    return [f"  {count} {what}" for what, count in counts.most_common()]
