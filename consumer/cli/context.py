"""What commands share: settings, parts and the ledger, with every problem told at once."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from consumer.bus.port import BusError
from consumer.cli.output import FAILED, fail
from consumer.clock import SystemClock
from consumer.decoding.schemas import SchemasAway
from consumer.desk.looking import Desk
from consumer.ledger.ledger import Ledger, LedgerRefused, LedgerUnavailable, WrongSecret
from consumer.parts import (
    Parts,
    StartProblems,
    gather,
    open_service_ledger,
    read_files,
    tables_house,
)
from consumer.settings import Settings, SettingsProblems, load_folders, load_settings
from consumer.tables import TableProblems
from consumer.telemetry.health import CannotListen
from consumer.telemetry.log import configure_logging

DEFAULT_CONFIG = Path("moc-consumer.toml")
_UNASKED = (
    "the schema registry: {}; an event in Avro cannot be read without it, and stays as it was."
    " Once the registry answers, type the same command again"
)


def settings_of(context: click.Context, *, with_files: bool = False) -> Settings:
    """The settings in force; exits 2 with all problems. Sets up the logs.

    With files: those of mappings and tables too, so that all can be mended at once.
    """
    config = config_of(context)
    try:
        settings = load_settings(config)
    except SettingsProblems as problems:
        folders = load_folders(config) if with_files else None
        elsewhere = read_files(folders)[2] if folders else []
        fail([*(f"settings: {one}" for one in problems.problems), *elsewhere])
    set_up_logging(settings)
    return settings


def config_of(context: click.Context) -> Path | None:
    """The settings file: the one that was named, or that of this folder if there is one."""
    config: Path | None = context.find_root().obj
    if config is None and DEFAULT_CONFIG.is_file():
        config = DEFAULT_CONFIG
    return config


def set_up_logging(settings: Settings) -> None:
    """Logs to stderr: JSON when it is piped, unless the settings say otherwise."""
    chosen = settings.log.format
    piped = not sys.stderr.isatty()
    configure_logging(settings.log.level, as_json=chosen == "json" or (chosen == "auto" and piped))


def parts_of(settings: Settings, beside: Sequence[str] = ()) -> Parts:
    """Mappings, tables and profiles, checked; exits 2 with all problems, those `beside` first."""
    try:
        parts = gather(settings, SystemClock())
    except StartProblems as problems:
        fail([*beside, *problems.problems])
    if beside:
        fail(beside)
    return parts


def desk_of(settings: Settings) -> Desk:
    """What people, credits and lists are looked at with; exits 2 with all problems of the tables,
    1 when the ledger is away.
    """
    try:
        tables = tables_house(settings).tables
    except TableProblems as problems:
        fail([f"{settings.tables_dir}/{one}" for one in problems.problems])
    by_file = frozenset(settings.profiles) - frozenset(settings.web_profiles)
    days = settings.sending.at_risk_days
    return Desk(ledger_of(settings), tables, SystemClock(), days, by_file)


def ledger_of(settings: Settings) -> Ledger:
    """The ledger; exits 2 when a person must put something right, 1 when it is away."""
    with telling_faults("the ledger cannot be opened"):
        return open_service_ledger(settings)


@contextmanager
def telling_faults(ledger: str = "the ledger") -> Iterator[None]:
    """Turn what the outside world does into a message and exit code 1, what is set wrong into 2."""
    try:
        yield
    except (SettingsProblems, WrongSecret) as error:
        fail([str(error)])
    except LedgerRefused as error:
        fail([f"{ledger}: {error}"])
    except LedgerUnavailable as error:
        fail([f"{ledger}: {error}"], FAILED)
    except BusError as error:
        fail([f"the bus: {error}"], FAILED)
    except SchemasAway as error:
        fail([_UNASKED.format(error)], FAILED)
    except CannotListen as error:
        fail([str(error)], FAILED)


def user() -> str:
    """Who types, for the audit."""
    try:
        return getpass.getuser()
    except OSError:
        return "unknown"
