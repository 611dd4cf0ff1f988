"""Every setting with its unit, bounds and meaning; read from a TOML file and the environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.candidate import YearPolicy
from consumer.environment import near, unknown_names
from consumer.limits import SurgeLimits
from consumer.pars.contract import CompletedForm, Operation, Placement, Transport, UniqueIDForm
from consumer.resources import shipped

F = TypeVar("F", bound="Folders")
Seconds = Annotated[float, Field(gt=0)]
PumpName = Literal["intake", "submit", "follow", "outbox"]
ALL_PUMPS: tuple[PumpName, ...] = ("intake", "submit", "follow", "outbox")


class Section(BaseModel):
    """A part of the settings; unknown names in it are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """Where Kafka is, when `bus` is "kafka"."""

    bootstrap_servers: str = Field("localhost:9092", description="host:port, comma-separated")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to talk to the brokers"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="with the SASL protocols"
    )
    username: str | None = Field(None, description="SASL user")
    password: SecretStr | None = Field(None, description="SASL password")
    ca_file: Path | None = Field(None, description="certificate authority of the brokers, PEM")
    session_timeout_seconds: Seconds = Field(45, description="a silent member is dropped after")
    source_partitions: int = Field(3, ge=1, description="of source topics made at first start")
    replication_factor: int = Field(-1, ge=-1, description="of topics made at start; -1: default")


class CredentialFields(Section):
    """What the three credentials of a request are called; ACCME names them so in prose."""

    provider_id: str = Field("ProviderId", description="name of the provider ID")
    user: str = Field("User", description="name of the user")
    password: str = Field("Password", description="name of the password")


class ProviderProfile(Section):
    """One accredited provider: who reports, and as whom PARS knows it."""

    provider_id: str = Field(pattern=r"^[0-9]{7}$", description="7-digit ACCME provider ID")
    name: str = Field(min_length=1, max_length=200, description="the accredited provider's name")
    domain: str = Field(
        pattern=r"^[A-Za-z0-9.-]+$", description="domain name that CreditIDs are issued under"
    )
    by_file: bool = Field(
        False, description="people upload reports: nothing is posted, no credentials are needed"
    )
    url: str = Field("", description="base address of PARS's learner service")
    user: str = Field("", description="web service user")
    password: SecretStr = Field(SecretStr(""), description="web service password")
    transport: Transport = Field(Transport.XML, description="xml, or json by ACCME's draft of 2025")
    ask_first: bool = Field(
        False, description="before a first post ask PARS whether somebody else reported it: go-live"
    )
    requests_per_second: float = Field(1.0, gt=0, le=10_000, description="pace, all workers")
    without_birth_year: YearPolicy = Field(
        YearPolicy.HOLD, description="a learner gave month and day only: hold, omit, placeholder"
    )
    credentials_in: Placement = Field(
        Placement.HEADERS, description="headers, query, or with xml body"
    )
    credential_fields: CredentialFields = CredentialFields()
    paths: dict[Operation, str] = Field(
        default_factory=dict,
        description="below url: save, status, status_by_learner, match, activity, save_activity;"
        " default by transport",
    )
    activity_url: str = Field(
        "", description="base address of PARS's activity service; blank: the same as url"
    )
    activity_namespace: str = Field(
        "", max_length=200, description="XML namespace of activity documents; blank: none"
    )
    look_up_activities: bool = Field(
        False, description="ask whether PARS has the activity, before its credits are sent"
    )
    match_learners: bool = Field(
        False, description="ask whether the board knows a learner, before the first credit is sent"
    )
    completed_form: CompletedForm | None = Field(
        None, description="completion as date or noon without offset; default xml date, json noon"
    )
    unique_id_form: UniqueIDForm = Field(
        UniqueIDForm.LIST, description="UniqueID in json: list, or object (the board's ID alone)"
    )
    cme_mirror: bool = Field(
        False, description="must be off: only MOC is reported, PARS adds the CME credit itself"
    )

    @model_validator(mode="after")
    def _web_service_is_known(self) -> ProviderProfile:
        given = {"url": self.url, "user": self.user, "password": self.password.get_secret_value()}
        missing = [name for name, value in given.items() if not value]
        if missing and not self.by_file:
            raise ValueError(f"{', '.join(missing)}: needed, unless by_file is true")
        return self

    @model_validator(mode="after")
    def _can_match(self) -> ProviderProfile:
        as_json = self.transport is Transport.JSON
        if self.match_learners and as_json and Operation.MATCH not in self.paths:
            raise ValueError("match_learners: with json there is no match without paths.match")
        return self


