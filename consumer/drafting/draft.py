"""A draft: mapping, schema and examples of one kind of event, as the texts of files."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from consumer.drafting.guess import Guess, Match, guess_match, guess_rows, kind_asked
from consumer.drafting.invention import Inventor
from consumer.drafting.layout import laid_out
from consumer.drafting.leaf import Steps, leaves_of
from consumer.drafting.shape import schema_of
from consumer.event import Envelope
from consumer.mapping.example import shown
from consumer.mapping.fault import Fault
from consumer.mapping.problem import Report
from consumer.mapping.row import compile_row
from consumer.mapping.target import TARGETS
from consumer.mapping.todo import TODO
from consumer.mapping.tree import parse

_PLAIN = re.compile(r"[A-Za-z_.\\/][A-Za-z0-9_.\\/$-]*(?: [A-Za-z0-9_.\\/$-]+)*")
_WORDS = {"true", "false", "null", "~"}


@dataclass(frozen=True, slots=True)
class Draft:
    """The files by their names, from the folders `mappings` and `schemas` on; and the guesses."""

    name: str
    files: dict[str, str]
    match: tuple[Match, ...]
    rows: tuple[Guess, ...]

    @property
    def mapping(self) -> str:
        """The mapping file's own name."""
        return f"mappings/{self.name}.yaml"


def draft(name: str, samples: Sequence[Envelope], *, keep_values: bool = False) -> Draft:
    """The draft called `name`, of these samples of one kind of event.

    Unless `keep_values`, no value of theirs is in it but those by which the event is recognised.
    """
    leaves = leaves_of(samples)
    match = guess_match(leaves)
    rows = guess_rows(leaves, name.partition("/")[0], [one.leaf for one in match])
    text = _mapping(name, match, rows, len(samples))
    needed = _needed(match, rows)
    schema = schema_of(name, [sample.body for sample in samples], needed)
    files = {f"mappings/{name}.yaml": text, f"schemas/{name}.json": laid_out(schema)}
    kept = {(one.leaf.root, one.leaf.steps) for one in match if one.leaf}
    inventor = Inventor(kept)
    events = [one if keep_values else inventor.envelope(one) for one in samples]
    files |= _examples(f"mappings/{name}.tests", events, text, rows)
    return Draft(name, files, tuple(match), tuple(rows))


def _needed(match: Sequence[Match], rows: Sequence[Guess]) -> list[Steps]:
    wanted = [row.leaf for row in rows if "optional" not in row.verbs]
    leaves = [*(one.leaf for one in match), *wanted]
    return [leaf.steps for leaf in leaves if leaf and leaf.root == "body"]


# ---------------------------------------------------------------- the mapping's text


def _mapping(name: str, match: Sequence[Match], rows: Sequence[Guess], samples: int) -> str:
    lines = [
        f"# Drafted from {samples} sample event(s): look at every guess, then delete its remark.",
        f"mapping: {name}",
        "version: 1",
        f"schema: schemas/{name}.json",
        "match:",
        *(f"  - {{{_test(one)}}}   # {one.why}" for one in match),
        # Never guessed: a draft of a withdrawal, read as a completion, would credit somebody.
        f"kind: {TODO}   # TODO: {kind_asked(match)}",
        "event:",
        *(f"  {row.target + ':':<12} {{{_verbs(row)}}}   # {row.why}" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _test(match: Match) -> str:
    values = [_scalar(value) for value in match.values]
    test = f"equals: {values[0]}" if len(values) == 1 else f"in: [{', '.join(values)}]"
    return f"path: {_scalar(match.path)}, {test}"


def _verbs(row: Guess) -> str:
    verbs = ({"from": row.path} if row.path else {}) | dict(row.verbs)
    raw = ("optional", "date")
    return ", ".join(f"{k}: {v if k in raw else _scalar(v)}" for k, v in verbs.items())


def _scalar(value: Any) -> str:
    """As YAML in braces has it: plain where it may be, else in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if _PLAIN.fullmatch(text) and text not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"


# ---------------------------------------------------------------- the examples


def _examples(
    folder: str, events: Sequence[Envelope], text: str, rows: Sequence[Guess]
) -> dict[str, str]:
    files = {}
    for number, event in enumerate(events, 1):
        name = "completed" if len(events) == 1 else f"completed_{number}"
        files[f"{folder}/{name}.event.json"] = _wrapped(event)
        files[f"{folder}/{name}.expect.json"] = _json({"said": _said(text, event)})
    lacking = _lacking(events[0], rows)
    if lacking:
        row, event = lacking
        name = f"without_{row.target}"
        files[f"{folder}/{name}.event.json"] = _wrapped(event)
        expected = {"error": "value_missing", "field": row.target}
        files[f"{folder}/{name}.expect.json"] = _json(expected)
    return files


def _wrapped(event: Envelope) -> str:
    wrapper: dict[str, Any] = {"value": event.body}
    if event.headers:
        wrapper["headers"] = dict(event.headers)
    if event.key is not None:
        wrapper["key"] = event.key
    return _json(wrapper)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def _said(text: str, event: Envelope) -> dict[str, str]:
    """What the rows that need nobody's help read out of the event."""
    root = parse(text, Report(""))
    rows = root.value.get("event") if root and isinstance(root.value, dict) else None
    said = {}
    for name, node in (rows.value if rows and isinstance(rows.value, dict) else {}).items():
        row = compile_row(TARGETS[name], node, Report(""))
        try:
            value = row.read(event) if row else None
        except Fault:
            continue
        if value is not None:
            said[name] = shown(value)
    return said


def _lacking(event: Envelope, rows: Sequence[Guess]) -> tuple[Guess, Envelope] | None:
    """The event without one thing that it must have: the example of an error."""
    for target in ("learner", "course", "completed"):
        row = next(row for row in rows if row.target == target)
        others = [one.path for one in rows if one.target != target]
        if row.leaf and row.leaf.root == "body" and row.path not in others:
            body = copy.deepcopy(event.body)
            at = body
            for step in row.leaf.steps[:-1]:
                at = at[step]
            at[row.leaf.steps[-1]] = None
            return row, Envelope(body, event.headers, event.key)
    return None
