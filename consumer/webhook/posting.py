"""Posts one message to a webhook: one bound on the whole request, no redirects, no proxies."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpcore
import httpx

from consumer.pars.port import Broke
from consumer.pars.wire import Deadline, Transport, broke
from consumer.trace import going_out


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post: a status, 0 where there was none, and the cause in words.

    `wait_seconds` is how long it asked us to wait (Retry-After), None if it did not.
    """

    status: int
    cause: str = ""
    wait_seconds: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the other side has the message."""
        return 200 <= self.status < 300


class Poster:
    """Posts to one address, one message at a time."""

    def __init__(self, url: str, timeout_seconds: float, ca_file: Path | None = None) -> None:
        """Raises OSError (ssl.SSLError too) for a CA file that cannot be used."""
        self._url, self._seconds = url, timeout_seconds
        self._deadline = Deadline()
        self._client = httpx.Client(
            transport=Transport(self._deadline, _trust(ca_file)),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def post(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Answer:
        """What came of it; of the answer only the status counts."""
        self._deadline.start(self._seconds)
        own_headers = {"Content-Type": "application/json", "User-Agent": "moc-consumer"}
        try:
            with self._client.stream(
                "POST", self._url, content=body, headers=own_headers | going_out() | dict(headers)
            ) as response:
                return _answer(response, now)
        except (httpx.TimeoutException, httpcore.TimeoutException):
            return Answer(0, f"it does not answer within {self._seconds:g} s")
        except _WIRE_ERRORS as error:
            return Answer(0, _WHY[broke(error)])

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def _answer(response: httpx.Response, now: datetime) -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        return Answer(status)
    return Answer(status, _SAYS.get(status, f"it answers {status}"), _wait(response, now))


def _wait(response: httpx.Response, now: datetime) -> float | None:
    said = response.headers.get("Retry-After", "")
    if said.isascii() and said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds()) if said else None
    except (ValueError, TypeError):  # no date; a date without a zone
        return None


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file:
        context = ssl.create_default_context(cafile=str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_WIRE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
    httpx.StreamError,
    OSError,
)
_WHY = {
    Broke.NOT_SENT: "it cannot be reached: check the network and the address",
    Broke.TLS: "it cannot prove who it is: check the address, and its certificate",
    Broke.CUT: "the connection broke off",
}
_SAYS = {
    401: "it refuses us (401): check the secret",
    403: "it refuses us (403): check the secret",
    404: "nothing is there (404): check the address",
    410: "it is gone (410)",
    429: "it asks us to be slower (429)",
}
