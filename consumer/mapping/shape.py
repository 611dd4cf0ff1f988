"""An event's shape: its JSON Schema, which checks events leniently and mappings strictly.

Events may bring names the schema does not know: LMSs add fields without notice. A mapping may
not use them: that is a misspelt path. Maps of free names (profile fields, extensions) are
declared open with `additionalProperties: true`, a schema there, or `patternProperties`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from consumer.mapping.path import Filter, Step
from consumer.mapping.problem import hint
from consumer.reason import Reason, Stage, Stopped

_MOST_REASONS = 20
_ANYTHING: dict[str, Any] = {}
_BRANCHES = ("anyOf", "oneOf", "allOf")

Schema = dict[str, Any]


class SchemaInvalid(Exception):
    """The file is no JSON Schema, or points outside itself."""


class NotInSchema(Exception):
    """A path holds a name that the schema does not know; says which."""


class Shape:
    """A compiled schema of an event's body."""

    def __init__(self, text: bytes) -> None:
        """Raises SchemaInvalid."""
        try:
            self._root = orjson.loads(text)
            # Offline: a schema must never make the service call somebody.
            self._validator = jsonschema_rs.validator_for(_lenient(self._root), offline=True)
        except ValueError:
            raise SchemaInvalid("not a JSON Schema, or it points outside itself") from None
        if not isinstance(self._root, dict):
            raise SchemaInvalid("not a JSON Schema of an object")

    def check(self, body: Any) -> None:
        """Raises Stopped (stage `schema`) with every mismatch, by the schema's names only."""
        if reasons := self._reasons(body):
            raise Stopped(*reasons)

    def _reasons(self, body: Any) -> tuple[Reason, ...]:
        try:
            if self._validator.is_valid(body):
                return ()
            found = dict.fromkeys(map(self._reason, self._validator.iter_errors(body)))
        except ValueError:
            # Nested deeper than the checker goes; what it says might quote the event.
            return (_mismatch("body", "nesting"),)
        return tuple(islice(found, _MOST_REASONS))

    def _reason(self, error: jsonschema_rs.ValidationError) -> Reason:
        field, keyword = "body" + self._declared(error.instance_path), error.kind.name
        if keyword == "required":
            # The name stands in the schema, not in the event, which lacks it.
            field += f".{error.kind.as_dict()['property']}"
        return _mismatch(field, keyword)

    def _declared(self, path: Sequence[str | int]) -> str:
        """The path with names that only the event has (they may be anything) as `*`."""
        shown, schemas = "", [self._root]
        for part in path:
            if isinstance(part, int):
                shown, schemas = shown + "[]", self._items(schemas)
            else:
                known = part in self._names(schemas)
                shown, schemas = (
                    shown + (f".{part}" if known else ".*"),
                    self._member(schemas, part),
                )
        return shown

    def follow(self, steps: Sequence[Step]) -> bool:
        """Whether the schema itself knows every name; False if an open map lies on the way.

        Raises NotInSchema.
        """
        schemas, known = [self._root], True
        for step in steps:
            if isinstance(step, str):
                known = known and step in self._names(schemas)
            schemas = self._step(schemas, step)
        return known

    def _step(self, schemas: list[Schema], step: Step) -> list[Schema]:
        if isinstance(step, str):
            found = self._member(schemas, step)
            if not found:
                names = sorted(self._names(schemas))
                raise NotInSchema(f"the schema knows no {step} here{hint(step, names)}")
            return found
        items = self._items(schemas)
        if not items:
            raise NotInSchema("the schema has no list here")
        if isinstance(step, Filter):
            self._step(items, step.name)
        return items

    def _names(self, schemas: list[Schema]) -> set[str]:
        return {name for schema in self._all(schemas) for name in schema.get("properties", ())}

    def _member(self, schemas: list[Schema], name: str) -> list[Schema]:
        expanded = list(self._all(schemas))
        found = [s["properties"][name] for s in expanded if name in s.get("properties", ())]
        if not found:
            found = [child for schema in expanded for child in _open(schema)]
        return [child if isinstance(child, dict) else _ANYTHING for child in found]

    def _items(self, schemas: list[Schema]) -> list[Schema]:
        found = []
        for schema in self._all(schemas):
            found += [schema["items"]] if "items" in schema else []
            found += schema.get("prefixItems", []) or ([] if schema else [_ANYTHING])
        return [child if isinstance(child, dict) else _ANYTHING for child in found]

    def _all(self, schemas: Sequence[Schema], depth: int = 0) -> Iterator[Schema]:
        """The schemas with what they refer to and their branches; a loop of references ends."""
        for schema in schemas if depth < 10 else ():
            yield schema
            branches = [branch for key in _BRANCHES for branch in schema.get(key, ())]
            if "$ref" in schema:
                branches.append(self._referred(schema["$ref"]))
            yield from self._all([b for b in branches if isinstance(b, dict)], depth + 1)

    def _referred(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part) if isinstance(found, dict) and part else found
        return found


def _open(schema: Schema) -> list[Any]:
    """The schemas that unlisted names may follow: none unless it is declared so."""
    if not schema:
        return [_ANYTHING]
    further = schema.get("additionalProperties", False)
    return [
        *schema.get("patternProperties", {}).values(),
        *([further] if further is not False else []),
    ]


def _lenient(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_lenient(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closing = ("additionalProperties", "unevaluatedProperties")
    return {k: _lenient(v) for k, v in schema.items() if not (k in closing and v is False)}


def _mismatch(field: str, keyword: str) -> Reason:
    return Reason(Stage.SCHEMA, "schema_mismatch", field, keyword)
