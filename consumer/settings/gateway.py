"""The settings of the webhook gateway: where it listens, and which LMSs may post there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from consumer.settings.entrance import Header, Peer, SafeAddress, why_exposed
from consumer.settings.sections import Seconds, Section

SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
KeptHeader = Annotated[str, Field(pattern=r"^[Xx]-[A-Za-z0-9-]{1,58}$")]
LEAST_SECRET = 16
_SIGNED = re.compile(r"[^{}]*(?:\{(?:id|timestamp)\}[^{}]*)*\{body\}")


class GatewaySource(Section):
    """One LMS that posts: how it proves who it is, and where its events go."""

    topic: str = Field("", description="topic of its events; blank: the first of intake.topics")
    auth: Literal["body", "header", "hmac", "basic"] = Field(
        description="where the secret is: a field of the body, a header, a signature, HTTP Basic"
    )
    secret: SecretStr = Field(SecretStr(""), description="the secret, 16 characters or more")
    secret_file: Path | None = Field(
        None, description="or a file with it; several, one a line, while it is being changed"
    )
    field: str = Field("token", min_length=1, description="auth body: the field with the secret")
    header: Header = Field("", description="auth header, hmac: the header with it")
    prefix: str = Field("", max_length=40, description="what stands before it, such as sha256=")
    encoding: Literal["hex", "base64"] = Field("hex", description="auth hmac: of the signature")
    signed: str = Field(
        "{body}", description="auth hmac: what is signed, such as {timestamp}.{body}"
    )
    timestamp_header: Header = Field("", description="auth hmac: seconds since 1970")
    id_header: Header = Field("", description="auth hmac: the message's id, if it is signed")
    tolerance_seconds: Seconds = Field(
        300, le=86_400, description="auth hmac: a timestamp may be off by"
    )
    user: str = Field("", description="auth basic: the user's name")
    rate_per_second: float = Field(
        200, gt=0, le=100_000, description="more than this is told to come later; per process"
    )
    burst: int = Field(1000, ge=1, le=1_000_000, description="so many may come at once")
    keep_headers: list[KeptHeader] = Field(
        default_factory=list, max_length=20, description="X- headers that go with the event"
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> GatewaySource:
        if bool(self.secret.get_secret_value()) == bool(self.secret_file):
            raise ValueError("secret, secret_file: one of them is needed")
        if self.auth in ("header", "hmac") and not self.header:
            raise ValueError(f"header: needed with auth {self.auth}")
        if self.auth == "basic" and (not self.user or ":" in self.user):
            raise ValueError("user: needed with auth basic, without a colon")
        secret_headers = {self.header.lower(), "authorization", "cookie"}
        if secret_headers & {name.lower() for name in self.keep_headers}:
            raise ValueError("keep_headers: holds the header with the secret")
        return self

    @model_validator(mode="after")
    def _signs_what_it_has(self) -> GatewaySource:
        if not _SIGNED.fullmatch(self.signed):
            raise ValueError("signed: {body} at the end, {timestamp} and {id} before it")
        for name in ("timestamp", "id"):
            if (f"{{{name}}}" in self.signed) != bool(getattr(self, f"{name}_header")):
                raise ValueError(f"{name}_header: goes with {{{name}}} in signed, and only with it")
        return self


class GatewaySettings(Section):
    """The webhook gateway."""

    listen: str = Field(
        "",
        pattern=r"^(?:(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5})?$",
        description="host:port, such as 127.0.0.1:8793, for `run` to serve it too; blank: not",
    )
    public_url: SafeAddress = Field(
        "", description="the address LMSs post to, such as https://hooks.example.org"
    )
    cert_file: Path | None = Field(None, description="its certificate and chain for TLS, PEM")
    key_file: Path | None = Field(None, description="the private key, without a password, PEM")
    proxy_peers: list[Peer] = Field(
        default_factory=list, description="addresses or networks of the proxies that are trusted"
    )
    body_limit_bytes: int = Field(
        1_048_576, ge=1024, le=1_900_000, description="larger bodies are refused, inflated too"
    )
    read_seconds: Seconds = Field(15, le=300, description="a whole request must be there within")
    bus_seconds: Seconds = Field(
        3, le=60, description="Kafka away for longer: the event goes into the spool"
    )
    retry_seconds: Seconds = Field(2, le=600, description="what is in the spool is tried every")
    sources: dict[SourceName, GatewaySource] = Field(
        default_factory=dict, description="LMSs that may post, by any name"
    )

    @model_validator(mode="after")
    def _is_safe(self) -> GatewaySettings:
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file: one is of no use without the other")
        if why := self.why_not(self.listen):
            raise ValueError(why)
        return self

    @property
    def own_tls(self) -> bool:
        """Whether the gateway itself speaks TLS."""
        return self.cert_file is not None

    def why_not(self, listen: str) -> str:
        """Why nobody should be served at this address, and what to do; blank if all is well."""
        return why_exposed(
            listen, "gateway", "proxy_peers", safe=self.own_tls or bool(self.proxy_peers)
        )
