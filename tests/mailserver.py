"""A real mail server on loopback, and what it was given; it can be away, and refuse."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

SENDER = "moc@lakeside.example"


class MailServer:
    """Keeps every mail it takes."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.mails: list[EmailMessage] = []
        self.refuses: dict[str, str] = {}
        """Answers to single addresses, such as `550 nobody here`."""
        self.answer = ""
        """What it answers to every message; blank: it takes it."""
        self.then: Callable[[], None] = lambda: None
        """Done when a mail has been taken, before its sender is told so."""

    @property
    def subjects(self) -> list[str]:
        """The subjects of what it took, oldest first."""
        return [mail["Subject"] for mail in self.mails]

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of what it took."""
        return [mail["Message-ID"] for mail in self.mails]

    def settings(self, **said: Any) -> dict[str, Any]:
        """The settings of a service that mails here."""
        here = {"host": "127.0.0.1", "port": self.port, "security": "none", "sender": SENDER}
        return here | said

    @contextmanager
    def serving(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        starttls: bool = False,
        login: tuple[str, str] | None = None,
    ) -> Iterator[MailServer]:
        """Takes mail at `port`; at the end it is away."""
        said: dict[str, Any] = {"ssl_context": tls}
        if starttls:
            said = {"tls_context": tls, "require_starttls": True}
        if login:
            said |= {"authenticator": _knows(login), "auth_required": True}
            said |= {"auth_require_tls": starttls}
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **said)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    # ------------------------------------------------------------ aiosmtpd's hooks

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Take this recipient, or not."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope
    ) -> str:
        """Take the mail, or not."""
        if self.answer:
            return self.answer
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.then()
        return "250 OK"


def _knows(login: tuple[str, str]) -> Any:
    def check(*asked: Any) -> AuthResult:
        data = asked[-1]
        known = isinstance(data, LoginPassword)
        right = known and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=right, handled=False)

    return check


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The mail as text, or as HTML."""
    body = mail.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text
