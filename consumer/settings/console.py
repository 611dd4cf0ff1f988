"""The settings of the web console."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from consumer.settings.entrance import OidcSettings, ProxySettings, SafeAddress, why_exposed
from consumer.settings.sections import Section, ZoneName


class ConsoleSettings(Section):
    """The web console."""

    listen: str = Field(
        "",
        pattern=r"^(?:(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5})?$",
        description="host:port, such as 127.0.0.1:8792, for `run` to serve it too; blank: not",
    )
    public_url: SafeAddress = Field(
        "", description="the address people type, such as https://cme.example.org"
    )
    hosts: list[str] = Field(
        default_factory=list, description="further names that people reach it by, without a port"
    )
    cert_file: Path | None = Field(None, description="its certificate and chain for TLS, PEM")
    key_file: Path | None = Field(None, description="the private key, without a password, PEM")
    users_file: Path | None = Field(None, description="who may sign in; default in data_dir")
    hours: float = Field(12, gt=0, le=24 * 7, description="somebody who signed in is out after")
    idle_minutes: float = Field(
        60, gt=0, le=24 * 60, description="somebody who did nothing is out after"
    )
    zone: ZoneName = Field("UTC", description="the office's time zone, such as America/Chicago")
    proxy: ProxySettings = ProxySettings()
    oidc: OidcSettings = OidcSettings()

    @model_validator(mode="after")
    def _is_safe(self) -> ConsoleSettings:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file: one is of no use without the other")
        if self.oidc.issuer and not self.public_url:
            raise ValueError("public_url: needed with oidc.issuer, which sends people back there")
        if why := self.why_not(self.listen):
            raise ValueError(why)
        return self

    @property
    def own_tls(self) -> bool:
        """Whether the console itself speaks TLS."""
        return self.cert_file is not None

    @property
    def https(self) -> bool:
        """Whether browsers come by https, be it to a proxy in front."""
        return self.own_tls or self.public_url.startswith("https://")

    def why_not(self, listen: str) -> str:
        """Why nobody should be served at this address, and what to do; blank if all is well."""
        safe = self.own_tls or bool(self.proxy.peers)
        return why_exposed(listen, "console", "proxy.peers", safe=safe)
