"""Spans by OpenTelemetry, sent over OTLP/HTTP: the one module that knows of it.

Sending is a thread's own business, from a queue of a bounded length: an endpoint that is away loses
spans, and holds up nobody. No exception is recorded, as its text may repeat what it choked on.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import requests
from opentelemetry import context as contexts
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from consumer.settings.tracing import TracingSettings
from consumer.telemetry.spans import ATTRIBUTES, BY_NAME, SpanKind, Tell, Tracing, Value
from consumer.trace import carried

OTHER = "other"
"""Stands for a value that is no code, name or CreditID."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:-]{0,299}")
_KINDS: dict[SpanKind, otel.SpanKind] = {
    "server": otel.SpanKind.SERVER,
    "producer": otel.SpanKind.PRODUCER,
    "consumer": otel.SpanKind.CONSUMER,
    "internal": otel.SpanKind.INTERNAL,
    "client": otel.SpanKind.CLIENT,
}
_QUEUE, _TOGETHER, _EVERY_MS = 8192, 512, 2000
_REQUEST_SECONDS = 5.0
_MOST_LINKS = 128


class Traced(Tracing):
    """Safe to share between threads."""

    on = True

    def __init__(self, settings: TracingSettings) -> None:
        session = requests.Session()
        session.trust_env = False  # no proxy, and no password, that the settings do not name
        exporter = OTLPSpanExporter(
            settings.endpoint,
            headers=settings.own_headers,
            timeout=_REQUEST_SECONDS,
            compression=Compression.Gzip,
            session=session,
        )
        self._sending = BatchSpanProcessor(exporter, _QUEUE, _EVERY_MS, _TOGETHER)
        service = {"service.name": "moc-consumer", "service.version": version("moc-consumer")}
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.share)),
            # Not Resource.create: it would add what stands in the environment.
            resource=Resource(service),
            span_limits=SpanLimits(max_links=_MOST_LINKS),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(self._sending)
        self._tracer = self._provider.get_tracer("moc-consumer")

    def begin(
        self, name: str, *, after: str = "", links: Sequence[str] = (), began: int = 0
    ) -> _Begun:
        """As the port says."""
        span = self._tracer.start_span(
            name,
            context=_context(after) if after else contexts.Context(),
            kind=_KINDS[BY_NAME[name].kind],
            links=_links(links),
            start_time=began or None,
        )
        return _Begun(span, frozenset(BY_NAME[name].keys))

    @contextmanager
    def span(
        self,
        name: str,
        *,
        after: str = "",
        links: Sequence[str] = (),
        **said: Value,
    ) -> Iterator[Tell]:
        """As the port says."""
        begun = self.begin(name, after=after or carried.get(), links=links)
        begun.tell(**said)
        before, error = carried.set(begun.traceparent), ""
        try:
            yield begun.tell
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            carried.reset(before)
            begun.end(error)

    def now(self) -> int:
        """As the port says."""
        return time.time_ns()

    def close(self, seconds: float) -> None:
        """As the port says."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True, name="last-spans")
        ending.start()
        ending.join(seconds)


class _Begun:
    """One span; of what it is told it keeps what its row of the table allows."""

    def __init__(self, span: otel.Span, keys: frozenset[str]) -> None:
        self._span, self._keys = span, keys

    @property
    def traceparent(self) -> str:
        """As the port says."""
        own = self._span.get_span_context()
        return f"00-{own.trace_id:032x}-{own.span_id:016x}-{int(own.trace_flags):02x}"

    def tell(self, **said: Value) -> None:
        """As the port says."""
        for key, value in said.items():
            if key in self._keys and value != "":
                self._span.set_attribute(ATTRIBUTES[key], _plain(value))

    def end(self, error: str = "") -> None:
        """As the port says."""
        if error:
            self._span.set_attribute(ATTRIBUTES["error"], _plain(error))
            self._span.set_status(otel.StatusCode.ERROR)
        self._span.end()


def _plain(value: Value) -> Value:
    """The value if nobody's words can stand in it."""
    if isinstance(value, int):
        return value
    return value if all(map(_PLAIN.fullmatch, value.split(" "))) else OTHER


def _links(traceparents: Iterable[str]) -> list[otel.Link]:
    distinct = [one for one in dict.fromkeys(traceparents) if one][:_MOST_LINKS]
    return [otel.Link(_span_context(one)) for one in distinct]


def _context(traceparent: str) -> contexts.Context:
    parent = otel.NonRecordingSpan(_span_context(traceparent))
    return otel.set_span_in_context(parent, contexts.Context())


def _span_context(traceparent: str) -> otel.SpanContext:
    _, trace, span, flags = traceparent.split("-")
    return otel.SpanContext(
        int(trace, 16), int(span, 16), is_remote=True, trace_flags=otel.TraceFlags(int(flags, 16))
    )
