"""The section of the settings for traces."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from consumer.settings.entrance import is_loopback
from consumer.settings.sections import Section


class TracingSettings(Section):
    """Where traces go, by OpenTelemetry; it has to be installed (docs/tracing.md)."""

    endpoint: str = Field(
        "",
        pattern=r"^(?:https?://[^\s@]+)?$",
        description="where a collector takes OTLP over HTTP, such as"
        " http://127.0.0.1:4318/v1/traces; blank: no traces",
    )
    share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="of the events that bring no trace of their own, so many are traced",
    )
    authorization: SecretStr = Field(
        SecretStr(""),
        description="header Authorization for the collector, such as Bearer ...",
    )

    @model_validator(mode="after")
    def _is_told_to_nobody_on_the_way(self) -> TracingSettings:
        address = urlsplit(self.endpoint)
        safe = address.scheme == "https" or is_loopback(address.hostname or "")
        if self.authorization.get_secret_value() and self.endpoint and not safe:
            raise ValueError("authorization: only with an endpoint of https, or on this machine")
        return self

    @property
    def own_headers(self) -> dict[str, str]:
        """What is sent with every request to the collector."""
        said = self.authorization.get_secret_value()
        return {"Authorization": said} if said else {}
