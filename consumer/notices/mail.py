"""Sends a notice by a mail server: SMTP with STARTTLS or TLS, bounded as a whole."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from consumer.notices.page import Page


class CannotTell(Exception):
    """A notice could not be handed over; the text says why, and quotes no address or secret."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where the mail server is, and as whom it knows us."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str = ""
    password: Callable[[], str] = field(default=lambda: "", repr=False)
    ca_file: Path | None = None
    timeout_seconds: float = 30.0


def mail_of(page: Page, sender: str, to: Sequence[str], number: str, at: datetime) -> EmailMessage:
    """The notice as a mail. `number` makes its Message-ID, the same whenever it is sent again."""
    mail = EmailMessage()
    mail["Subject"] = page.subject
    mail["From"] = Address("MOC Consumer", addr_spec=sender)
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<moc-{number}@{sender.partition('@')[2]}>"
    # Nobody answers it: out-of-office replies would come back to a mailbox that nobody reads.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(page.text, cte="quoted-printable")
    mail.add_alternative(page.html, subtype="html", cte="quoted-printable")
    return mail


def send_mail(server: MailServer, mail: EmailMessage) -> int:
    """Hand it over; gives to how many of its addresses the server would not. Raises CannotTell."""
    try:
        with _connected(server) as smtp:
            return len(smtp.send_message(mail))
    except _FAULTS as error:
        raise CannotTell(_why(error)) from None


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    context = _trust(server)
    smtp = _Socketed(server, context)
    # A server that sends one byte now and then never breaks a timeout of the socket.
    timer = threading.Timer(server.timeout_seconds, smtp.cut)
    timer.daemon = True
    timer.start()
    try:
        smtp.open()
        if server.user:
            smtp.session.login(server.user, server.password())
        yield smtp.session
        with suppress(smtplib.SMTPException, OSError):  # the message is over there already
            smtp.session.quit()
    except _FAULTS:
        if smtp.was_cut:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        smtp.close()


class _Socketed:
    """One session, which another thread may cut off."""

    def __init__(self, server: MailServer, context: ssl.SSLContext) -> None:
        self._server, self._context = server, context
        timeout = server.timeout_seconds
        self.session = (
            smtplib.SMTP_SSL(timeout=timeout, context=context)
            if server.security == "tls"
            else smtplib.SMTP(timeout=timeout)
        )
        # The name to check a certificate by: smtplib takes it where it would connect at once.
        self.session._host = server.host  # type: ignore[attr-defined]
        self.was_cut = False

    def open(self) -> None:
        """Connect, and leave plain text behind."""
        self.session.connect(self._server.host, self._server.port)
        if self._server.security == "starttls":
            self.session.starttls(context=self._context)

    def cut(self) -> None:
        """End it, whatever it waits for."""
        self.was_cut = True
        sock = self.session.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        self.session.close()


def _trust(server: MailServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_FAULTS = (smtplib.SMTPException, OSError, UnicodeError)
_NAMED: tuple[tuple[type[Exception], str], ...] = (
    (ssl.SSLCertVerificationError, "cannot prove who it is: check mail.host and mail.ca_file"),
    (ssl.SSLError, "cannot be talked to in secret: check mail.security and mail.port"),
    (TimeoutError, "does not answer in time (mail.timeout_seconds)"),
    (smtplib.SMTPAuthenticationError, "refuses our user or password ({})"),
    (smtplib.SMTPNotSupportedError, "offers no STARTTLS, or no login: check mail.security"),
    (smtplib.SMTPRecipientsRefused, "takes mail for none of the addresses ({})"),
    (smtplib.SMTPSenderRefused, "does not take mail from mail.sender ({})"),
    (smtplib.SMTPResponseException, "refuses the message ({})"),
    (smtplib.SMTPServerDisconnected, "broke off the connection"),
    (OSError, "cannot be reached: check the network, mail.host and mail.port"),
)


def _why(error: Exception) -> str:
    """In our words and the server's number: what it says may quote an address."""
    if isinstance(error.__context__, TimeoutError):  # smtplib calls it a connection broken off
        error = error.__context__
    known = (text for kind, text in _NAMED if isinstance(error, kind))
    codes = {str(getattr(error, "smtp_code", ""))}
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {str(code) for code, _ in error.recipients.values()}
    return "the mail server " + next(known, "cannot be talked to").format(", ".join(sorted(codes)))
