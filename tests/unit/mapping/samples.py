"""A small mapping to bend: one row or condition at a time."""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Any

import orjson

from consumer.event import Envelope
from consumer.mapping.file import compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Problem, Report
from consumer.mapping.said import Said
from consumer.reason import Reason, Stopped

FILE = "mappings/lms/done.yaml"
OPEN = b'{"type": "object", "additionalProperties": true}'
ROWS = {
    "site": "{const: lms.example}",
    "learner": "{from: body.user}",
    "course": "{from: body.course}",
    "completed": "{from: body.at, instant: iso8601}",
}
HEAD = """mapping: lms/done
version: 1
schema: schemas/lms/done.json
match:
  - {path: body.type, equals: done}
kind: completion
"""
BODY = {"type": "done", "user": "905", "course": "37", "at": "2026-11-20T23:38:00Z"}


def written(head: str = HEAD, **rows: str | None) -> str:
    """The text of a mapping file; a row given as None is left out."""
    lines = {**ROWS, **rows}
    return head + "event:\n" + "".join(f"  {k}: {v}\n" for k, v in lines.items() if v)


def attempt(text: str, schema: bytes | None = OPEN) -> tuple[Mapping | None, list[Problem]]:
    """The compiled file and its problems."""
    report = Report(FILE)
    return compile_file(text, "lms/done", lambda _named: schema, report), report.problems


def mapping(text: str, schema: bytes = OPEN) -> Mapping:
    """The compiled file, which must be right."""
    compiled, problems = attempt(text, schema)
    assert not problems
    assert compiled
    return compiled


def envelope(
    headers: Table[str, str] | None = None, key: str | None = None, **body: Any
) -> Envelope:
    """An event of the small mapping with some members changed."""
    return Envelope(orjson.loads(orjson.dumps({**BODY, **body})), headers or {}, key)


def said(row: str, target: str = "title", **body: Any) -> Any:
    """What one row makes of the event."""
    found = mapping(written(**{target: row})).read(envelope(**body))
    assert isinstance(found, Said)
    return getattr(found, target)


def refused(row: str, target: str = "title", **body: Any) -> Reason:
    """The one reason why a row cannot be read."""
    try:
        found = mapping(written(**{target: row})).read(envelope(**body))
    except Stopped as stopped:
        (reason,) = stopped.reasons
        return reason
    raise AssertionError(f"not refused: {found}")


def problem(text: str, schema: bytes | None = OPEN) -> Problem:
    """The one problem of a file."""
    compiled, problems = attempt(text, schema)
    assert compiled is None
    (only,) = problems
    return only
