"""Puts the service together from its settings, runs its pumps, and stops them within a bound."""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from consumer.bus.connect import Bus
from consumer.bus.port import BusError
from consumer.clock import Clock
from consumer.dealings import Policy
from consumer.inquiry import Inquirer, Turns, questions_of
from consumer.journey import House, Provider
from consumer.keys import Keys, KeysProblem, load_keys
from consumer.ledger.claims import Claims
from consumer.ledger.inquiries import Inquiries
from consumer.ledger.ledger import Ledger, LedgerUnavailable, open_ledger
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.mapping.problem import MappingProblems
from consumer.pars.connect import connect
from consumer.pars.port import Pars
from consumer.pars.profile import ParsProfile
from consumer.pars.xml import Documents
from consumer.premises import Premises
from consumer.pumps.backoff import Backoff
from consumer.pumps.breaker import Breaker
from consumer.pumps.intake import IntakePump
from consumer.pumps.line import Line
from consumer.pumps.pace import Pace
from consumer.pumps.publishing import PublishingPump
from consumer.pumps.rejudging import RejudgingPump
from consumer.pumps.schedule import Schedule
from consumer.pumps.sending import FOLLOWING, SUBMITTING, DispatcherFor, SendingPump
from consumer.settings import Folders, ProviderProfile, Settings, SettingsProblems
from consumer.tables import TableProblems, Tables, load_tables
from consumer.tables.boards import load_boards


class Pump(Protocol):
    """A loop with a name."""

    @property
    def name(self) -> str: ...

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then finish what is in hand."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is made of before a single pump turns; everything here was checked."""

    settings: Settings
    clock: Clock
    catalogue: Catalogue
    tables: Tables
    profiles: dict[str, ParsProfile]
    documents: Documents

    @property
    def house(self) -> House:
        """What the journey needs."""
        return House(
            catalogue=self.catalogue,
            tables=self.tables,
            providers={name: _provider(p) for name, p in self.settings.profiles.items()},
            payload_limit_bytes=self.settings.intake.payload_limit_bytes,
        )

    def pars(self, profile: str, tls: ssl.SSLContext | None = None) -> Pars:
        """A way to PARS with an HTTP client of its own, by the profile's transport.

        `tls` replaces the default trust.
        """
        chosen, schemas = self.profiles[profile], self.settings.schemas_dir
        return connect(chosen, schemas, self.clock, self.documents, tls)


class StartProblems(Exception):
    """The service cannot start; every problem of settings, mappings and tables."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def gather(settings: Settings, clock: Clock) -> Parts:
    """Load mappings, tables and profiles. Raises StartProblems with everything that is wrong."""
    catalogue, tables, problems = read_files(settings)
    profiles: dict[str, ParsProfile] = {}
    for name, profile in settings.web_profiles.items():
        try:
            profiles[name] = pars_profile(name, profile, settings)
        except ValueError as error:
            problems.append(f"profiles.{name}: {error}")
    if problems or catalogue is None or tables is None:
        raise StartProblems(problems)
    documents = Documents(settings.schemas_dir)
    return Parts(settings, clock, catalogue, tables, profiles, documents)


def read_files(folders: Folders) -> tuple[Catalogue | None, Tables | None, list[str]]:
    """Mappings and tables, each None when it cannot be used, and all that is wrong, boards too."""
    problems: list[str] = []
    catalogue, tables = None, None
    try:
        catalogue = load_catalogue(folders.mappings_dir, folders.schemas_dir)
    except MappingProblems as found:
        problems += map(str, found.problems)
    boards, wrong = load_boards(folders.boards_file)
    problems += wrong
    try:
        tables = load_tables(folders.tables_dir, folders.profiles, boards)
    except TableProblems as found:
        problems += (f"{folders.tables_dir}/{one}" for one in found.problems)
    return catalogue, tables, problems


def pars_profile(name: str, profile: ProviderProfile, settings: Settings) -> ParsProfile:
    """The PARS client's view of a provider profile. Raises ValueError, quoting no credential."""
    sending, fields = settings.sending, profile.credential_fields
    return ParsProfile(
        name=name,
        base_url=profile.url,
        provider_id=profile.provider_id,
        user=profile.user,
        password=profile.password.get_secret_value(),
        transport=profile.transport,
        credentials_in=profile.credentials_in,
        credential_fields=(fields.provider_id, fields.user, fields.password),
        paths=profile.paths,
        activity_url=profile.activity_url,
        activity_namespace=profile.activity_namespace,
        completed_form=profile.completed_form,
        unique_id_form=profile.unique_id_form,
        cme_mirror=profile.cme_mirror,
        connect_timeout_seconds=sending.connect_timeout_seconds,
        read_timeout_seconds=sending.request_timeout_seconds,
        write_timeout_seconds=sending.request_timeout_seconds,
        total_timeout_seconds=sending.request_timeout_seconds,
    )


