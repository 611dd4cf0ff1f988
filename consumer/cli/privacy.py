"""`privacy`: what a person may ask for: everything that is held about them, or that it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click

from consumer.cli.context import desk_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_one, show_rows
from consumer.clock import SystemClock
from consumer.desk.exporting import export_person
from consumer.desk.person import NoSuchPerson
from consumer.desk.purging import NamesThem, Plan, Premises, Purging, UnderWay
from consumer.desk.retaining import retaining_of
from consumer.gateway.spool import SpoolUnavailable
from consumer.ledger.purgeregister import NAME, PurgeRegister
from consumer.parts import open_service_ledger
from consumer.settings import Settings

_GOES = ("when", "last_changed_before", "completions", "credits", "letters", "trail")
AGAIN = "moc-consumer privacy purge --again --why WHY"
_NO_REASON = "say why, without naming anybody: --why 'asked for it in writing, case 12'"


@click.group()
def privacy() -> None:
    """What is held about one person: hand it over, or purge it."""


@privacy.command()
@click.argument("key", metavar="PERSON")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(context: click.Context, key: str, file: Path) -> None:
    """Write everything that is held about PERSON to FILE, a zip that only you can read.

    PERSON is the first column of `person find`. Nothing of it is printed; that you wrote it is
    remembered.
    """
    settings = settings_of(context)
    try:
        with _telling():
            done = export_person(desk_of(settings), premises_of(settings), key, file, user())
    except FileExistsError:
        fail([f"{file} is there already: move it away, or choose another name"], FAILED)
    show_one({"file": str(done.file), **done.counts})


@privacy.command()
@click.argument("key", metavar="PERSON", default="")
@click.option("--again", is_flag=True, help="What came back of purged people, with a backup.")
@click.option("--why", default="", help="Why, for the audit trail; name nobody here.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def purge(context: click.Context, key: str, *, again: bool, why: str, yes: bool) -> None:
    """Purge PERSON, or --again what came back of people purged before: it cannot be taken back.

    A plan first. What holds off that a completion is credited twice stays, and names nobody.
    """
    if bool(key) == again:
        fail(["either a PERSON (the first column of person find), or --again, is needed"])
    settings = settings_of(context)
    purging = Purging(desk_of(settings), premises_of(settings), user(), why)
    with _telling():
        plans = purging.returned() if again else (purging.plan(key),)
    if not plans:
        click.echo("Nothing of a purged person came back.", err=True)
        return
    _show(plans)
    _unhindered(plans)
    if yes and not why:
        fail([_NO_REASON])
    confirm("All of this goes, and no command brings it back.", yes=yes)
    if not why:
        fail([_NO_REASON])
    with _telling():
        done = purging.go_again() if again else (purging.go(key),)
    click.echo(f"Done: {', '.join(plan.key for plan in done)}. What stays is told above.", err=True)


@privacy.command()
@click.pass_context
def retention(context: click.Context) -> None:
    """What is older than the office keeps it: what goes today, and within the next 30 days.

    The service does it by itself once a day, while it runs; `retention.years` says how long.
    """
    settings = settings_of(context)
    with _telling(), closing(open_service_ledger(settings)) as ledger:
        clock = SystemClock()
        retaining = retaining_of(settings, ledger, clock)
        if retaining is None:
            click.echo("Everything is kept for good: retention.years is 0.", err=True)
            return
        now, soon = clock.now(), clock.now() + timedelta(days=30)
        rows = [
            {"when": when, "last_changed_before": str(retaining.before(at).date()),
             **asdict(retaining.would_go(at))}
            for when, at in (("today", now), ("within 30 days", soon))
        ]  # fmt: skip
    show_rows(rows, _GOES, "")


def premises_of(settings: Settings) -> Premises:
    """Where things lie besides the ledger."""
    register = PurgeRegister(settings.keys_path.with_name(NAME))
    tables, log = settings.tables, settings.embedded_log
    return Premises(settings.tables_dir, tables.keep_versions, register, log, settings.spool_path)


def tell_returned(settings: Settings) -> None:
    """Say on stderr that people came back who were purged, and what to type; blank if none did."""
    with telling_faults(), closing(open_service_ledger(settings)) as ledger, ledger.read() as db:
        back = premises_of(settings).register.returned(db)
    if back:
        told = f"{len(back.completions)} completions and {len(back.credits)} credits"
        click.echo(f"{told} of people who were purged came back with this backup. Once the events"
                   f" since then are heard: {AGAIN}", err=True)  # fmt: skip


def _show(plans: tuple[Plan, ...]) -> None:
    lines = [{"person": plan.key, **asdict(line)} for plan in plans for line in plan.lines]
    show_rows(lines, ["place", "count", "becomes"], "Nothing is held about this person.")
    for stays in dict.fromkeys(one for plan in plans for one in plan.stays):
        click.echo(f"stays: {stays}", err=True)


def _unhindered(plans: tuple[Plan, ...]) -> None:
    found = [one for plan in plans for one in plan.hindrances]
    if found:
        told = [f"{one.name}, {one.standing}: {one.next_step}" for one in found]
        fail([*told, "nothing was purged: these come first"], FAILED)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        with telling_faults():
            yield
    except NoSuchPerson as error:
        fail([f"{error}; find it with: moc-consumer person find NAME"], FAILED)
    except NamesThem as error:
        fail([str(error)])
    except SpoolUnavailable as error:
        fail([f"{error}; nothing is done until all is"], FAILED)
    except UnderWay as error:
        told = [f"{one.name}, {one.standing}: {one.next_step}" for one in error.hindrances]
        fail([*told, "nothing was purged: these come first"], FAILED)
    except FileExistsError:
        raise
    except OSError as error:
        fail([f"a file cannot be written: {error.strerror}; nothing is done until all is"], FAILED)
