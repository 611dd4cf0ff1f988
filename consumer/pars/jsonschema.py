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

    def accepts(self, value: Value) -> bool:
        """Whether `value` satisfies the schema."""
        return self._schema.is_valid(value)


def reports(schemas_dir: Path, form: UniqueIDForm) -> JsonSchema:
    """The learner report document, with UniqueID in this form."""
    schema = _read(schemas_dir, REPORTS)
    if form is UniqueIDForm.OBJECT:
        schema["$defs"]["UniqueIDs"] = {"$ref": "#/$defs/UniqueID"}
    return JsonSchema(schema)


def definition(schemas_dir: Path, file: str, name: str) -> JsonSchema:
    """One definition of a schema file."""
    definitions = _read(schemas_dir, file)["$defs"]
    return JsonSchema({"$ref": f"#/$defs/{name}", "$defs": definitions})


def _read(schemas_dir: Path, file: str) -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads((schemas_dir / "pars" / file).read_bytes())
    return schema


def _reason(error: jsonschema_rs.ValidationError) -> Reason:
    # Every name on the way is one that we wrote: the document is ours.
    field = ""
    for part in error.instance_path:
        field = join(field, part) if isinstance(part, str) else field
    if error.kind.name == "required":
        field = join(field, error.kind.as_dict()["property"])
    return invalid(field, error.kind.name)
