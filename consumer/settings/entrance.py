"""Settings of who else may say who somebody is: a proxy in front, a provider of sign-ins."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from consumer.settings.sections import Section

RoleWord = Literal["viewer", "coordinator", "admin"]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host, as far as its name tells."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_exposed(listen: str) -> bool:
    """Whether others than this machine reach host:port."""
    host = listen.rpartition(":")[0]
    return bool(host) and not is_loopback(host)


def why_exposed(listen: str, section: str, peers: str, *, safe: bool) -> str:
    """Why nobody should be served at this address, and what to do; blank if all is well.

    `section` is of the settings, `peers` its setting of trusted proxies; safe: there is TLS, or
    such a proxy.
    """
    if safe or not is_exposed(listen):
        return ""
    return (
        f"listen: {listen} can be reached by others, who could read passwords on the way:"
        f" set {section}.cert_file and {section}.key_file, or {section}.{peers} to the address of"
        " a proxy that speaks TLS, or listen on 127.0.0.1"
    )


def safe_address(url: str) -> str:
    """The address, if nobody on the way can read along. Raises ValueError."""
    parts = urlsplit(url)
    good = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if url and not (good and parts.hostname):
        raise ValueError("must be https://..., or http:// on this machine")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("only an address: without user, ? and #")
    return url.rstrip("/")


def network(peer: str) -> str:
    """The peer, if it is an address or a network. Raises ValueError."""
    try:
        ip_network(peer)
    except ValueError:
        raise ValueError(
            "must be IP addresses or networks, such as 10.0.0.7 or 10.0.0.0/8"
        ) from None
    return peer


SafeAddress = Annotated[str, AfterValidator(safe_address)]
Peer = Annotated[str, AfterValidator(network)]
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$", max_length=60)]


class ProxySettings(Section):
    """A proxy in front of the console; it may also say who somebody is."""

    peers: list[Peer] = Field(
        default_factory=list, description="addresses or networks of the proxies that are trusted"
    )
    user_header: Header = Field(
        "",
        description="header with the name of who signed in at the proxy; blank: it only forwards",
    )
    groups_header: Header = Field("", description="header with their groups, comma-separated")
    roles: dict[str, RoleWord] = Field(
        default_factory=dict, description="role by group; who has no role does not come in"
    )
    sign_out_url: str = Field(
        "", pattern=r"^(?:(?:https?:/)?/[^/\\].*)?$", description="where one signs out at the proxy"
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> ProxySettings:
        if self.user_header and not (self.peers and self.groups_header and self.roles):
            raise ValueError("user_header: needs peers, groups_header and roles too")
        if (self.groups_header or self.roles) and not self.user_header:
            raise ValueError("groups_header and roles: of no use without user_header")
        return self


class OidcSettings(Section):
    """A provider of sign-ins by OpenID Connect."""

    issuer: SafeAddress = Field("", description="the provider's address; blank: there is none")
    client_id: str = Field("", description="what the provider calls this console")
    client_secret: SecretStr = Field(SecretStr(""), description="the secret it gave us, if any")
    label: str = Field("Sign in with your work account", description="what the button says")
    scopes: list[str] = Field(["openid", "profile", "email"], description="what it is asked for")
    name_claim: str = Field("preferred_username", description="claim with the user's name")
    roles_claim: str = Field("groups", description="claim with groups or roles, such as a.b")
    roles: dict[str, RoleWord] = Field(
        default_factory=dict, description="role by group; who has no role does not come in"
    )
    skew_seconds: float = Field(60, ge=0, le=300, description="clocks may differ by")
    timeout_seconds: float = Field(10, gt=0, le=60, description="one request to the provider")

    @model_validator(mode="after")
    def _says_one_thing(self) -> OidcSettings:
        if self.issuer and not (self.client_id and self.roles):
            raise ValueError("issuer: needs client_id and roles too")
        if not self.issuer and (self.client_id or self.roles):
            raise ValueError("client_id and roles: of no use without issuer")
        if "openid" not in self.scopes:
            raise ValueError("scopes: must name openid")
        return self
