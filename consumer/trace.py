"""Trace context (W3C): which trace an event belongs to, as a header carries it, and no more.

https://www.w3.org/TR/trace-context: `traceparent` is a version, a trace, a span in it and flags,
all in hexadecimal digits. Nothing else is taken for one: a header's value may be anybody's words,
and this one is kept in the clear and sent out. `tracestate`, which may hold any text, is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextvars import ContextVar

from consumer.bus.port import Headers, Message, Outgoing

TRACEPARENT = "traceparent"
CE_TRACEPARENT = "ce_traceparent"
"""The same as an attribute of CloudEvents, where that came with the event alone."""
_FORM = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

carried: ContextVar[str] = ContextVar("carried", default="")
"""The context of the work that this thread or task has in hand; blank: none is traced."""


def is_traceparent(value: bytes) -> bool:
    """Whether this is one, of version 00; all zeros name nothing."""
    return _FORM.fullmatch(value) is not None


def traceparent_of(headers: Headers) -> str:
    """The context that a message came with; blank for none, or none that is well formed."""
    found = ""
    for name, value in headers:
        if name in (TRACEPARENT, CE_TRACEPARENT) and is_traceparent(value):
            if name == TRACEPARENT:
                return value.decode()
            found = found or value.decode()
    return found


def traces_in(messages: Iterable[Message | Outgoing]) -> list[str]:
    """The traces that these messages came with, as many as came with one."""
    return [trace for one in messages if (trace := traceparent_of(one.headers))]


def going_out() -> dict[str, str]:
    """The header of a request that belongs to the work in hand; none where it is not traced."""
    return {TRACEPARENT: value} if (value := carried.get()) else {}
