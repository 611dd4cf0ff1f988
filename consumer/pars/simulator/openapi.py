"""The OpenAPI description of the simulator's JSON service, as one document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from consumer.pars.jsonschema import ANSWERS, REPORTS

_FILE = "learner-api.openapi.json"
_COMPONENTS = "#/components/schemas"


def bundled(schemas_dir: Path) -> dict[str, Any]:
    """The description with our schemas inside; raises OSError when a file is missing."""
    api = _read(schemas_dir, _FILE)
    schemas = api["components"].setdefault("schemas", {})
    for file in (REPORTS, ANSWERS):
        schema = _read(schemas_dir, file)
        schemas |= schema.pop("$defs")
        if "type" in schema:
            schemas["LearnerReports"] = _bare(schema)
    return api


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if not name.startswith("$")}


def _read(schemas_dir: Path, file: str) -> dict[str, Any]:
    """A file whose references point into one document."""
    text = (schemas_dir / "pars" / file).read_text(encoding="utf-8")
    for other in (REPORTS, ANSWERS):
        text = text.replace(f'"{other}#/$defs/', f'"{_COMPONENTS}/')
        text = text.replace(f'"{other}"', f'"{_COMPONENTS}/LearnerReports"')
    document: dict[str, Any] = orjson.loads(text.replace('"#/$defs/', f'"{_COMPONENTS}/'))
    return document
