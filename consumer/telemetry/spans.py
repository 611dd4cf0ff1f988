"""Every span there is: what it is called, when it is made, which attributes it may carry.

And the port by which it is made. Nothing here knows OpenTelemetry: see tracing.py, which is loaded
only where the settings name an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from consumer.settings.tracing import TracingSettings

SpanKind = Literal["server", "producer", "consumer", "internal", "client"]
Value = str | int
Tell = Callable[..., None]
"""Adds to a span what is known of it by now, under keys of the table."""


@dataclass(frozen=True, slots=True)
class Span:
    """One row of the table; `keys` as the code says them, see ATTRIBUTES."""

    name: str
    kind: SpanKind
    keys: tuple[str, ...]
    says: str


def _row(name: str, kind: SpanKind, keys: str, says: str) -> Span:
    return Span(name, kind, tuple(keys.split()), says)


ATTRIBUTES = {
    "topic": "messaging.destination.name",
    "partition": "messaging.destination.partition.id",
    "offset": "messaging.kafka.offset",
    "count": "messaging.batch.message_count",
    "status": "http.response.status_code",
    "error": "error.type",
    "source": "moc.source",
    "mapping": "moc.mapping",
    "fate": "moc.fate",
    "reason": "moc.reason",
    "profile": "moc.profile",
    "credit_id": "moc.credit_id",
    "state": "moc.state",
    "action": "moc.action",
    "outcome": "moc.outcome",
    "webhook": "moc.webhook",
}
"""What a key is called in a span: OpenTelemetry's own name where it has one."""

POST, PUBLISH, RECEIVE, PROCESS = "POST /in/{source}", "publish", "receive", "process"
CREDIT, PARS, WEBHOOK = "credit", "PARS", "webhook"

TABLE = (
    _row(
        POST,
        "server",
        "source topic count status outcome",
        "An LMS that has proved who it is posts; ends when its events are durable, or refused.",
    ),
    _row(
        PUBLISH,
        "producer",
        "topic count",
        "Messages go onto the bus together, of the gateway or of the outbox; linked to the trace of"
        " each.",
    ),
    _row(
        RECEIVE,
        "consumer",
        "count",
        "A batch is heard and written into the ledger; linked to the traces of its events.",
    ),
    _row(
        PROCESS,
        "consumer",
        "topic partition offset source mapping fate reason credit_id",
        "One new event, from its bytes to its fate in the ledger; below what the event came with,"
        " and linked to its batch.",
    ),
    _row(
        CREDIT,
        "internal",
        "profile credit_id state outcome",
        "One dealing with a credit, to send it or to ask what became of it, hours or days later;"
        " below its first event, linked to the others that stand behind it.",
    ),
    _row(
        PARS,
        "client",
        "profile credit_id action status outcome",
        "One request to PARS, which carries the trace.",
    ),
    _row(
        WEBHOOK,
        "client",
        "webhook credit_id state status",
        "One outcome told to a system that wants to know, by a request that carries the trace.",
    ),
)
"""In the order of docs/tracing.md. `error` may stand on each: the type of what went wrong."""

BY_NAME = {one.name: one for one in TABLE}


class Begun(Protocol):
    """A span that was begun, and is sent once it has ended."""

    @property
    def traceparent(self) -> str:
        """What goes on below it is told this."""
        ...

    def tell(self, **said: Value) -> None:
        """Add this."""
        ...

    def end(self, error: str = "") -> None:
        """It ends now; `error` is the type of what went wrong."""
        ...


class Tracing:
    """Makes no span at all, as where no endpoint is set; the one that does is in tracing.py."""

    on = False

    def begin(
        self, name: str, *, after: str = "", links: Sequence[str] = (), began: int = 0
    ) -> Begun | None:
        """A span below `after`; blank: the first of a trace of its own.

        `after` and `links` are well-formed traceparents; `began` nanoseconds since 1970, 0: now.
        """
        return None

    def span(
        self,
        name: str,
        *,
        after: str = "",
        links: Sequence[str] = (),
        **said: Value,
    ) -> AbstractContextManager[Tell]:
        """The same around what is done, below what this thread has in hand where `after` is blank.

        Requests that go out meanwhile carry it.
        """
        return _untold()

    def now(self) -> int:
        """Nanoseconds since 1970, for `began`; 0 where no span is made."""
        return 0

    def close(self, seconds: float) -> None:
        """Send what is left, for so long at most; never raises."""


@contextmanager
def _untold() -> Iterator[Tell]:
    yield _nothing


def _nothing(**_: Value) -> None:
    return None


SILENT = Tracing()
FLUSH_SECONDS = 2.0
"""So long a process that ends waits for its last spans to be sent, and no longer."""


def tracing_of(settings: TracingSettings) -> Tracing:
    """As the settings say; without the libraries no span is made, and the log says so."""
    if not settings.endpoint:
        return SILENT
    try:
        from consumer.telemetry.tracing import Traced
    except ImportError:
        how = "pip install 'moc-consumer[tracing]'"
        structlog.get_logger().warning("tracing.off", cause=f"OpenTelemetry is missing: {how}")
        return SILENT
    return Traced(settings)
