"""A mapping file: from its text to a Mapping, or to everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from consumer.mapping.condition import Condition, Excuse, compile_condition
from consumer.mapping.each import Each, shapes
from consumer.mapping.mapping import Mapping
from consumer.mapping.path import Path, PathSyntax, parse_list
from consumer.mapping.problem import Report, hint
from consumer.mapping.row import Row, compile_row
from consumer.mapping.said import Kind
from consumer.mapping.shape import NotInSchema, SchemaInvalid, Shape
from consumer.mapping.target import OF_THE_EVENT, TARGETS, required
from consumer.mapping.todo import tell_open
from consumer.mapping.tree import Node, parse

_KEYS = (
    "mapping",
    "version",
    "schema",
    "match",
    "each",
    "kind",
    "zone",
    "only_if_heard",
    "not_reportable",
    "event",
)
_NAME = re.compile(r"[a-z0-9_]+(?:/[a-z0-9_]+)+", re.ASCII)
_REASON = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_VERSION = re.compile(r"[1-9]\d{0,8}", re.ASCII)

# The text of the schema that a file names, None if there is none.
SchemaText = Callable[[str], bytes | None]


def compile_file(text: str, name: str, schemas: SchemaText, report: Report) -> Mapping | None:
    """The mapping called `name`, or None with every problem in `report`."""
    root = parse(text, report)
    if root is None:
        return None
    if not isinstance(root.value, dict):
        report.add(root.line, "", "syntax", "a mapping file is a table of names and values")
        return None
    mapping = _File(root.value, name, schemas, report).mapping()
    tell_open(root, text, report)
    return mapping if report.clean else None


@dataclass(frozen=True, slots=True)
class _File:
    """What the steps of compiling one file share."""

    entries: dict[str, Node]
    name: str
    schemas: SchemaText
    report: Report

    def mapping(self) -> Mapping | None:
        self.unknown_keys()
        kind = self.kind()
        shape = self.shape(kind)
        each = self.each(shape)
        match, excuses = self.match(), self.excuses()
        rows = self.rows(kind) if kind else ()
        version = self.text("version", _VERSION, "a whole number from 1")
        self.check_name()
        self.check_zone()
        if kind is None or version is None:
            return None
        mapping = Mapping(
            self.name,
            int(version),
            kind,
            self.report.file,
            match,
            shape,
            excuses,
            rows,
            each,
            self.only_if_heard(kind),
        )
        self.check_paths(mapping)
        return mapping

    def unknown_keys(self) -> None:
        for key, node in self.entries.items():
            if key not in _KEYS:
                self.report.add(node.line, key, "unknown_key", key + hint(key, _KEYS))

    def text(self, key: str, shape: re.Pattern[str], takes: str) -> str | None:
        node = self.entries.get(key)
        if node is None:
            self.report.add(1, key, "missing_key", f"takes {takes}")
        elif not isinstance(node.value, str) or not shape.fullmatch(node.value):
            self.report.add(node.line, key, "bad_value", f"takes {takes}")
        else:
            return node.value
        return None

    def check_name(self) -> None:
        name = self.text("mapping", _NAME, "the file's path below mappings, as lms/event")
        if name not in (None, self.name):
            line = self.entries["mapping"].line
            self.report.add(line, "mapping", "name_mismatch", f"the file's place says {self.name}")

    def check_zone(self) -> None:
        event, node = self.entries.get("event"), self.entries.get("zone")
        if node is None:
            return
        rows = event.value.values() if event and isinstance(event.value, dict) else ()
        if not any("instant" in row.value for row in rows if isinstance(row.value, dict)):
            self.report.add(node.line, "zone", "bad_value", "no row has instant, which it is for")

    def kind(self) -> Kind | None:
        kinds = re.compile("|".join(Kind))
        text = self.text("kind", kinds, "one of: " + ", ".join(Kind))
        return Kind(text) if text else None

    def only_if_heard(self, kind: Kind) -> bool:
        node = self.entries.get("only_if_heard")
        if node is None:
            return False
        if node.value is not True or kind is not Kind.RETRACTION:
            message = "takes true in a retraction, or is left out"
            self.report.add(node.line, "only_if_heard", "bad_value", message)
        return True

    def shape(self, kind: Kind | None) -> Shape | None:
        node = self.entries.get("schema")
        if node is None:
            if kind is not Kind.IGNORE:
                self.report.add(1, "schema", "missing_key", "takes schemas/lms/event.json")
            return None
        text = self.schemas(node.value) if isinstance(node.value, str) else None
        if text is None:
            self.report.add(node.line, "schema", "schema_missing", "no such file below schemas/")
            return None
        try:
            return Shape(text)
        except SchemaInvalid as error:
            self.report.add(node.line, "schema", "schema_invalid", str(error))
            return None

    def each(self, shape: Shape | None) -> Each | None:
        node = self.entries.get("each")
        if node is None:
            return None
        if not isinstance(node.value, str):
            self.report.add(node.line, "each", "bad_value", "takes a path such as body.data")
            return None
        try:
            path = parse_list(node.value)
            return Each(path, *(shapes(shape, path) if shape else ()))
        except PathSyntax as error:
            self.report.add(node.line, "each", "path_syntax", str(error))
        except NotInSchema as error:
            self.report.add(node.line, "each", "path_not_in_schema", f"{node.value}: {error}")
        except SchemaInvalid as error:
            self.report.add(node.line, "each", "schema_invalid", str(error))
        return None

    def listed(self, key: str) -> list[tuple[str, Node]]:
        """The rows under `key`, each with its place."""
        node = self.entries.get(key)
        if node is None:
            return []
        if not isinstance(node.value, list) or not node.value:
            self.report.add(node.line, key, "bad_value", "takes a list of rows")
            return []
        return [(f"{key}[{index}]", row) for index, row in enumerate(node.value)]

    def match(self) -> tuple[Condition, ...]:
        if "match" not in self.entries:
            self.report.add(1, "match", "missing_key", "takes a list of rows")
        found = []
        for where, node in self.listed("match"):
            condition = compile_condition(node, where, "", self.report)
            if condition and condition.path.filtered:
                self.report.add(node.line, where, "path_syntax", "no filter in match")
            found.append(condition)
        return tuple(filter(None, found))

    def excuses(self) -> tuple[Excuse, ...]:
        found = []
        for where, node in self.listed("not_reportable"):
            condition = compile_condition(node, where, "reason", self.report)
            reason = node.value.get("reason") if isinstance(node.value, dict) else None
            if reason is None or not _REASON.fullmatch(str(reason.value)):
                message = "takes a short name such as course_without_modules"
                self.report.add(node.line, f"{where}.reason", "bad_value", message)
            elif condition:
                found.append(Excuse(condition, str(reason.value)))
        return tuple(found)

    def rows(self, kind: Kind) -> tuple[Row, ...]:
        event = self.entries.get("event")
        if kind is Kind.IGNORE:
            self.no_rows()
            return ()
        if event is None or not isinstance(event.value, dict):
            self.report.add(event.line if event else 1, "event", "missing_key", "takes the rows")
            return ()
        for target in required(kind, event.value):
            if target not in event.value:
                message = f"{kind.named} needs it"
                self.report.add(event.line, f"event.{target}", "missing_target", message)
        self.check_retracts(kind, event.value)
        return tuple(filter(None, (self.row(kind, *entry) for entry in event.value.items())))

    def check_retracts(self, kind: Kind, rows: dict[str, Node]) -> None:
        if "retracts" not in rows:
            return
        if kind is not Kind.RETRACTION:
            message = "only a retraction takes an event back"
            self.report.add(rows["retracts"].line, "event.retracts", "verb_clash", message)
            return
        for name in OF_THE_EVENT:
            if name in rows:
                message = "retracts names the event, which has said that itself"
                self.report.add(rows[name].line, f"event.{name}", "verb_clash", message)

    def no_rows(self) -> None:
        for key in ("event", "not_reportable"):
            if key in self.entries:
                line = self.entries[key].line
                self.report.add(line, key, "unknown_key", "an ignored event says nothing")

    def row(self, kind: Kind, name: str, node: Node) -> Row | None:
        if name not in TARGETS:
            message = name + hint(name, tuple(TARGETS))
            self.report.add(node.line, f"event.{name}", "unknown_target", message)
            return None
        row = compile_row(TARGETS[name], node, self.report, self.entries.get("zone"))
        event = self.entries["event"].value
        if (
            row
            and row.optional
            and name in required(kind, event if isinstance(event, dict) else ())
        ):
            self.report.add(row.line, f"event.{name}", "verb_clash", f"{kind.named} needs it")
        return row

    def check_paths(self, mapping: Mapping) -> None:
        places = [(c.path, c.line, "match") for c in mapping.match]
        places += [(e.condition.path, e.condition.line, "not_reportable") for e in mapping.excuses]
        places += [(p, row.line, f"event.{row.target}") for row in mapping.rows for p in row.paths]
        for path, line, where in places:
            if path.root == "item" and "each" not in self.entries:
                self.report.add(line, where, "path_syntax", f"{path.text}: item needs each")
            elif shape := mapping.shape_of(path):
                self.check_path(shape, path, line, where)

    def check_path(self, shape: Shape, path: Path, line: int, where: str) -> None:
        try:
            shape.follow(path.steps)
        except NotInSchema as error:
            self.report.add(line, where, "path_not_in_schema", f"{path.text}: {error}")
