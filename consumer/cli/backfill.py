"""`backfill`: old events from a file or a topic, behind what is heard today, safe to repeat."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfoNotFoundError

import click

from consumer.backfill.completions import OldCompletions
from consumer.backfill.file import OldFile, opener, set_aside
from consumer.backfill.going import Backfilling, Wish
from consumer.backfill.old import Old
from consumer.backfill.plan import Plan, Planner
from consumer.backfill.spool import spooled
from consumer.backfill.telling import in_words
from consumer.backfill.topic import OldTopic
from consumer.bus.past import past_of
from consumer.cli.context import ledger_of, parts_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_one
from consumer.cli.progress import progress
from consumer.cli.times import TIME
from consumer.clock import SystemClock
from consumer.ledger.ledger import Ledger
from consumer.lms.listed import ListForm
from consumer.lms.listing import form_of
from consumer.parts import Parts
from consumer.premises import Premises
from consumer.pumps.rejudging import RejudgingPump
from consumer.settings import Settings
from consumer.settings.reconcile import ReconcileSettings
from consumer.tables import TableProblems

_SHOWN = 20
_OPTIONS = (
    click.option(
        "--rate",
        type=click.FloatRange(0.1, 10_000),
        default=100.0,
        show_default=True,
        help="Events a second, at most.",
    ),
    click.option(
        "--ask-first/--no-ask-first",
        default=True,
        show_default=True,
        help="Ask PARS, before a credit is sent, whether another hand has put it there.",
    ),
    click.option("--despite-refusals", is_flag=True, help="Although most would need a person."),
    click.option("--why", default="", help="Why, for the audit; it is kept sealed."),
    click.option("--who", default="", help="Who decided, if not the user of this machine."),
    click.option("--yes", is_flag=True, help="Do it without asking."),
)


def _options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def backfill() -> None:
    """Take in events of before: they do not hold up what is heard today, and may be repeated."""


@backfill.command("file")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--source", default="", help="The LMS they come from, such as moodle; others refuse.")
@click.option(
    "--set-aside",
    "aside",
    is_flag=True,
    help="Keep lines that are no events in FILE.refused (with --source FILE.SOURCE.refused), and"
    " take in the others.",
)
@_options
@click.pass_context
def from_file(
    context: click.Context, /, file: str, source: str, *, aside: bool, **chosen: Any
) -> None:
    """Take in the events of FILE, one a line, plain or compressed by gzip ('-' reads a pipe).

    A line is the event as the LMS sends it, or {"key": ..., "headers": {...}, "value": ...} around
    it. The plan tells what would become of them; then the same command goes on wherever it was
    stopped. A line that is no event stops all of it before anything is taken in.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    with _readable(file), spooled(file, settings.data_dir) as path:
        name = "(stdin)" if file == "-" else Path(file).name
        limit = settings.intake.payload_limit_bytes
        old = OldFile.of(name, opener(path), ledger.identity, limit, source)
        beside = settings.data_dir / old.topic if file == "-" else Path(file)
        errand = _Errand(parts, ledger, old, source, chosen)
        plan = errand.look()
        lines = {one.line for one in plan.broken}
        if lines:
            _name_lines(plan, aside=aside)
        of_it = f"{beside.name}.{source}" if source else beside.name
        refused = beside.with_name(f"{of_it}.refused")
        errand.agree(f"{len(lines)} line(s) that are no events go to {refused}" if lines else "")
        if lines:
            set_aside(old, lines, refused)
        errand.go(failed=bool(lines))


