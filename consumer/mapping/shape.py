"""An event's shape: its JSON Schema, which checks events leniently and mappings strictly.

Events may bring names the schema does not know: LMSs add fields without notice. A mapping may
not use them: that is a misspelt path. Maps of free names (profile fields, extensions) are
declared open with `additionalProperties: true`, a schema there, or `patternProperties`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from consumer.mapping.path import Filter, Step
from consumer.mapping.problem import hint
from consumer.reason import Reason, Stage, Stopped

_MOST_REASONS = 20
_INVALID = "not a JSON Schema, or it points outside itself"
_PATTERN = "a pattern in it is none, or looks around, refers back or is too large"
_TOO_LARGE = "larger than 1 MiB"
_MOST_BYTES = 1024 * 1024
_ANYTHING: dict[str, Any] = {}
_BRANCHES = ("anyOf", "oneOf", "allOf")

Schema = dict[str, Any]


class SchemaInvalid(Exception):
    """The file is no JSON Schema, or points outside itself."""


class NotInSchema(Exception):
    """A path holds a name that the schema does not know; says which."""


# Of a list whose events are left out when what stands around them is checked.
_COUNTS = ("minItems", "contains", "minContains", "unevaluatedItems")


class Shape:
    """A compiled schema: of an event's body, or of one of several events in it."""

    def __init__(self, text: bytes) -> None:
        """Raises SchemaInvalid."""
        if len(text) > _MOST_BYTES:
            raise SchemaInvalid(_TOO_LARGE)
        try:
            self._root = orjson.loads(text)
        except ValueError:
            raise SchemaInvalid(_INVALID) from None
        self._validator = _validator(self._root)
        if not isinstance(self._root, dict):
            raise SchemaInvalid("not a JSON Schema of an object")
        self._name, self._start, self.alone = "body", [self._root], True

    def around(self) -> Shape:
        """The same schema for a body whose events are left out of their list."""
        shape = copy(self)
        shape._validator = _validator(_without(self._root, _COUNTS))
        return shape

    def within(self, steps: Sequence[Step]) -> Shape:
        """The schema of one event of the list at `steps`; paths in it start from `item`.

        `alone` of it says whether an event may stand there without a list around it. Raises
        NotInSchema if the schema has no list there, SchemaInvalid.
        """
        found = self._start
        for step in steps:
            found = self._step(found, step)
        lists = self._items(found)
        if not lists:
            raise NotInSchema("the schema has no list here")
        shape = copy(self)
        shape._name, shape.alone = "item", any(map(_takes_object, self._all(found)))
        shape._start = [one for n, one in enumerate(lists) if one not in lists[:n]]
        shape._validator = _validator(self._embedded(shape._start))
        return shape

    def _embedded(self, schemas: list[Schema]) -> Schema:
        """A schema that one of these suits, with the file's own for what they refer to."""
        root = {key: value for key, value in self._root.items() if key != "$id"}
        one = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        return {"$defs": {"file": _moved(root)}, "allOf": [_moved(one)]}

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
            return (mismatch(self._name, "nesting"),)
        return tuple(islice(found, _MOST_REASONS))

    def _reason(self, error: jsonschema_rs.ValidationError) -> Reason:
        field, keyword = self._name + self._declared(error.instance_path), error.kind.name
        if keyword == "required":
            # The name stands in the schema, not in the event, which lacks it.
            field += f".{error.kind.as_dict()['property']}"
        return mismatch(field, keyword)

    def _declared(self, path: Sequence[str | int]) -> str:
        """The path with names that only the event has (they may be anything) as `*`."""
        shown, schemas = "", self._start
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
        schemas, known = self._start, True
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


def _takes_object(schema: Schema) -> bool:
    """Whether the schema itself, not what it refers to, speaks of objects, or of anything."""
    return not schema or "properties" in schema or "object" in schema.get("type", ())


def _validator(schema: Any) -> Any:
    """Raises SchemaInvalid."""
    try:
        # Offline: a schema must never make the service call somebody. Its patterns take time that
        # grows with the text alone: the other engine backtracks, and some patterns never end.
        return jsonschema_rs.validator_for(
            _lenient(schema), offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError as error:
        place = getattr(error, "instance_path", ())
    raise SchemaInvalid(_PATTERN if {"pattern", "patternProperties"} & {*place} else _INVALID)


def _lenient(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_lenient(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closing = ("additionalProperties", "unevaluatedProperties")
    return {k: _lenient(v) for k, v in schema.items() if not (k in closing and v is False)}


def _without(schema: Any, keywords: Collection[str]) -> Any:
    if isinstance(schema, list):
        return [_without(each, keywords) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A member that is called as a keyword is goes too, and is not checked: an event may have it.
    return {k: _without(v, keywords) for k, v in schema.items() if k not in keywords}


def _moved(schema: Any) -> Any:
    """The schema with references to its file's root pointing to where that is embedded."""
    if isinstance(schema, list):
        return [_moved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: "#/$defs/file" + value[1:] if _is_reference(key, value) else _moved(value)
        for key, value in schema.items()
    }


def _is_reference(key: str, value: Any) -> bool:
    return key == "$ref" and isinstance(value, str) and value.startswith("#")


def mismatch(field: str, keyword: str) -> Reason:
    """The reason that a schema's keyword does not hold at a field."""
    return Reason(Stage.SCHEMA, "schema_mismatch", field, keyword)
