"""Hands a notice to whoever it is for, by mail or webhook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from consumer.notices.digest import Digest
from consumer.notices.mail import CannotTell, MailServer, mail_of, send_mail
from consumer.notices.matter import Role
from consumer.notices.page import page
from consumer.settings.notices import MailSettings, NoticesSettings
from consumer.webhook.posting import Poster
from consumer.webhook.signing import NoSecret, headers, secrets_in

_WEBHOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Hands:
    """Every way that the settings know."""

    settings: NoticesSettings

    def tell(self, role: Role, way: str, digest: Digest, number: str, at: datetime) -> int:
        """Hand it over; gives how many of its addresses were refused. Raises CannotTell.

        `number` is the same whenever the same notice is told again, `at` when it was made.
        """
        if way == "mail":
            return self.mail(self.settings.to[role].mail, digest, number, at)
        self._post(role, digest, number, at)
        return 0

    def mail(self, to: Sequence[str], digest: Digest, number: str, at: datetime) -> int:
        """The same, by mail to these addresses. Raises CannotTell."""
        said = self.settings.mail
        told = page(digest, self.settings.console_url)
        return send_mail(_server(said), mail_of(told, said.sender, to, number, at))

    def _post(self, role: Role, digest: Digest, number: str, at: datetime) -> None:
        recipient = self.settings.to[role]
        try:
            secrets = secrets_in(recipient.secret_file) if recipient.secret_file else []
        except (NoSecret, OSError):
            raise CannotTell(f"notices.to.{role}.secret_file cannot be used") from None
        body = _body(digest, self.settings.console_url, at)
        poster = Poster(recipient.webhook.get_secret_value(), _WEBHOOK_SECONDS)
        try:
            answer = poster.post(body, headers(secrets, f"msg_{number}", at, body), at)
        finally:
            poster.close()
        if not answer.taken:
            raise CannotTell(f"the webhook of {role}: {answer.cause}")


def _body(digest: Digest, console_url: str, at: datetime) -> bytes:
    """`text` is what Slack, Teams and Mattermost show; the rest is for programs."""
    told = page(digest, console_url)
    data = {"subject": digest.subject, "sections": digest.sections, "mended": digest.mended}
    whole = {"type": "notice", "timestamp": at.isoformat(), "data": data}
    return orjson.dumps({"text": f"{told.subject}\n\n{told.text}"} | whole)


def _server(said: MailSettings) -> MailServer:
    def password() -> str:
        if not said.password_file:
            return said.password.get_secret_value()
        try:
            return said.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError):
            raise CannotTell("notices.mail.password_file cannot be read") from None

    return MailServer(
        said.host,
        said.port,
        said.security,
        said.sender,
        said.user,
        password,
        said.ca_file,
        said.timeout_seconds,
    )
