"""Which Avro schemas nothing is read by: with some, a few bytes fill all memory or never end."""

from __future__ import annotations

from typing import Any, NamedTuple

DEEPEST = 64
MOST_VALUES = 20_000
_VALUES_PER_BYTE = 4
_LEAST_BYTES = {"null": 0, "float": 4, "double": 8} | dict.fromkeys(
    ("boolean", "int", "long", "string", "bytes"), 1
)
_NO_TYPE = "a type is not known, or not whole"


class Unusable(Exception):
    """Nothing can be read by a schema; the text says why, in words of the schema alone."""


class _Measure(NamedTuple):
    """What one value of a schema comes to: how many values at most, in how many bytes at least."""

    values: int
    bytes: int


def check_depth(schema: Any) -> None:
    """Raise Unusable for a schema that is nested too deep to walk; walks without recursion."""
    level = [schema]
    for _ in range(4 * DEEPEST):  # a record in a record is four levels of JSON
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise Unusable("nested too deep")


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def check_size(schema: Any) -> None:
    """Raise Unusable for a schema, as fastavro parsed it, whose values have no bounds.

    A record in itself never ends; records that each hold the next one twice grow without end, and
    so does a list of what takes no bytes: the length of a message then bounds nothing.
    """
    if _Walk().measure(schema).values > MOST_VALUES:
        raise Unusable(f"a value holds more than {MOST_VALUES} values")


class _Walk:
    """Measures types, each named one once."""

    def __init__(self) -> None:
        self._known: dict[str, _Measure | None] = {}

    def measure(self, schema: Any) -> _Measure:
        """What a value of this type comes to."""
        match schema:
            case str():
                return self._named(schema)
            case list():
                return self._union(schema)
            case {"type": "record" | "error", "name": name, "fields": fields}:
                return self._record(name, fields)
            case {"type": "array", "items": items} | {"type": "map", "values": items}:
                return self._many(items)
            case {"type": "fixed", "name": name, "size": size}:
                return self._remember(name, _Measure(1, _whole(size)))
            case {"type": "enum", "name": name}:
                return self._remember(name, _Measure(1, 1))
            case {"type": inner}:
                return self.measure(inner)
        raise Unusable(_NO_TYPE)

    def _named(self, name: str) -> _Measure:
        if name in _LEAST_BYTES:
            return _Measure(1, _LEAST_BYTES[name])
        if name not in self._known:
            raise Unusable(_NO_TYPE)
        measure = self._known[name]
        if measure is None:
            raise Unusable("a record holds itself")
        return measure

    def _union(self, types: list[Any]) -> _Measure:
        measures = [self.measure(one) for one in types]
        if not measures:
            raise Unusable("a union of nothing")
        return _Measure(max(m.values for m in measures), 1 + min(m.bytes for m in measures))

    def _record(self, name: str, fields: list[Any]) -> _Measure:
        self._known[name] = None
        measures = [self.measure(one["type"]) for one in fields]
        whole = _Measure(1 + sum(m.values for m in measures), sum(m.bytes for m in measures))
        return self._remember(name, whole)

    def _many(self, items: Any) -> _Measure:
        """Its items are counted by the bytes they take, so each must take some."""
        one = self.measure(items)
        if one.values > _VALUES_PER_BYTE * one.bytes:
            raise Unusable("a list of what takes next to no bytes")
        return _Measure(1, 1)

    def _remember(self, name: str, measure: _Measure) -> _Measure:
        self._known[name] = measure
        return measure


def _whole(size: Any) -> int:
    if not isinstance(size, int) or size < 1:
        raise Unusable("a type without a size")
    return size
