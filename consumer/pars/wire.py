"""HTTP for one thread with one bound on the whole request, however slowly the bytes trickle.

httpx bounds each read and each write; a server that sends one byte a second never breaks those.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator

import httpcore
import httpx

from consumer.pars.port import Broke

QUERY = "moc_consumer.query"
"""Extension of a request that holds its query: httpx logs every address it is given, and a query
may hold credentials or say who somebody is, so it is added below httpx."""


class Deadline:
    """Until when the present request may last; seconds of the machine's monotonic clock."""

    def __init__(self) -> None:
        self._until = float("inf")

    def start(self, seconds: float) -> None:
        """A new request begins and may last this long."""
        self._until = time.monotonic() + seconds

    def bound(self, timeout: float | None) -> float:
        """`timeout`, or what is left of the request if that is less; never below a millisecond."""
        left = max(0.001, self._until - time.monotonic())
        return left if timeout is None else min(timeout, left)

    @property
    def passed(self) -> bool:
        """Whether the request has lasted too long."""
        return time.monotonic() >= self._until


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write ends with the request's deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._deadline.passed:
            raise httpcore.ReadTimeout
        return self._inner.read(max_bytes, self._deadline.bound(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._deadline.passed:
            raise httpcore.WriteTimeout
        self._inner.write(buffer, self._deadline.bound(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        bound = self._deadline.bound(timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, bound), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections that know the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        bound = self._deadline.bound(timeout)
        stream = self._inner.connect_tcp(host, port, bound, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Body(httpx.SyncByteStream):
    """An answer's body, read from the connection as it is asked for."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class Transport(httpx.BaseTransport):
    """httpx's way to the wire with a deadline; raises httpcore's errors, see `broke`."""

    def __init__(self, deadline: Deadline, context: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=4.0,  # below the five seconds many servers close after
            network_backend=_Backend(deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url, query = request.url, request.extensions.get(QUERY)
        target = url.raw_path + b"?" + query if query else url.raw_path
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        self._pool.close()


_NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
)


def broke(error: Exception) -> Broke:
    """Where a request broke: before a byte left, at TLS, or anywhere later (dossier 4.1)."""
    if not isinstance(error, _NOT_SENT):
        return Broke.CUT
    return Broke.TLS if _is_tls(error) else Broke.NOT_SENT


def _is_tls(error: BaseException | None) -> bool:
    """Whether a failed handshake is behind this; a peer that just hung up is only unreachable."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return True
        error = error.__cause__ or error.__context__
    return False
