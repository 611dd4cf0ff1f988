"""Rows: one target each, compiled from verbs to a closure that reads an envelope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumer.event import Envelope
from consumer.mapping import verb
from consumer.mapping.clash import clashes
from consumer.mapping.fault import Fault, missing, text
from consumer.mapping.path import Path, PathSyntax, parse
from consumer.mapping.problem import Report
from consumer.mapping.source import Source, first_of, join
from consumer.mapping.target import Target
from consumer.mapping.tree import Node
from consumer.mapping.verb import BadArgument, Change

Entries = Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Row:
    """One target's row. `read` gives the value, None if there is none and none is needed, or
    raises Fault. `verbs` says in the file's words what is done to it."""

    target: str
    line: int
    optional: bool
    paths: tuple[Path, ...]
    read: Callable[[Envelope], Any]
    verbs: str = field(default="", compare=False)

    @property
    def shown(self) -> str:
        """The row's paths, for a reason."""
        return " or ".join(path.text for path in self.paths)


class Unusable(Exception):
    """A row cannot be compiled; its problems are in the report."""


def compile_row(target: Target, node: Node, report: Report, zone: Node | None = None) -> Row | None:
    """The row for `target`, or None with its problems in `report`; `zone` is the mapping's own."""
    where = f"event.{target.name}"
    if not isinstance(node.value, dict):
        report.add(node.line, where, "bad_value", "a row looks like {from: body.user.id}")
        return None
    try:
        entries = node.value
        if zone and "instant" in entries:
            entries = {"zone": zone} | entries
        return _Compiler(target, node.line, entries, where, report).row()
    except Unusable:
        return None


@dataclass(frozen=True, slots=True)
class _Compiler:
    """What the steps of compiling one row share."""

    target: Target
    line: int
    entries: Entries
    where: str
    report: Report

    def row(self) -> Row:
        if clashing := clashes(self.target, self.entries):
            for code, message in clashing:
                self.report.add(self.line, self.where, code, message)
            raise Unusable
        paths = self.paths()
        changes = [self.change(name) for name in verb.TEXT_VERBS if name in self.entries]
        convert = self.conversion()
        default, optional = self.default(convert), "optional" in self.entries
        read = _reader(self.source(paths), changes, convert, default, optional)
        verbs = ", ".join(_said(name, self.entries[name]) for name in _told(self.entries))
        return Row(self.target.name, self.line, optional, paths, read, verbs)

    def conversion(self) -> Change:
        """The row's last change; of a row with both `instant` and `date`, whichever the text is."""
        found = [self.change(name) for name in verb.CONVERSIONS if name in self.entries]
        return verb.either(*found) if len(found) > 1 else (found or [text])[0]

    def bad(self, name: str, code: str, message: str) -> Unusable:
        line = self.entries[name].line
        self.report.add(line, self.where, code, f"{name}: {message}")
        return Unusable()

    def paths(self) -> tuple[Path, ...]:
        name = next(source for source in verb.SOURCES if source in self.entries)
        if name == "const":
            return ()
        try:
            node = self.entries[name]
            texts = [verb.word(node)] if name == "from" else verb.words(node)
            return tuple(parse(written) for written in texts)
        except BadArgument as error:
            raise self.bad(name, "bad_value", str(error)) from None
        except PathSyntax as error:
            raise self.bad(name, "path_syntax", str(error)) from None

    def source(self, paths: tuple[Path, ...]) -> Source:
        if "const" in self.entries:
            const = self.word("const")
            return lambda _envelope: const
        if "join" in self.entries:
            return join(paths, self.separator())
        return paths[0].find if "from" in self.entries else first_of(paths)

    def separator(self) -> str:
        value = self.entries["with"].value
        if not isinstance(value, str) or not value:
            raise self.bad("with", "bad_value", "takes the text to put between the parts")
        return value

    def word(self, name: str) -> str:
        try:
            return verb.word(self.entries[name])
        except BadArgument as error:
            raise self.bad(name, "bad_value", str(error)) from None

    def change(self, name: str) -> Change:
        if name in verb.FLAGS and self.entries[name].value is not True:
            raise self.bad(name, "bad_value", "takes true, or is left out")
        try:
            return verb.compile_change(name, self.entries)
        except BadArgument as error:
            raise self.bad(name, "bad_value", str(error)) from None

    def default(self, convert: Change) -> Any:
        if "optional" in self.entries and self.entries["optional"].value is not True:
            raise self.bad("optional", "bad_value", "takes true, or is left out")
        if "default" not in self.entries:
            return None
        try:
            return convert(self.word("default"))
        except Fault as fault:
            raise self.bad("default", "bad_value", fault.code) from None


def _told(entries: Entries) -> list[str]:
    """The verbs in the order they work; `from` says no more than the path."""
    return [name for name in verb.VERBS if name in entries and name != "from"]


def _said(name: str, node: Node) -> str:
    """A verb with its argument, where that is short; sources have theirs in the path."""
    if name in verb.SOURCES or not isinstance(node.value, str):
        return name
    return f"{name}: {node.value}"


def _reader(
    source: Source, changes: Sequence[Change], convert: Change, default: Any, optional: bool
) -> Callable[[Envelope], Any]:
    """Missing before the text verbs and missing after them is the same."""

    def plain(envelope: Envelope) -> Any:
        value = source(envelope)
        if not missing(value):
            return convert(value)
        return nothing()

    def changed(envelope: Envelope) -> Any:
        value = source(envelope)
        if not missing(value):
            for change in changes:
                value = change(value)
            if not missing(value):
                return convert(value)
        return nothing()

    def nothing() -> Any:
        if default is None and not optional:
            raise Fault("value_missing")
        return default

    return changed if changes else plain
