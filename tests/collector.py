"""A real collector of traces on loopback: takes OTLP over HTTP, and keeps what came."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Seen:
    """One span as it came."""

    name: str
    trace: str
    span: str
    parent: str
    links: tuple[str, ...]
    """The traces that it is linked to."""
    said: dict[str, str | int]
    error: bool
    kind: int
    seconds: float


@dataclass
class Collector:
    """What it was sent: every request's bytes, inflated, and its headers."""

    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: int = 200
    silent_until: threading.Event = field(default_factory=threading.Event)
    is_silent: bool = False
    url: str = ""

    @property
    def spans(self) -> list[Seen]:
        """Every span, in the order they came."""
        return [_seen(span) for one in self._read() for span in _spans(one)]

    @property
    def resources(self) -> list[dict[str, str | int]]:
        """What each request says of who sent it."""
        return [
            _said(two.resource.attributes) for one in self._read() for two in one.resource_spans
        ]

    def of(self, trace: str, name: str = "") -> list[Seen]:
        """The spans of one trace, those of this name."""
        return [one for one in self.spans if one.trace == trace and name in ("", one.name)]

    def _read(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in [*self.bodies]]


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _seen(span: Span) -> Seen:
    return Seen(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple(link.trace_id.hex() for link in span.links),
        _said(span.attributes),
        span.status.code == 2,
        span.kind,
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _said(attributes: list[KeyValue]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for one in attributes:
        kind = one.value.WhichOneof("value")
        found[one.key] = getattr(one.value, kind)
    return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that answers, in this process."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if collector.is_silent:
                collector.silent_until.wait(60)
                return
            if collector.answer == 200:
                packed = self.headers.get("Content-Encoding") == "gzip"
                collector.bodies.append(gzip.decompress(body) if packed else body)
                collector.headers.append({n.lower(): v for n, v in self.headers.items()})
            self.send_response(collector.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.silent_until.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
