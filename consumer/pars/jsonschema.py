"""One of our JSON Schemas as a judge that says where and which keyword, and never a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from consumer.pars.contract import UniqueIDForm
from consumer.pars.element import invalid
from consumer.pars.value import Value, join
from consumer.reason import Reason

REPORTS = "learner-reports.schema.json"
ANSWERS = "learner-answers.schema.json"
ACTIVITIES = "activities.schema.json"
SERVICE = "service-answers.schema.json"


class JsonSchema:
    """A compiled JSON Schema; safe to share between threads."""

    def __init__(self, schema: dict[str, Any]) -> None:
        # Offline: a schema must never make the service call somebody.
        self._schema = jsonschema_rs.validator_for(schema, offline=True, validate_formats=True)

    def faults(self, value: Value) -> tuple[Reason, ...]:
        """One `document_invalid` reason for each member at fault, empty when `value` is valid."""
        found: dict[str, Reason] = {}
        for reason in map(_reason, self._schema.iter_errors(value)):
            found.setdefault(reason.field, reason)
        return tuple(found.values())

    def problems(self, value: Value) -> tuple[str, ...]:
        """Every rule that a file of the office's breaks, each with its place, down to the number
        in a list. Only for what holds nothing personal: names of unknown members are told.
        """
        return tuple(sorted({_told(error) for error in self._schema.iter_errors(value)}))

    def accepts(self, value: Value) -> bool:
        """Whether `value` satisfies the schema."""
        return self._schema.is_valid(value)


def reports(schemas_dir: Path, form: UniqueIDForm) -> JsonSchema:
    """The learner report document, with UniqueID in this form."""
    schema = read_schema(schemas_dir, REPORTS)
    if form is UniqueIDForm.OBJECT:
        schema["$defs"]["UniqueIDs"] = {"$ref": "#/$defs/UniqueID"}
    return JsonSchema(schema)


def definition(schemas_dir: Path, file: str, name: str) -> JsonSchema:
    """One definition of a schema file."""
    definitions = read_schema(schemas_dir, file)["$defs"]
    return JsonSchema({"$ref": f"#/$defs/{name}", "$defs": definitions})


def read_schema(schemas_dir: Path, file: str) -> dict[str, Any]:
    """A schema file as it stands."""
    schema: dict[str, Any] = orjson.loads((schemas_dir / "pars" / file).read_bytes())
    return schema


def _told(error: jsonschema_rs.ValidationError) -> str:
    place = "/".join(
        str(part + 1 if isinstance(part, int) else part) for part in error.instance_path
    )
    rule = ", ".join(map(_words, error.kind.as_dict().values()))
    return f"{place or 'the document'}: {error.kind.name} {rule}".rstrip()


def _words(limit: object) -> str:
    return " | ".join(map(str, limit)) if isinstance(limit, list) else str(limit)


def _reason(error: jsonschema_rs.ValidationError) -> Reason:
    # Every name on the way is one that we wrote: the document is ours.
    field = ""
    for part in error.instance_path:
        field = join(field, part) if isinstance(part, str) else field
    if error.kind.name == "required":
        field = join(field, error.kind.as_dict()["property"])
    return invalid(field, error.kind.name)
