"""Digests: what tells one event's content from another's without telling the content."""

from __future__ import annotations

from consumer.bus.port import Message
from consumer.credit import Identity


class Digests:
    """Keyed hashes of messages, and of the events in them."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._last: tuple[Message | None, str] = (None, "")

    def of(self, message: Message, part: int | None = None) -> str:
        """The digest of a message, or of the event in it that has this number."""
        if part is None:
            return self._message(message)
        if self._last[0] is not message:
            # Made once for all events of a message: they come one after the other.
            self._last = (message, self._message(message))
        return self._identity.digest("part", self._last[1], str(part))

    def _message(self, message: Message) -> str:
        # Headers too: an event created and one revoked may differ in nothing but `ce_type`.
        headers = (part for header in message.headers for part in header)
        own = (message.key or b"", message.value or b"")
        return self._identity.digest("event", *own, *headers)
