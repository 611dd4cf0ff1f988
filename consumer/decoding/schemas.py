"""What decoding needs of a schema registry: a schema by its number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from consumer.decoding.form import Form
from consumer.decoding.refusal import stop


class SchemasAway(Exception):
    """The registry cannot be asked now: the event waits, for it may be read later.

    The text says what to look at, and holds nothing of an event.
    """


class Schema(Protocol):
    """The schema that some bytes were written with."""

    def read(self, written: bytes, field: str) -> Any:
        """The value as JSON knows it, whole and nothing left over. Raises Stopped about `field`."""
        ...


class Schemas(Protocol):
    """The schemas of one registry. A number means the same schema for ever."""

    def find(self, number: int, field: str) -> Schema | None:
        """The schema; None where it says that the bytes are JSON.

        Raises Stopped about `field` when the registry has none of that number, or one that nothing
        can be read by; SchemasAway.
        """
        ...

    def know(self, numbers: Collection[int]) -> bool:
        """Ask for those that are not known yet, so that `find` need not; whether there is anybody.

        Raises SchemasAway.
        """
        ...


class NoRegistry:
    """No registry is set."""

    def find(self, number: int, field: str) -> Schema | None:
        """Raises Stopped: a person must say where the registry is."""
        stop("registry_not_set", field)

    def know(self, numbers: Collection[int]) -> bool:
        """Nobody is asked."""
        return False


@dataclass(frozen=True, slots=True)
class Reading:
    """How bytes become events, besides what each message says: a registry, and forms by topic."""

    schemas: Schemas = field(default_factory=NoRegistry)
    forms: Mapping[str, Form] = field(default_factory=dict)