@backfill.command("list")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--name", "listed", required=True, help="The list: a section of [reconcile], or any name."
)
@click.option("--site", default="", help="The LMS, as its events have it, of every row.")
@click.option("--zone", default="", help="Time zone of times without one, such as America/Chicago.")
@click.option("--sheet", default="", help="Which sheet of an Excel file.")
@_options
@click.pass_context
def from_list(
    context: click.Context,
    /,
    file: str,
    listed: str,
    sheet: str,
    site: str,
    zone: str,
    **chosen: Any,
) -> None:
    """Take in the completions that FILE lists, CSV or Excel, of which nothing was heard.

    Columns are learner, course and completed, and what docs/reconciling.md tells; how the list is
    written is told by [reconcile.NAME] in the settings, where there is one. A row that cannot be
    read stops all of it before anything is taken in.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    form, sheet = _form_of(settings, listed, site, zone, sheet)
    with _readable(file), spooled(file, settings.data_dir) as path:
        name = "(stdin)" if file == "-" else Path(file).name
        old = OldCompletions.of(name, opener(path), listed, form, sheet, ledger.identity)
        errand = _Errand(parts, ledger, old, "", chosen)
        if errand.look().broken:
            _name_lines(errand.plan, aside=False)
        errand.agree("")
        errand.go()


def _form_of(
    settings: Settings, listed: str, site: str, zone: str, sheet: str
) -> tuple[ListForm, str]:
    """How the list is written: as the settings say, and over that what was typed."""
    known = settings.reconcile.get(listed) or ReconcileSettings.model_construct(kind="csv")
    try:
        typed = {"site": site or known.site, "zone": zone or known.zone}
        return form_of(known.model_copy(update=typed)), sheet or known.sheet
    except (ValueError, ZoneInfoNotFoundError):
        fail(["--zone: no time zone such as America/Chicago"])


@backfill.command("topic")
@click.argument("topic")
@click.option(
    "--since",
    required=True,
    type=TIME,
    help="From this time on: 2026-11-20, or 2026-11-20T14:00+01:00.",
)
@click.option("--until", type=TIME, help="Before this time. Default: all that is there now.")
@_options
@click.pass_context
def from_topic(
    context: click.Context, /, topic: str, since: datetime, until: datetime | None, **chosen: Any
) -> None:
    """Take in the events that TOPIC has from a time on; the service goes on hearing it as ever.

    Of a topic that the service hears only what it does not know yet comes to anything. Times are
    those of the bus; one without a zone is UTC.
    """
    settings = settings_of(context)
    parts, ledger = parts_of(settings), ledger_of(settings)
    with telling_faults(), closing(past_of(settings, topic)) as past:
        old = OldTopic.of(topic, past, since, until, ledger.identity)
        errand = _Errand(parts, ledger, old, "", chosen)
        errand.look()
        errand.agree("")
        errand.go()


def _name_lines(plan: Plan, *, aside: bool) -> None:
    """All or nothing, unless asked otherwise: a line cut short is mostly an export cut short."""
    told = [f"error: {one}" for one in plan.broken[:_SHOWN]]
    if more := len(plan.broken) - len(told):
        told.append(f"error: {more} more line(s) like these")
    click.echo("\n".join(told), err=True)
    if not aside:
        fail(["nothing was taken in: mend these lines, or add --set-aside to go on without them"],
             FAILED)  # fmt: skip


class _Errand:
    """One backfill: looked at, agreed to, done."""

    def __init__(
        self, parts: Parts, ledger: Ledger, old: Old, source: str, chosen: dict[str, Any]
    ) -> None:
        self._parts, self._ledger, self._old, self._chosen = parts, ledger, old, chosen
        self._wish = Wish(
            chosen["who"] or user(),
            chosen["why"],
            chosen["rate"],
            chosen["ask_first"],
            parts.settings.sending.at_risk_days,
            source,
        )
        self.plan = Plan()

    def look(self) -> Plan:
        """Judge all of them; nothing is written."""
        house, clock = self._parts.house, SystemClock()
        planner = Planner(self._ledger, house, clock, self._wish.source)
        with telling_faults(), progress("looking", None) as more:
            for count in planner.look(self._old):
                more(count)
        self.plan = planner.plan
        return self.plan

    def agree(self, further: str) -> None:
        """Show the plan; go on with a yes, and if most of them can be taken in."""
        plan, wish = self.plan, self._wish
        told = in_words(self._old.name, plan, wish, self._parts.settings)
        told += [further] if further else []
        limits = self._parts.settings.intake
        most = plan.refused >= max(limits.surge_small_refusals, limits.surge_share * plan.new)
        if most and not self._chosen["despite_refusals"]:
            click.echo("\n".join(told), err=True)
            fail(["nothing was taken in: most of these would need a person. Mend the cause, or add"
                  " --despite-refusals"], FAILED)  # fmt: skip
        confirm("\n".join(told), yes=self._chosen["yes"])

    def go(self, *, failed: bool = False) -> NoReturn:
        """Take them in; stopped by Ctrl-C it tells how to go on, and exits 1."""
        premises = Premises(self._parts.house)
        desk = Backfilling(
            self._ledger, premises, SystemClock(), self._wish, self._tables(premises).take_up
        )
        counted, started = _Counted(self.plan), time.monotonic()
        try:
            with telling_faults(), progress("taking in", self.plan.events) as more:
                for one in desk.go(self._old):
                    counted.add(one.read, one.fates)
                    more(one.read)
        except KeyboardInterrupt:
            counted.finished = False
            click.echo("Stopped. What was taken in stays; the same command goes on with the rest.",
                       err=True)  # fmt: skip
            failed = True
        show_one(counted.row(time.monotonic() - started))
        sys.exit(FAILED if failed else 0)

    def _tables(self, premises: Premises) -> RejudgingPump:
        settings = self._parts.settings
        folder, every = settings.tables_dir, settings.intake.look_seconds
        return RejudgingPump(
            folder, settings.profiles, self._ledger, premises, every, SystemClock()
        )


class _Counted:
    """The summary as it grows."""

    def __init__(self, plan: Plan) -> None:
        self._broken, self._read = len(plan.broken), 0
        self._fates: Counter[str] = Counter()
        self.finished = True

    def add(self, read: int, fates: Counter[str]) -> None:
        """One batch more."""
        self._read += read
        self._fates += fates

    def row(self, seconds: float) -> dict[str, Any]:
        """What came of it, in numbers."""
        fates = self._fates
        known = fates["repeat"] + fates["duplicate"]
        return {
            "read": self._read,
            "taken_in": fates.total() - known - fates["ignored"],
            "known_already": known,
            "need_a_person": fates["refused"],
            "wait": fates["held"],
            "set_aside": self._broken,
            "a_second": round(self._read / seconds, 1) if seconds else 0.0,
            "finished": self.finished,
        }


@contextmanager
def _readable(file: str) -> Iterator[None]:
    try:
        yield
    except TableProblems as found:
        fail([*map(str, found.problems), "nothing was taken in"], FAILED)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or "not whole, or no gzip"
        fail([f"{file}: cannot be read: {why}"], FAILED)
