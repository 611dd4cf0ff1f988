"""PARS's web service without its language: one thread's requests for one provider profile."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import httpcore
import httpx

from consumer.clock import Clock
from consumer.pars.contract import Operation, Placement
from consumer.pars.heard import Heard
from consumer.pars.port import Reply
from consumer.pars.profile import ParsProfile
from consumer.pars.wire import QUERY, Deadline, Transport, broke
from consumer.trace import going_out

_DAY_SECONDS = 86_400.0


class WebService:
    """Both transports' HTTP: credentials, every bound, and where a request broke."""

    def __init__(
        self,
        profile: ParsProfile,
        media_type: str,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` replaces the default trust (certifi's roots, TLS 1.2 at least)."""
        self._profile = profile
        self._clock = clock
        self._deadline = Deadline()
        self._client = httpx.Client(
            transport=Transport(self._deadline, tls or _default_tls()),
            headers=_headers(profile, media_type),
            timeout=_timeout(profile),
            follow_redirects=False,
            trust_env=False,
        )

    def post(self, operation: Operation, content_type: str, document: bytes) -> Heard | Reply:
        """The answer to a document, or a Reply that says where the request broke."""
        headers = {"Content-Type": content_type}
        return self._ask("POST", operation, {}, headers=headers, content=document)

    def get(self, operation: Operation, query: Mapping[str, str], below: str = "") -> Heard | Reply:
        """The answer to a question that stands in the address, or where it broke.

        `below` continues the path, and is logged: never with anything personal in it.
        """
        return self._ask("GET", operation, query, below)

    def close(self) -> None:
        """Release the connection."""
        self._client.close()

    def _ask(
        self,
        method: str,
        operation: Operation,
        query: Mapping[str, str],
        below: str = "",
        **more: Any,
    ) -> Heard | Reply:
        self._deadline.start(self._profile.total_timeout_seconds)
        url = "/".join(filter(None, (self._profile.url(operation), below)))
        extensions = {QUERY: self._query(query)}
        more["headers"] = {**more.get("headers", {}), **going_out()}
        try:
            with self._client.stream(method, url, extensions=extensions, **more) as response:
                return self._heard(response)
        except _WIRE_ERRORS as error:
            return Reply(broke=broke(error))

    def _query(self, query: Mapping[str, str]) -> bytes:
        in_query = self._profile.credentials_in is Placement.QUERY
        said = {**query, **(self._profile.credentials if in_query else {})}
        return urlencode(said, quote_via=quote).encode("ascii")

    def _heard(self, response: httpx.Response) -> Heard:
        body, whole = self._read(response)
        return Heard(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=body,
            whole=whole and response.headers.get("content-encoding", "identity") == "identity",
            retry_after_seconds=retry_after(response.headers.get("retry-after", ""), self._clock),
        )

    def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        """The body up to the bound, and whether that was all of it."""
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._profile.answer_limit_bytes:
                return bytes(body[: self._profile.answer_limit_bytes]), False
        return bytes(body), True


_WIRE_ERRORS = (
    httpcore.ConnectError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ProxyError,
    httpcore.ConnectionNotAvailable,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
)


def retry_after(value: str, clock: Clock) -> float | None:
    """Seconds to wait that a Retry-After asks for, at most a day; None when it says nothing."""
    if value.isascii() and value.strip().isdigit():
        return min(float(value), _DAY_SECONDS)
    try:
        at = parsedate_to_datetime(value)
        # "-0000" says UTC of unknown origin, and comes back without a zone.
        aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return min(max(0.0, (aware - clock.now()).total_seconds()), _DAY_SECONDS)
    except (ValueError, TypeError, OverflowError):
        return None


def _headers(profile: ParsProfile, media_type: str) -> dict[str, str]:
    in_headers = profile.credentials_in is Placement.HEADERS
    return {
        **(profile.credentials if in_headers else {}),
        "Accept": media_type,
        # A compressed answer could not be bounded before it is unpacked.
        "Accept-Encoding": "identity",
        "User-Agent": "moc-consumer",
    }


def _timeout(profile: ParsProfile) -> httpx.Timeout:
    return httpx.Timeout(
        connect=profile.connect_timeout_seconds,
        read=profile.read_timeout_seconds,
        write=profile.write_timeout_seconds,
        pool=profile.pool_timeout_seconds,
    )


@cache
def _default_tls() -> ssl.SSLContext:
    # One for all workers: each holds a megabyte of roots, and takes as long as forty posts.
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