class SendingSettings(Section):
    """How credits are sent (dossier 6)."""

    workers: int = Field(2, ge=1, le=64, description="requests under way at once, all profiles")
    connect_timeout_seconds: Seconds = Field(10, description="to reach PARS")
    request_timeout_seconds: Seconds = Field(60, description="one whole request")
    lease_seconds: Seconds = Field(300, description="a claimed credit is ours for")
    grace_seconds: Seconds = Field(300, description='PARS\'s "not found" counts after')
    max_tries: int = Field(6, ge=2, description="tries before a person is asked")
    max_retry_seconds: Seconds = Field(86_400, description="time before a person is asked")
    backoff_first_seconds: Seconds = Field(60, description="first wait, at most")
    backoff_longest_seconds: Seconds = Field(6 * 3600, description="longest wait")
    breaker_failures: int = Field(5, ge=1, description="failures in a row that pause a profile")
    breaker_pause_seconds: Seconds = Field(60, description="pause before PARS is probed")
    stopped_pause_seconds: Seconds = Field(900, description="the same after 401 or 403")
    idle_seconds: Seconds = Field(1, description="look for work every")
    at_risk_days: int = Field(7, ge=0, description="at risk with fewer days to the deadline left")
    activity_fresh_seconds: Seconds = Field(
        86_400, description="what PARS said about an activity counts for"
    )
    activity_again_seconds: Seconds = Field(
        3600, description="an activity that PARS has not, or not so, is asked about every"
    )
    unmatched_again_seconds: Seconds = Field(
        7 * 86_400, description="a learner unknown to the board, row unchanged: asked about every"
    )

    @model_validator(mode="after")
    def _lease_outlives_requests(self) -> SendingSettings:
        if self.lease_seconds < 4 * self.request_timeout_seconds:
            raise ValueError("lease_seconds must be at least 4 x request_timeout_seconds")
        return self


class FollowSettings(Section):
    """When to ask PARS for the board's decision (dossier 6)."""

    first_seconds: Seconds = Field(3600, description="first question after sending")
    every_seconds: Seconds = Field(4 * 3600, description="then every")
    until_seconds: Seconds = Field(48 * 3600, description="until this age")
    later_seconds: Seconds = Field(24 * 3600, description="from then on every")
    absent_seconds: Seconds = Field(24 * 3600, description='"not found" counts as lost after')
    upload_seconds: Seconds = Field(
        7 * 24 * 3600, description="a report by file that PARS does not know is told after"
    )


class IntakeSettings(SurgeLimits, Section):
    """How events are heard."""

    topics: list[str] = Field(["lms.events"], min_length=1, description="topics to listen to")
    group: str = Field("moc-consumer", min_length=1, description="consumer group")
    batch_size: int = Field(500, ge=1, le=10_000, description="messages per transaction")
    poll_timeout_seconds: Seconds = Field(1, description="longest wait for a batch")
    payload_limit_bytes: int = Field(1_048_576, ge=1024, description="larger events are refused")
    retry_seconds: Seconds = Field(5, description="wait after a fault of bus or ledger")
    look_seconds: Seconds = Field(5, description="look for changed tables every")


class OutboxSettings(Section):
    """Where dead letters and outcomes are published."""

    dead_letters_topic: str = Field("moc.dead-letters", description="compacted topic")
    outcomes_topic: str = Field("moc.outcomes", description="every new state of a credit")
    idle_seconds: Seconds = Field(1, description="look for messages every")


