"""What the service needs of a bus; `kafka` and `embedded` both give it (tests/contract)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]


class Partition(NamedTuple):
    """One ordered strand of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was heard: raw bytes, nothing decoded."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def strand(self) -> Partition:
        """The partition this message came from."""
        return Partition(self.topic, self.partition)


BLANK: Headers = (("moc-purged", b"true"),)
"""All that is left of an event in the embedded log that was purged; its place stays taken."""


def is_blank(message: Message) -> bool:
    """Whether this event was purged: it says nothing, and nobody has to mend it."""
    return message.value is None and message.key is None and message.headers == BLANK


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish; a key or a value must be there (the Kafka client demands it)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    def __post_init__(self) -> None:
        if self.key is None and self.value is None:
            raise ValueError("a message needs a key or a value")

    @property
    def size_bytes(self) -> int:
        """Bytes of key, value, header names and header values: what a size limit counts."""
        own = len(self.key or b"") + len(self.value or b"")
        return own + sum(len(name.encode()) + len(value) for name, value in self.headers)


# Next offsets that the ledger remembers for these partitions (0 for one it knows nothing of).
Remembered = Callable[[Collection[Partition]], Mapping[Partition, int]]


class BusError(Exception):
    """Root of what a bus raises; its text never holds a message's content."""


class BusUnavailable(BusError):
    """The bus cannot be reached or written now; the same call may work later."""


class EventsGone(BusUnavailable):
    """Events were deleted from the bus before we heard them: a person must choose what to do.

    Until then the partitions that lack them stand still; the others go on.
    """


class Replaced(BusUnavailable):
    """Another process took this one's place in the group: this one hears nothing any more."""


class CommitRefused(BusError):
    """The partitions moved to another process: the batch will be heard again, there or here."""


class MessageTooLarge(BusError):
    """The bus will never take this message at its present limit; a retry does not help."""


class TopicMisfit(BusError):
    """A topic exists with settings that the service cannot work with: a person must mend it."""


class Listener(Protocol):
    """One member of a consumer group. Owned by a single thread."""

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Up to `limit` messages, in order per partition; empty when none came in time.

        Intake starts from the older of what the bus has committed and what the ledger remembers
        (design 4). A batch that could not be handled is heard again by closing this listener and
        opening another. Raises BusUnavailable; a bus that goes away later may look like silence,
        so ask `end_offsets` now and then.
        """
        ...

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make `positions` (next offset to hear) survive a restart.

        Raises CommitRefused, BusUnavailable.
        """
        ...

    def end_offsets(self) -> Mapping[Partition, int]:
        """Next offset to be written, for each partition that is this listener's now.

        Kafka: none before the first poll that joined the group. Raises BusUnavailable.
        """
        ...

    def committed(self) -> Mapping[Partition, int]:
        """Next offset to hear after a restart, for those of them that were ever committed.

        Lag is `end_offsets` minus this. Raises BusUnavailable.
        """
        ...

    def waiting(self) -> int:
        """How many messages are on the bus that `poll` has not given yet, as far as it is known.

        Counted from this listener's own place in each partition: what a topic has let go of, and
        the marks that transactions leave in one, wait for nobody. Raises BusUnavailable.
        """
        ...

    def waiting_by_topic(self) -> Mapping[str, int]:
        """The same for each topic of which any partition is this listener's now."""
        ...

    def close(self) -> None:
        """Leave the group at once; never raises."""
        ...


class Publisher(Protocol):
    """Publishes; safe to share between threads."""

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when every message is durable on the bus (Kafka: acks=all), in the order given.

        Raises BusUnavailable (any of them may or may not be there: publish all again), or
        MessageTooLarge (before anything was sent, unless it is the bus's own limit that was hit).
        """
        ...

    def close(self) -> None:
        """Release connections; never raises."""
        ...
