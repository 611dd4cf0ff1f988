"""The HTTP of a schema registry that speaks Confluent's API: Confluent, Karapace, Apicurio."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpcore
import httpx

from consumer.decoding.schemas import SchemasAway
from consumer.pars.port import Broke
from consumer.pars.wire import Deadline, Transport, broke

ANSWER_LIMIT_BYTES = 1_048_576
_HEADERS = {
    "Accept": "application/vnd.schemaregistry.v1+json, application/json",
    # A compressed answer could not be bounded before it is unpacked.
    "Accept-Encoding": "identity",
    "User-Agent": "moc-consumer",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the registry is, as whom it knows us, and how long one question may take."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout_seconds: float = 5.0


class RegistryClient:
    """Asks one question at a time; not to be shared between threads without a lock."""

    def __init__(self, address: Address) -> None:
        """Raises OSError (ssl.SSLError too) for a CA file that cannot be used."""
        self._seconds = address.timeout_seconds
        self._url = address.url.rstrip("/")
        self._deadline = Deadline()
        self._client = httpx.Client(
            transport=Transport(self._deadline, _trust(address.ca_file)),
            auth=(address.user, address.password) if address.user else None,
            headers=_HEADERS,
            timeout=address.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def get(self, path: str) -> tuple[int, bytes | None]:
        """Status and body of an answer; None for a body that is larger than any schema.

        The whole answer must come within the address's `timeout_seconds`. Raises SchemasAway.
        """
        self._deadline.start(self._seconds)
        try:
            with self._client.stream("GET", self._url + path) as response:
                return response.status_code, _bounded(response)
        except httpx.TimeoutException:
            told = self._too_slow()
        except httpcore.TimeoutException:
            told = self._too_slow()
        except _WIRE_ERRORS as error:
            told = _WHY[broke(error)]
        raise SchemasAway(told)

    def _too_slow(self) -> str:
        return f"it does not answer within {self._seconds:g} s"


def _bounded(response: httpx.Response) -> bytes | None:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            return None
    return bytes(body)


_WIRE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
    httpx.StreamError,
    OSError,
)
_WHY = {
    Broke.NOT_SENT: "it cannot be reached: check the network and registry.url",
    Broke.TLS: "it cannot prove that it is the registry: check registry.ca_file and registry.url",
    Broke.CUT: "the connection broke off",
}


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else _public_roots()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _public_roots() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
