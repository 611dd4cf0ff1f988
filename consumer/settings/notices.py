"""The settings of notices: who is told what, when, and by which mail server or webhook."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from consumer.notices.matter import WHO_GETS, Kind, Role
from consumer.settings.entrance import is_loopback
from consumer.settings.sections import Seconds, Section, ZoneName


class MailSettings(Section):
    """The mail server that takes notices (SMTP)."""

    host: str = Field("", description="its name; blank: no mail is sent")
    port: int = Field(
        587, ge=1, le=65_535, description="587 with starttls, 465 with tls, as a rule"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="how the connection is kept secret; none only on this machine"
    )
    user: str = Field("", description="user to log in as; blank: no login")
    password: SecretStr = Field(SecretStr(""), description="its password")
    password_file: Path | None = Field(None, description="or a file with the password alone in it")
    sender: str = Field("", description="address that notices come from")
    ca_file: Path | None = Field(
        None, description="certificate authority of the server, PEM; blank: the public ones"
    )
    timeout_seconds: Seconds = Field(30, le=120, description="one whole message")

    @model_validator(mode="after")
    def _says_one_thing(self) -> MailSettings:
        if self.host and "@" not in self.sender:
            raise ValueError("sender: an address is needed, such as moc@example.org")
        if self.host and self.security == "none" and not is_loopback(self.host):
            raise ValueError("security: none is for a server on this machine alone")
        password = bool(self.password.get_secret_value())
        if password and self.password_file:
            raise ValueError("password and password_file: only one of them")
        if bool(self.user) != (password or bool(self.password_file)):
            raise ValueError("user and password: one is of no use without the other")
        return self


class RecipientSettings(Section):
    """One role: where it is reached, and what it is told of."""

    mail: list[str] = Field(default_factory=list, max_length=20, description="addresses")
    webhook: SecretStr = Field(
        SecretStr(""),
        description="address that gets notices as JSON; secret, as such addresses are",
    )
    secret_file: Path | None = Field(
        None, description="a file with the secrets (whsec_...) that sign the webhook's messages"
    )
    kinds: list[Kind] = Field(
        default_factory=list, description="what it is told of; blank: by its role"
    )
    heeds_quiet: bool = Field(True, description="quiet hours hold for it")

    @field_validator("mail")
    @classmethod
    def _are_addresses(cls, addresses: list[str]) -> list[str]:
        for one in addresses:
            local, _, domain = one.partition("@")
            plain = one.isascii() and one.isprintable() and not set(one) & set(' <>,;"\\')
            if not (plain and local and "." in domain and "@" not in domain):
                raise ValueError("must be addresses such as office@example.org")
        return addresses

    @field_validator("webhook")
    @classmethod
    def _is_safe(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value():
            check_url(url.get_secret_value())
        return url


class NoticesSettings(Section):
    """Who is told what, and when."""

    to: dict[Role, RecipientSettings] = Field(
        default_factory=dict, description="recipients by role: coordinator, lms_admin, sre"
    )
    mail: MailSettings = MailSettings()
    console_url: str = Field("", description="where the console is, for links; blank: none")
    zone: ZoneName = Field("UTC", description="time zone of digest_at and of the quiet hours")
    digest_at: time = Field(time(7, 30), description="when the daily digest goes out")
    quiet_from: time = Field(time(0), description="quiet hours begin; equal to quiet_until: none")
    quiet_until: time = Field(time(0), description="quiet hours end: what waited goes out")
    letters_wait_days: int = Field(
        3, ge=0, le=366, description="what needs correcting is told of after so many days"
    )
    look_seconds: Seconds = Field(30, le=3600, description="look for something to tell every")
    retry_first_seconds: Seconds = Field(60, description="first wait after a failure, at most")
    retry_longest_seconds: Seconds = Field(3600, description="longest wait after a failure")
    keep_days: int = Field(
        7, ge=1, le=366, description="an urgent notice that cannot be sent is given up after"
    )

    @field_validator("console_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url:
            check_url(url)
        return url

    @model_validator(mode="after")
    def _can_mail(self) -> NoticesSettings:
        if not self.mail.host and any(one.mail for one in self.to.values()):
            raise ValueError("mail.host: needed, since a recipient has a mail address")
        return self

    def kinds(self, role: Role) -> frozenset[Kind]:
        """What this role is told of."""
        return frozenset(self.to[role].kinds or WHO_GETS[role])

    @property
    def ways(self) -> list[tuple[Role, str]]:
        """Each role with each way it is reached by: mail, webhook."""
        return [
            (role, way)
            for role, one in self.to.items()
            for way, there in (("mail", one.mail), ("webhook", one.webhook.get_secret_value()))
            if there
        ]


def check_url(url: str) -> None:
    """Raises ValueError for what is no https:// address, or http:// on this machine."""
    try:
        parts = urlsplit(url)
        host, secret = parts.hostname, parts.username or parts.password
    except ValueError:
        host, secret = None, None
    if not host or secret:
        raise ValueError("must be https://host, perhaps with a path, without credentials")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("must begin with https://, except on this machine")
