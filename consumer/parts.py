"""What the service is made of, from its settings: checked before a single pump turns."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from consumer.clock import Clock
from consumer.dealings import Policy
from consumer.decoding.form import Form
from consumer.decoding.schemas import NoRegistry, Reading
from consumer.journey import House, Provider
from consumer.keys import Keys, KeysProblem, load_keys
from consumer.ledger.claims import Claims
from consumer.ledger.ledger import Ledger, open_ledger, open_server
from consumer.ledger.lock import no_place
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.mapping.problem import MappingProblems
from consumer.pars.connect import connect
from consumer.pars.port import Pars
from consumer.pars.profile import ParsProfile
from consumer.pars.xml import Documents
from consumer.pumps.backoff import Backoff
from consumer.pumps.schedule import Schedule
from consumer.registry.client import Address, RegistryClient
from consumer.registry.registry import Registry
from consumer.settings import Folders, ProviderProfile, Settings, SettingsProblems
from consumer.tables import TableProblems, Tables, load_tables
from consumer.tables.boards import load_boards
from consumer.telemetry.spans import SILENT, Tracing


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is made of before a single pump turns; everything here was checked."""

    settings: Settings
    clock: Clock
    catalogue: Catalogue
    tables: Tables
    profiles: dict[str, ParsProfile]
    documents: Documents
    registry: Registry | None = None
    tracing: Tracing = SILENT

    @property
    def house(self) -> House:
        """What the journey needs."""
        return House(
            catalogue=self.catalogue,
            tables=self.tables,
            providers={name: _provider(p) for name, p in self.settings.profiles.items()},
            payload_limit_bytes=self.settings.intake.payload_limit_bytes,
            reading=reading_of(self.settings, self.registry),
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
    registry = None
    try:
        registry = registry_of(settings, clock)
    except SettingsProblems as found:
        problems += found.problems
    if problems or catalogue is None or tables is None:
        raise StartProblems(problems)
    documents = Documents(settings.schemas_dir)
    return Parts(settings, clock, catalogue, tables, profiles, documents, registry)


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


def registry_of(settings: Settings, clock: Clock) -> Registry | None:
    """The schema registry; None when none is set. Raises SettingsProblems."""
    said = settings.registry
    if not said.url:
        return None
    password = said.password.get_secret_value()
    address = Address(said.url, said.user, password, said.ca_file, said.timeout_seconds)
    try:
        return Registry(RegistryClient(address), clock)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SettingsProblems([f"registry.ca_file: {why}"]) from None


def reading_of(settings: Settings, registry: Registry | None) -> Reading:
    """How bytes become events: by this registry, and by the forms that the settings say."""
    forms = {topic: Form(form) for topic, form in settings.intake.forms.items()}
    return Reading(registry or NoRegistry(), forms)


def _provider(profile: ProviderProfile) -> Provider:
    return Provider(
        profile.provider_id, profile.name, profile.without_birth_year, profile.transport.value
    )


def tables_house(settings: Settings) -> House:
    """A house that knows the tables and no mapping, to judge by what was read already.

    Raises TableProblems.
    """
    boards, _ = load_boards(settings.boards_file)
    return House(
        catalogue=Catalogue(()),
        tables=load_tables(settings.tables_dir, settings.profiles, boards),
        providers={name: _provider(p) for name, p in settings.profiles.items()},
        payload_limit_bytes=settings.intake.payload_limit_bytes,
    )


def open_keys(settings: Settings) -> Keys:
    """The installation's keys; says so when they were made just now.

    Raises SettingsProblems, LedgerUnavailable where new ones cannot be written.
    """
    try:
        keys, made = load_keys(settings.keys_path, ledger_exists=settings.ledger_exists)
    except KeysProblem as problem:
        raise SettingsProblems([str(problem)]) from None
    except OSError as error:
        raise no_place(error, settings.keys_path) from None
    if made:
        structlog.get_logger().warning("keys.made", path=str(settings.keys_path))
    return keys


def open_service_ledger(settings: Settings) -> Ledger:
    """The ledger, with keys that fit. Raises SettingsProblems, LedgerUnavailable, WrongSecret."""
    keys = open_keys(settings)
    if settings.on_server:
        return open_server(settings.ledger_url.get_secret_value(), keys.seal, keys.identity)
    return open_ledger(settings.ledger_path, keys.seal, keys.identity)


def claims_of(settings: Settings, ledger: Ledger, *, traced: bool = False) -> Claims:
    """Claims with the leases and CreditIDs that the settings say."""
    domains = domains_of(settings)
    first = frozenset(name for name, one in settings.profiles.items() if one.ask_first)
    return Claims(ledger, domains, settings.sending.lease_seconds, first, traced=traced)


def domains_of(settings: Settings) -> dict[str, str]:
    """The domain that each profile's CreditIDs are issued under."""
    return {name: profile.domain for name, profile in settings.profiles.items()}


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
        overtaken_seconds=sending.overtaken_seconds,
    )


ParsFor = Callable[[str], Pars]
"""Makes a way to PARS for a profile, for one worker thread to own."""
