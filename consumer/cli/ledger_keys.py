"""`ledger keys` and `ledger reseal`: another key for what is sealed, beside a running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import click

from consumer.cli.context import ledger_of, settings_of, telling_faults, user
from consumer.cli.output import FAILED, confirm, fail, show_one, show_rows
from consumer.cli.progress import progress
from consumer.clock import SystemClock
from consumer.desk.parcels import Parcels
from consumer.desk.sealing import AnotherReseals, Sealing, StillSealed
from consumer.desk.trail import remember
from consumer.gateway.spool import SpoolUnavailable
from consumer.keys import KeysProblem, add_key, make_keys, use_key
from consumer.ledger.ledger import Ledger
from consumer.ledger.lock import nobody_uses
from consumer.ledger.resealing import StillSealing
from consumer.ledger.seal import SealBroken
from consumer.settings import Settings

_SHOWN = ("key", "does", "values", "where")
_RESEAL = "then: moc-consumer ledger reseal"


@click.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """The keys: make those of a new PostgreSQL installation, or change the one that seals.

    Alone it makes keys.toml, where the ledger is on PostgreSQL: copy that to every machine that
    uses the ledger, and to a safe place. With a ledger in a file the first start makes it.

    Another sealing key, with several processes: `add`, bring keys.toml to every machine and restart
    every process; `use`, the same again; `reseal`; `drop`. With one process: stop it, `rotate`,
    start it, `reseal`, `drop`. The secret never changes.
    """
    if context.invoked_subcommand is not None:
        return
    path = settings_of(context).keys_path
    with _telling():
        make_keys(path)
    click.echo(f"made {path}: without it nothing personal in the ledger can be read again")


@keys.command()
@click.pass_context
def show(context: click.Context) -> None:
    """Every sealing key by its name, and how much is sealed under it; no key itself."""
    with _sealing(settings_of(context)) as sealing, _counted("Counting", sealing) as tell:
        found = sealing.uses(tell)
    rows = [
        {
            "key": one.name,
            "does": "seals and opens" if one.seals else "opens",
            "values": sum(one.values.values()),
            "where": ", ".join(f"{number} of {place}" for place, number in one.values.items()),
        }
        for one in found
    ]
    show_rows(rows, _SHOWN, "no keys")


@keys.command()
@click.pass_context
def add(context: click.Context) -> None:
    """Make a new sealing key, which opens everywhere before it seals anywhere."""
    settings = settings_of(context)
    with _telling(), closing(ledger_of(settings)) as ledger:
        name = add_key(settings.keys_path)
        _remember(ledger, "keys.added", name)
    show_one({"added": name, "file": str(settings.keys_path)})
    click.echo(
        "Keep a copy of the file, bring it to every machine and restart every process;"
        f" then: moc-consumer ledger keys use {name}",
        err=True,
    )


@keys.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def use(context: click.Context, name: str, *, yes: bool) -> None:
    """Have the key NAME seal from the next start on; the one before it goes on opening."""
    settings = settings_of(context)
    with _telling(), closing(ledger_of(settings)) as ledger:
        plan = f"{name} seals once a process is restarted. Every process must know it by now: one"
        confirm(f"{plan} that was not restarted since it was added cannot open it.", yes=yes)
        former = use_key(settings.keys_path, name)
        _remember(ledger, "keys.used", name)
    _say_used(settings, name, former)


@keys.command()
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def rotate(context: click.Context, *, yes: bool) -> None:
    """Make a new key and have it seal at once; the service must be stopped."""
    settings = settings_of(context)
    if settings.on_server:
        fail(["other machines may use this ledger: moc-consumer ledger keys add, then use"])
    confirm("A new key seals from the next start on; the one before it goes on opening.", yes=yes)
    with _telling():
        with nobody_uses(settings.ledger_path):
            name = add_key(settings.keys_path)
            former = use_key(settings.keys_path, name)
        with closing(ledger_of(settings)) as ledger:
            _remember(ledger, "keys.used", name)
    _say_used(settings, name, former)


@keys.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_context
def drop(context: click.Context, name: str, *, yes: bool) -> None:
    """Take the former key NAME out of keys.toml; refused while anything is sealed under it.

    Backups made before `reseal` was done open with it alone: keep a copy of keys.toml as it is now
    for as long as you keep them, apart from them.
    """
    settings = settings_of(context)
    with _sealing(settings) as sealing:
        plan = f"{name} goes out of {settings.keys_path}. Backups from before it was replaced open"
        confirm(f"{plan} with it alone: keep a copy of the file as it is now.", yes=yes)
        sealing.drop(settings.keys_path, name, SystemClock().now(), user())
    show_one({"dropped": name, "file": str(settings.keys_path)})


@click.command()
@click.pass_context
def reseal(context: click.Context) -> None:
    """Seal everything anew that is under a former key; the service may run.

    What was stopped in the middle goes on when it is called again.
    """
    with _sealing(settings_of(context)) as sealing, _counted("Sealing", sealing) as tell:
        done = sealing.reseal(SystemClock().now(), user(), tell)
        show_one({"sealed_anew": done, "key": sealing.ledger.seal.name})


@contextmanager
def _sealing(settings: Settings) -> Iterator[Sealing]:
    with _telling(), closing(ledger_of(settings)) as ledger:
        parcels = Parcels(settings.tables_dir, ledger.seal, SystemClock())
        yield Sealing(ledger, settings.spool_path, parcels)


@contextmanager
def _counted(what: str, sealing: Sealing) -> Iterator[Callable[[int], None]]:
    with progress(what, sealing.size()) as advance:

        def tell(rows: int) -> None:
            for _ in range(rows):
                advance()

        yield tell


@contextmanager
def _telling() -> Iterator[None]:
    """What stands in the way, on stderr, with an exit code."""
    try:
        with telling_faults():
            yield
    except KeysProblem as problem:
        fail([str(problem)])
    except (StillSealed, AnotherReseals, StillSealing, SpoolUnavailable) as problem:
        fail([str(problem)], FAILED)
    except SealBroken as problem:
        fail([f"{problem}: put the keys.toml with its key in place (docs/backup.md)"], FAILED)
    except OSError as error:
        fail([f"keys.toml cannot be written: {error.strerror}"], FAILED)


def _remember(ledger: Ledger, what: str, name: str) -> None:
    with ledger.begin() as db:
        remember(db, ledger, SystemClock().now(), user(), what, name)


def _say_used(settings: Settings, name: str, former: str) -> None:
    show_one({"seals": name, "opens": former, "file": str(settings.keys_path)})
    click.echo(
        "Keep a copy of the file, bring it to every machine and restart every process;"
        f" {_RESEAL}, and: moc-consumer ledger keys drop {former}",
        err=True,
    )
