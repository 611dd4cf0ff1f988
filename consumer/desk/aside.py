"""Posts that the gateway set aside, since no topic takes them: whose they are."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from consumer.bus.port import Outgoing
from consumer.desk.traces import Traces
from consumer.gateway.spool import Spool


def aside_of(spool: Spool, found: Traces, *, many: bool) -> list[int]:
    """The numbers of those in which these traces are: of the ones that may hold somebody else's
    events too, or of the others. Raises SpoolUnavailable.
    """

    def theirs(event: Outgoing) -> bool:
        told = [event.value or b"", event.key or b"", *(value for _, value in event.headers)]
        return any(map(found.within, told)) and may_hold_many(event.value or b"") == many

    return spool.aside(theirs)


def may_hold_many(body: bytes) -> bool:
    """Whether a post may be of several events: a list of objects, wherever, or nobody can say."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return True
    return not isinstance(said, dict) or any(_lists(said))


def _lists(said: object) -> Iterator[bool]:
    if isinstance(said, dict):
        for value in said.values():
            yield from _lists(value)
    elif isinstance(said, list):
        yield sum(isinstance(one, dict) for one in said) > 1
        for value in said:
            yield from _lists(value)
