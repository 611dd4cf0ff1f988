"""The whole configuration, and where the office's files are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from consumer.resources import shipped
from consumer.settings.console import ConsoleSettings
from consumer.settings.gateway import GatewaySettings
from consumer.settings.lms import LmsSettings
from consumer.settings.notices import NoticesSettings
from consumer.settings.profile import ProviderProfile
from consumer.settings.reconcile import ReconcileSettings
from consumer.settings.registry import RegistrySettings
from consumer.settings.retention import RetentionSettings
from consumer.settings.sections import (
    ALL_PUMPS,
    FollowSettings,
    HealthSettings,
    IntakeSettings,
    KafkaSettings,
    LogSettings,
    OutboxSettings,
    PumpName,
    Seconds,
    SendingSettings,
)
from consumer.settings.tables import TablesSettings
from consumer.settings.telling import OutcomesSettings, WebhookSettings
from consumer.settings.tracing import TracingSettings

WebhookName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
_SERVERS = ("postgresql://", "postgres://")


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
    ledger_url: SecretStr = Field(
        SecretStr(""),
        description="a ledger for several processes, postgresql://user:password@host/database;"
        " blank: SQLite in data_dir",
    )
    keys_file: Path | None = Field(None, description="secret and sealing key; default in data_dir")
    bus: Literal["embedded", "kafka"] = Field("embedded", description="where events come from")
    pumps: list[PumpName] = Field(list(ALL_PUMPS), min_length=1, description="pumps to run")
    stop_seconds: Seconds = Field(20, description="SIGTERM drains within this time")
    profiles: dict[str, ProviderProfile] = Field(
        default_factory=dict, description="provider profiles by the name activities use"
    )
    kafka: KafkaSettings = KafkaSettings()
    intake: IntakeSettings = IntakeSettings()
    tables: TablesSettings = TablesSettings()
    lms: dict[str, LmsSettings] = Field(
        default_factory=dict, description="LMSs that are asked who a learner is, by any name"
    )
    reconcile: dict[WebhookName, ReconcileSettings] = Field(
        default_factory=dict, description="lists of completions compared every night, by any name"
    )
    registry: RegistrySettings = RegistrySettings()
    sending: SendingSettings = SendingSettings()
    follow: FollowSettings = FollowSettings()
    outbox: OutboxSettings = OutboxSettings()
    webhooks: dict[WebhookName, WebhookSettings] = Field(
        default_factory=dict, description="systems that are told every outcome, by any name"
    )
    outcomes: OutcomesSettings = OutcomesSettings()
    notices: NoticesSettings = NoticesSettings()
    retention: RetentionSettings = RetentionSettings()
    health: HealthSettings = HealthSettings()
    console: ConsoleSettings = ConsoleSettings()
    gateway: GatewaySettings = GatewaySettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()

    @field_validator("ledger_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(_SERVERS):
            raise ValueError("must be postgresql://user:password@host/database, or blank")
        return url

    @model_validator(mode="after")
    def _someone_reports(self) -> Settings:
        if not self.profiles:
            raise ValueError("profiles: at least one provider profile is needed, such as main")
        return self

    @model_validator(mode="after")
    def _somebody_hears_what_is_posted(self) -> Settings:
        for name, source in self.gateway.sources.items():
            if source.topic and source.topic not in self.intake.topics:
                raise ValueError(f"gateway.sources.{name}.topic: is not in intake.topics")
        return self

    @model_validator(mode="after")
    def _somebody_hears_what_was_missing(self) -> Settings:
        for name, one in self.reconcile.items():
            if one.topic and one.topic not in self.intake.topics:
                raise ValueError(f"reconcile.{name}.topic: is not in intake.topics")
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
    def users_path(self) -> Path:
        """Where it stands who may sign in to the console."""
        return self.console.users_file or self.data_dir / "users.toml"

    @property
    def spool_path(self) -> Path:
        """Where posted events wait while the bus is away."""
        return self.data_dir / "gateway-spool.db"

    @property
    def on_server(self) -> bool:
        """Whether the ledger is on PostgreSQL, which other machines may use too."""
        return bool(self.ledger_url.get_secret_value())

    @property
    def ledger_exists(self) -> bool:
        """Whether there may be a ledger already: then no new keys are made.

        On a server there always may: another machine's keys must be brought here.
        """
        return self.on_server or self.ledger_path.exists()

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.data_dir / "ledger.db"

    @property
    def bus_path(self) -> Path:
        """The embedded log's file."""
        return self.data_dir / "bus.db"

    @property
    def embedded_log(self) -> Path | None:
        """The same where it is used; None with Kafka."""
        return self.bus_path if self.bus == "embedded" else None
