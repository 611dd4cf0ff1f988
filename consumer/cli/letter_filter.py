"""The filters that commands about dead letters share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from consumer.clock import SystemClock
from consumer.desk.deadlines import watch
from consumer.desk.letterfilter import LetterFilter
from consumer.reason import Stage
from consumer.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


def filters(command: click.decorators.FC) -> click.decorators.FC:
    """Put the options of a letter filter on a command."""
    stages = [stage.value for stage in Stage]
    for option in (
        click.option("--limit", default=100, show_default=True, help="At most this many."),
        click.option("--at-risk", is_flag=True, help="Only what is late, or soon will be."),
        click.option("--until", type=_DAY, help="Only those that last failed before this day."),
        click.option("--since", type=_DAY, help="Only those that last failed from this day on."),
        click.option("--board", default="", help="Only about credits of this board, such as ABIM."),
        click.option("--activity", default="", help="The office's activity, or the LMS course."),
        click.option("--source", default="", help="Only of this LMS, such as moodle."),
        click.option("--stage", type=click.Choice(stages), help="Only those stopped here."),
        click.option("--reason", default="", help="Only with this reason code."),
    ):
        command = option(command)
    return command


def letters_wanted(
    settings: Settings,
    chosen: Mapping[str, Any],
    status: str = "open",
    *,
    or_unrecognised: bool = False,
) -> LetterFilter:
    """The letters that these options mean; days are UTC's."""
    risk = watch(SystemClock().now(), settings.sending.at_risk_days)
    return LetterFilter(
        status=status,
        stage=chosen["stage"] or "",
        reason=chosen["reason"],
        source=chosen["source"],
        limit=chosen["limit"],
        activity=chosen["activity"],
        board=chosen["board"].upper(),
        since=_utc(chosen["since"]),
        until=_utc(chosen["until"]),
        due_before=risk.until if chosen["at_risk"] else None,
        or_unrecognised=or_unrecognised,
    )


def narrowed(chosen: Mapping[str, Any]) -> bool:
    """Whether any filter but the limit was given."""
    return any(value for name, value in chosen.items() if name != "limit")


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
