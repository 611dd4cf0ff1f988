"""Where the schema registry is that Avro events are read by."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from consumer.settings.sections import Section


class RegistrySettings(Section):
    """A schema registry that speaks Confluent's API; needed where an LMS sends Avro."""

    url: str = Field("", description="address, http:// or https://; blank: there is none")
    user: str = Field("", description="user, or API key, if it asks for one")
    password: SecretStr = Field(SecretStr(""), description="password, or API secret")
    ca_file: Path | None = Field(
        None, description="certificate authority of the registry, PEM; blank: the public ones"
    )
    timeout_seconds: float = Field(5, gt=0, le=8, description="one whole question")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if url and not good:
            raise ValueError("must be http://host:port or https://host, perhaps with a path")
        if "@" in url or "?" in url or "#" in url:
            raise ValueError("only an address: credentials go to registry.user and .password")
        return url

    @model_validator(mode="after")
    def _says_one_thing(self) -> RegistrySettings:
        user, password = bool(self.user), bool(self.password.get_secret_value())
        if user != password:
            raise ValueError("user and password: one is of no use without the other")
        if not self.url and (user or self.ca_file):
            raise ValueError("url: needed with user, password or ca_file")
        if self.ca_file and not self.url.startswith("https://"):
            raise ValueError("ca_file: of no use unless url is https://")
        return self
