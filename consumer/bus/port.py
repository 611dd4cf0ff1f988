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


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


# Next offsets that the ledger remembers for these partitions (0 for one it knows nothing of).
Remembered = Callable[[Collection[Partition]], Mapping[Partition, int]]


class BusError(Exception):
    """Root of what a bus raises; its text never holds a message's content."""


class BusUnavailable(BusError):
    """The bus cannot be reached or written now; the same call may work later."""


class CommitRefused(BusError):
    """The partitions moved to another process: the batch will be heard again, there or here."""


class MessageTooLarge(BusError):
    """The bus will never take this message at its present limit; a retry does not help."""


class Listener(Protocol):
    """One member of a consumer group. Owned by a single thread."""

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        """Up to `limit` messages, in order per partition; empty when none came in time.

        Intake starts from the older of what the bus has committed and what the ledger remembers
        (design 4). Raises BusUnavailable.
        """
        ...

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make `positions` (next offset to hear) survive a restart.

        Raises CommitRefused, BusUnavailable.
        """
        ...

    def close(self) -> None:
        """Leave the group at once; never raises."""
        ...


class Publisher(Protocol):
    """Publishes; safe to share between threads."""

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when every message is durable on the bus (Kafka: acks=all), in the order given.

        Raises BusUnavailable (any of them may or may not be there: publish all again), or
        MessageTooLarge before anything was sent.
        """
        ...

    def close(self) -> None:
        """Release connections; never raises."""
        ...