class LogSettings(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: JSON when piped")


class Folders(BaseSettings):
    """Where the other files are: known even when the rest of the settings is wrong."""

    model_config = SettingsConfigDict(
        env_prefix="MOC_", env_nested_delimiter="__", extra="ignore", frozen=True
    )

    tables_dir: Path = Field(Path("tables"), description="learners.csv and activities.csv")
    boards_file: Path | None = Field(None, description="the office's own boards and deadlines")
    mappings_dir: Path = Field(shipped("mappings"), description="mapping files")
    schemas_dir: Path = Field(shipped("schemas"), description="schemas of events and of PARS")
    profiles: dict[str, Any] = Field(default_factory=dict)


class Settings(Folders):
    """The whole configuration. Environment: MOC_BUS=kafka, MOC_INTAKE__GROUP=..., and so on."""

    model_config = SettingsConfigDict(extra="forbid")

    data_dir: Path = Field(Path("data"), description="ledger, embedded log and keys live here")
    keys_file: Path | None = Field(None, description="secret and sealing key; default in data_dir")
    bus: Literal["embedded", "kafka"] = Field("embedded", description="where events come from")
    pumps: list[PumpName] = Field(list(ALL_PUMPS), min_length=1, description="pumps to run")
    stop_seconds: Seconds = Field(20, description="SIGTERM drains within this time")
    profiles: dict[str, ProviderProfile] = Field(
        default_factory=dict, description="provider profiles by the name activities use"
    )
    kafka: KafkaSettings = KafkaSettings()
    intake: IntakeSettings = IntakeSettings()
    sending: SendingSettings = SendingSettings()
    follow: FollowSettings = FollowSettings()
    outbox: OutboxSettings = OutboxSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _someone_reports(self) -> Settings:
        if not self.profiles:
            raise ValueError("profiles: at least one provider profile is needed, such as main")
        return self

    @property
    def web_profiles(self) -> dict[str, ProviderProfile]:
        """The profiles that report by web service."""
        return {name: one for name, one in self.profiles.items() if not one.by_file}

    @property
    def keys_path(self) -> Path:
        """Where the secret and the sealing key are."""
        return self.keys_file or self.data_dir / "keys.toml"

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.data_dir / "ledger.db"

    @property
    def bus_path(self) -> Path:
        """The embedded log's file."""
        return self.data_dir / "bus.db"


class SettingsProblems(Exception):
    """The settings cannot be used; holds every problem, none with a value."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def load_settings(config: Path | None, **overrides: Any) -> Settings:
    """Settings of the TOML file, over them the environment, over both `overrides`.

    Raises SettingsProblems with all of them.
    """
    strange = unknown_names(Settings, os.environ)
    try:
        settings = _read(config, overrides)
    except SettingsProblems as found:
        raise SettingsProblems([*strange, *found.problems]) from None
    if strange:
        raise SettingsProblems(strange)
    return settings


def _read(config: Path | None, overrides: dict[str, Any]) -> Settings:
    if config is not None and not config.is_file():
        raise SettingsProblems([f"{config}: no such file"])
    try:
        return _sourced(Settings, config)(**overrides)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsProblems([f"{config}: not TOML: {error}"]) from None
    except OSError as error:
        raise SettingsProblems([f"{config}: cannot be read: {error.strerror}"]) from None
    except SettingsError as error:
        raise SettingsProblems([f"environment: {error}; lists are written as JSON"]) from None
    except ValidationError as error:
        raise SettingsProblems([_problem(one) for one in error.errors()]) from None


def load_folders(config: Path | None) -> Folders | None:
    """Where the other files are, if the settings say that much in a form that can be read."""
    if config is not None and not config.is_file():
        return None
    try:
        return _sourced(Folders, config)()
    except (OSError, ValueError):  # not TOML, not UTF-8, not JSON, not valid
        return None


def _sourced(kind: type[F], config: Path | None) -> type[F]:
    """These settings, read from the file and the environment alone."""

    class Sourced(kind):  # type: ignore[misc, valid-type]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = () if config is None else (TomlConfigSettingsSource(settings_cls, config),)
            return (init_settings, env_settings, *file)

    return Sourced


def _problem(error: Any) -> str:
    # Name and rule: pydantic's own text would quote the value, which may be a password.
    place = ".".join(map(str, error["loc"])) or "settings"
    if error["type"] == "extra_forbidden":
        meant = near(Settings, place)
        return f"{place}: no such setting" + (f"; did you mean {meant}?" if meant else "")
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
