"""What is known of a registry's schemas; asks for what is not, once."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

from consumer.clock import Clock
from consumer.decoding.refusal import stop
from consumer.decoding.schemas import Schema
from consumer.registry.answer import Told, check_served, schema_told
from consumer.registry.avro import AvroSchema
from consumer.registry.bounds import Unusable
from consumer.registry.client import ANSWER_LIMIT_BYTES, RegistryClient

_MOST_KNOWN = 1000
_UNKNOWN_SECONDS = 30.0

_NOT_THERE = Unusable("the registry has none of that number")

Known = Schema | Unusable | None


class Registry:
    """Schemas by number; safe to share between threads.

    What a number means never changes, so a schema is asked for once. One that is not there may be
    registered later, and is asked for again after half a minute.
    """

    def __init__(self, client: RegistryClient, clock: Clock) -> None:
        self._client, self._clock, self._lock = client, clock, threading.Lock()
        self._known: dict[int, Known] = {}
        self._unknown: dict[int, float] = {}

    def find(self, number: int, field: str) -> Schema | None:
        """The schema; None where the bytes are JSON. Raises Stopped about `field`, SchemasAway."""
        self.know((number,))
        known = self._known.get(number, _NOT_THERE)
        if isinstance(known, Unusable):
            code = "schema_unknown" if known is _NOT_THERE else "schema_unusable"
            stop(code, field, f"schema {number}: {known}")
        return known

    def know(self, numbers: Collection[int]) -> bool:
        """Ask for those that are not known yet; True. Raises SchemasAway."""
        with self._lock:
            for number in numbers:
                if number not in self._known and not self._lately_unknown(number):
                    self._ask(number)
        return True

    def prove(self) -> None:
        """Ask something that every registry answers. Raises SchemasAway."""
        with self._lock:
            status, _ = self._client.get("/schemas/types")
        check_served(status)

    def _lately_unknown(self, number: int) -> bool:
        asked = self._unknown.get(number)
        return asked is not None and self._clock.monotonic() - asked < _UNKNOWN_SECONDS

    def _ask(self, number: int) -> None:
        status, body = self._client.get(f"/schemas/ids/{number}")
        self._unknown.pop(number, None)
        if body is None:
            check_served(status)
            _keep(self._known, number, Unusable(f"larger than {ANSWER_LIMIT_BYTES} bytes"))
        elif (told := schema_told(status, body)) is None:
            _keep(self._unknown, number, self._clock.monotonic())
        else:
            _keep(self._known, number, _usable(told))


def _usable(told: Told) -> Known:
    """What reads by this schema, or why nothing does."""
    if told.kind == "JSON":
        return None
    if told.kind != "AVRO":
        return Unusable("neither Avro nor JSON")
    if told.refers:
        return Unusable("it refers to other schemas")
    try:
        return AvroSchema(told.text)
    except Unusable as unusable:
        return unusable


def _keep(store: dict[int, Any], number: int, value: Any) -> None:
    """Remember, and forget the oldest of too many: any bytes that begin with a zero name one."""
    store[number] = value
    if len(store) > _MOST_KNOWN:
        del store[next(iter(store))]
