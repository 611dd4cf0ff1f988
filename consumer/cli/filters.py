"""The options that choose credits: the same for lists and for changes of many."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import click

from consumer.cli.output import fail
from consumer.clock import SystemClock
from consumer.desk.creditfilter import STATES, CreditFilter
from consumer.desk.deadlines import Watch, watch
from consumer.reason import Stage
from consumer.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d"])
_OPTIONS = (
    click.option("--learner", default="", help="Name, board ID or LMS user ID; may be cut off."),
    click.option("--activity", default="", help="The office's activity, or the LMS course."),
    click.option("--source", default="", help="The LMS that it was heard from."),
    click.option("--board", default="", help="The board, such as ABIM."),
    click.option("--state", type=click.Choice([*map(str, STATES)]), help="Only these."),
    click.option("--reason", default="", help="What stops it, as `reason` in the list shows it."),
    click.option("--stage", type=click.Choice([*map(str, Stage)]), help="Where it was stopped."),
    click.option("--since", type=_DAY, metavar="DAY", help="Completed on that day or later."),
    click.option("--until", type=_DAY, metavar="DAY", help="Completed on that day or before."),
    click.option("--at-risk", is_flag=True, help="Only what is late, or soon will be."),
)


def filtered(limit: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command these options, and `wanted`, a CreditFilter; a limit of 0 means all."""
    most = click.option(
        "--limit",
        type=click.IntRange(0 if limit == 0 else 1),
        default=limit,
        show_default=limit > 0,
        help="At most this many" + ("." if limit else "; type it again to go on. Default: all."),
    )

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(*args: Any, since: datetime | None, until: datetime | None, **given: Any) -> Any:
            chosen: dict[str, Any] = {name: given.pop(name) or "" for name in _TEXTS}
            chosen |= {name: given.pop(name) for name in ("at_risk", "limit")}
            chosen |= {"since": _day(since), "until": _day(until)}
            return command(*args, wanted=CreditFilter(**chosen), **given)

        for option in reversed((*_OPTIONS, most)):
            called = option(called)
        return called

    return give


_TEXTS = ("learner", "activity", "source", "board", "state", "reason", "stage")


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None


def ids_or_filter(credit_ids: tuple[str, ...], wanted: CreditFilter, verb: str) -> None:
    """Exits 2 unless credits are named, or filters say which: one of the two."""
    if bool(credit_ids) == (not wanted.is_blank):
        fail([f"name the credits to {verb}, or say which with --activity, --reason and the like"])


def watch_of(settings: Settings) -> Watch:
    """Today's deadlines."""
    return watch(SystemClock().now(), settings.sending.at_risk_days)