def _provider(profile: ProviderProfile) -> Provider:
    return Provider(
        profile.provider_id, profile.name, profile.without_birth_year, profile.transport.value
    )


def open_keys(settings: Settings) -> Keys:
    """The installation's keys; says so when they were made just now. Raises SettingsProblems."""
    try:
        keys, made = load_keys(settings.keys_path, ledger_exists=settings.ledger_path.exists())
    except KeysProblem as problem:
        raise SettingsProblems([str(problem)]) from None
    if made:
        structlog.get_logger().warning("keys.made", path=str(settings.keys_path))
    return keys


def open_service_ledger(settings: Settings) -> Ledger:
    """The ledger, with keys that fit. Raises SettingsProblems, LedgerUnavailable, WrongSecret."""
    keys = open_keys(settings)
    return open_ledger(settings.ledger_path, keys.seal, keys.identity)


def claims_of(settings: Settings, ledger: Ledger) -> Claims:
    """Claims with the leases and CreditIDs that the settings say."""
    domains = {name: profile.domain for name, profile in settings.profiles.items()}
    first = frozenset(name for name, one in settings.profiles.items() if one.ask_first)
    return Claims(ledger, domains, settings.sending.lease_seconds, first)


def policy_of(settings: Settings) -> Policy:
    """The bounds of sending that the settings set."""
    sending, follow = settings.sending, settings.follow
    jitter = random.SystemRandom().random
    return Policy(
        backoff=Backoff(sending.backoff_first_seconds, sending.backoff_longest_seconds, jitter),
        schedule=Schedule(**follow.model_dump()),
        request_seconds=sending.request_timeout_seconds,
        grace_seconds=sending.grace_seconds,
        max_tries=sending.max_tries,
        max_retry_seconds=sending.max_retry_seconds,
    )


ParsFor = Callable[[str], Pars]
"""Makes a way to PARS for a profile, for one worker thread to own."""


