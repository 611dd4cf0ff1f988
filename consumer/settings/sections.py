"""The sections of the settings: bus, sending, following, intake, outbox, health, log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from consumer.limits import SurgeLimits


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as America/New_York") from None
    return name


Seconds = Annotated[float, Field(gt=0)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
EventForm = Literal["json", "form", "cloudevents"]
PumpName = Literal["intake", "submit", "follow", "outbox", "notices"]
ALL_PUMPS: tuple[PumpName, ...] = ("intake", "submit", "follow", "outbox", "notices")


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
    cert_file: Path | None = Field(None, description="our certificate, if brokers want one, PEM")
    key_file: Path | None = Field(None, description="its private key, without a password, PEM")
    session_timeout_seconds: Seconds = Field(45, description="a silent member is dropped after")
    group_instance_id: str = Field(
        "",
        max_length=249,
        pattern=r"^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*)?$",
        description="a name that this process keeps over restarts, and no other has; blank: none",
    )
    assignment: Literal["range", "sticky", "cooperative"] = Field(
        "range", description="how partitions are shared out; the same in every process"
    )
    when_events_are_gone: Literal["stop", "skip"] = Field(
        "stop", description="when Kafka deleted events before they were heard"
    )
    least_retention_hours: int = Field(
        7 * 24, ge=1, description="a source topic that keeps events for less is warned of"
    )
    source_partitions: int = Field(3, ge=1, description="of source topics made at first start")
    replication_factor: int = Field(-1, ge=-1, description="of topics made at start; -1: default")

    @model_validator(mode="after")
    def _says_one_thing(self) -> KafkaSettings:
        sasl, protocol = self.security_protocol.startswith("SASL_"), self.security_protocol
        credentials = ("sasl_mechanism", "username", "password")
        missing = [name for name in credentials if sasl and not self._has(name)]
        if missing:
            raise ValueError(f"{', '.join(missing)}: needed with security_protocol {protocol}")
        idle = [name for name in credentials if not sasl and self._has(name)]
        if not protocol.endswith("SSL"):
            idle += filter(self._has, ("ca_file", "cert_file", "key_file"))
        if idle:
            raise ValueError(f"{', '.join(idle)}: of no use with security_protocol {protocol}")
        if self._has("cert_file") != self._has("key_file"):
            raise ValueError("cert_file and key_file: one is of no use without the other")
        return self

    def _has(self, name: str) -> bool:
        value = getattr(self, name)
        return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


class SendingSettings(Section):
    """How credits are sent (dossier 6)."""

    workers: int = Field(2, ge=1, le=64, description="requests under way at once, all profiles")
    connect_timeout_seconds: Seconds = Field(10, description="to reach PARS")
    request_timeout_seconds: Seconds = Field(60, description="one whole request")
    lease_seconds: Seconds = Field(300, description="a claimed credit is ours for")
    grace_seconds: Seconds = Field(300, description='PARS\'s "not found" counts after')
    overtaken_seconds: Seconds = Field(
        3600, description="a sender that lost a credit, frozen say, may still post it for"
    )
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
    forms: dict[str, EventForm] = Field(
        default_factory=dict,
        description="json, form or cloudevents by topic, for events that do not say; default json",
    )
    group: str = Field("moc-consumer", min_length=1, description="consumer group")
    batch_size: int = Field(500, ge=1, le=10_000, description="messages per transaction")
    poll_timeout_seconds: Seconds = Field(1, description="longest wait for a batch")
    payload_limit_bytes: int = Field(1_048_576, ge=1024, description="larger events are refused")
    retry_seconds: Seconds = Field(5, description="wait after a fault of bus or ledger")
    look_seconds: Seconds = Field(5, description="look for changed tables every")
    silent_seconds: Seconds = Field(
        60, description="events wait on the bus and none arrives: not ready after"
    )

    @model_validator(mode="after")
    def _forms_are_of_its_topics(self) -> IntakeSettings:
        strange = sorted(self.forms.keys() - set(self.topics))
        if strange:
            raise ValueError(f"forms: not in topics: {', '.join(strange)}")
        return self


class OutboxSettings(Section):
    """Where dead letters and outcomes are published."""

    dead_letters_topic: str = Field("moc.dead-letters", description="compacted topic")
    outcomes_topic: str = Field("moc.outcomes", description="every new state of a credit")
    idle_seconds: Seconds = Field(1, description="look for messages every")


class HealthSettings(Section):
    """Where the service answers how it is: /ready, /live, /startup and /metrics."""

    listen: str = Field(
        "",
        pattern=r"^(?:(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5})?$",
        description="host:port, such as 127.0.0.1:8791; blank: it does not",
    )
    stalled_seconds: Seconds = Field(300, description="a pump that has not turned for is stalled")


class LogSettings(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: JSON when piped")
