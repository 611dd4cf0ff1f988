"""A post that proved itself, as messages for the bus."""

from __future__ import annotations

from urllib.parse import unquote

from consumer.bus.port import Headers, Outgoing
from consumer.decoding.form import CONTENT_TYPES
from consumer.gateway import members
from consumer.gateway.proof import Post, Proof
from consumer.trace import TRACEPARENT, carried, traceparent_of

SOURCE_HEADER = "moc-posted-by"
"""Header of the event: the name that the settings give the LMS that posted it."""
_BATCH = "application/cloudevents-batch+json"
_ONE = "application/cloudevents+json"


class NotABatch(ValueError):
    """The content type says a batch of CloudEvents, and the body is no list."""


def messages_of(name: str, topic: str, proof: Proof, post: Post, body: bytes) -> list[Outgoing]:
    """What goes on the bus, in order. Raises NotABatch.

    The key is the source: one partition holds all of it, so that Kafka keeps its order.
    """
    headers, key = (*_headers(name, proof, post), *_trace(post)), name.encode()
    media_type = post.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _BATCH:
        return [Outgoing(topic, key, body, headers)]
    try:
        events = [*members.items(body.decode("utf-8-sig"))]
    except ValueError:
        events = None
    if events is None:
        raise NotABatch
    each = tuple((n, _ONE.encode() if n == CONTENT_TYPES[0] else v) for n, v in headers)
    return [Outgoing(topic, key, event.encode(), each) for event in events]


def _trace(post: Post) -> Headers:
    """The trace that the events go on in: the span in hand, else what the LMS sent along."""
    value = carried.get() or incoming(post)
    return ((TRACEPARENT, value.encode()),) if value else ()


def incoming(post: Post) -> str:
    """The trace that a post came with; blank for none, or none that is well formed."""
    return traceparent_of(((TRACEPARENT, post.headers.get(TRACEPARENT, "").encode()),))


def _headers(name: str, proof: Proof, post: Post) -> Headers:
    kept = {one.lower() for one in proof.source.keep_headers}
    found = [(SOURCE_HEADER, name)]
    for header, value in post.headers.items():
        if header == CONTENT_TYPES[0]:
            found.append((header, value))
        elif header.startswith("ce-"):
            # HTTP spells an attribute `ce-id`, percent-encoded; Kafka `ce_id`, in UTF-8.
            found.append((f"ce_{header[3:]}", unquote(value)))
        elif header in kept and header != TRACEPARENT:
            found.append((header, value))
    return tuple((n, v.encode()) for n, v in found if not proof.holds_secret(v))