class Service:
    """All pumps around one ledger; parts are built here and handed down."""

    def __init__(
        self, parts: Parts, ledger: Ledger, bus: Bus | None = None, pars_for: ParsFor | None = None
    ) -> None:
        self.parts, self.ledger = parts, ledger
        self.bus = bus or Bus(parts.settings)
        self._pars_for = pars_for or parts.pars
        self.premises = Premises(parts.house)
        self.stop = threading.Event()
        self._failed: list[tuple[str, BaseException]] = []
        self._lines = {name: self._line(name) for name in parts.settings.web_profiles}
        self.pumps = list(self._chosen())
        self._log = structlog.get_logger()

    def run(self) -> bool:
        """Run until `stop` is set or a pump fails; False when one failed or would not end."""
        threads = [
            threading.Thread(target=self._guard, args=(pump,), name=pump.name, daemon=True)
            for pump in self.pumps
        ]
        for thread in threads:
            thread.start()
        self._log.info("service.started", topics=self.parts.settings.intake.topics)
        self.stop.wait()
        ended = self._drain(threads)
        self._log.info("service.stopped")
        return ended and not self._failed

    def _drain(self, threads: Sequence[threading.Thread]) -> bool:
        clock = self.parts.clock
        deadline = clock.monotonic() + self.parts.settings.stop_seconds
        for thread in threads:
            thread.join(max(0.0, deadline - clock.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        for name in late:
            # Safe: what it had claimed is asked about after the lease, by whoever comes next.
            self._log.warning("pump.left_behind", pump=name)
        return not late

    def _guard(self, pump: Pump) -> None:
        """A pump that fails in a way nobody foresaw stops the service, loudly."""
        try:
            pump.run(self.stop)
        except BaseException as error:  # noqa: BLE001  its fate: the service stops, and exits 1
            self._failed.append((pump.name, error))
            # Ours say what a person must mend; another's text may hold what it choked on.
            cause = str(error) if isinstance(error, BusError | LedgerUnavailable) else ""
            self._log.error(
                "pump.failed",
                pump=pump.name,
                error_type=type(error).__name__,
                where=Path(_last_frame(error)).name,
                cause=cause,
            )
            self.stop.set()

    # ------------------------------------------------------------ parts

    def _chosen(self) -> list[Pump]:
        makers = {
            "intake": lambda: [self._intake(), self._rejudging()],
            "submit": lambda: [self._sending("submit")],
            "follow": lambda: [self._sending("follow")],
            "outbox": lambda: [self._publishing()],
        }
        return [pump for name in self.parts.settings.pumps for pump in makers[name]()]

    def _intake(self) -> Pump:
        intake = self.parts.settings.intake
        return IntakePump(
            lambda: self.bus.listen(self.ledger.remembered),
            self.ledger,
            self.premises,
            intake.batch_size,
            intake.poll_timeout_seconds,
            intake.retry_seconds,
            self.parts.clock,
            intake,
        )

    def _rejudging(self) -> Pump:
        settings = self.parts.settings
        return RejudgingPump(
            settings.tables_dir,
            settings.profiles,
            self.ledger,
            self.premises,
            settings.intake.look_seconds,
            self.parts.clock,
        )

    def _sending(self, name: str) -> Pump:
        sending = self.parts.settings.sending
        return SendingPump(
            name,
            SUBMITTING if name == "submit" else FOLLOWING,
            claims_of(self.parts.settings, self.ledger),
            self._lines,
            self.dispatcher_for(),
            sending.workers,
            sending.idle_seconds,
            self.parts.clock,
        )

    def dispatcher_for(self) -> DispatcherFor:
        """Makes a dispatcher with a way to PARS of its own, for one worker thread."""
        policy, clock = policy_of(self.parts.settings), self.parts.clock
        book, turns, settings = Inquiries(self.ledger), Turns(), self.parts.settings
        return lambda name: Inquirer(
            self._pars_for(name), policy, clock, questions_of(settings, name), book, turns
        )

    def _line(self, name: str) -> Line:
        sending = self.parts.settings.sending
        profile = self.parts.settings.profiles[name]
        breaker = Breaker(
            sending.breaker_failures, sending.breaker_pause_seconds, sending.stopped_pause_seconds
        )
        burst = max(1.0, min(float(sending.workers), profile.requests_per_second))
        return Line(name, breaker, Pace(profile.requests_per_second, burst), self.parts.clock)

    def _publishing(self) -> Pump:
        settings = self.parts.settings
        topics = {
            "moc.dead-letters": settings.outbox.dead_letters_topic,
            "moc.outcomes": settings.outbox.outcomes_topic,
        }
        return PublishingPump(
            self.bus.publisher,
            self.ledger,
            topics,
            settings.outbox.idle_seconds,
            settings.intake.retry_seconds,
            self.parts.clock,
        )


def _last_frame(error: BaseException) -> str:
    trace = error.__traceback__
    where = "?"
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
