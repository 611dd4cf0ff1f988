"""A YAML file as a tree that knows its lines.

Only the tree's shape is YAML's. Scalars are text as written, but for `true`, `false` and nothing:
no `no` that becomes a boolean, no `0905` that becomes octal, no date that becomes midnight.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from consumer.mapping.problem import Report

MOST_CHARACTERS = 64 * 1024
"""In a mapping file. The largest that make sense hold some thousand; reading a megabyte as YAML
would take half a minute."""

_BOOL = "tag:yaml.org,2002:bool"
_NULL = "tag:yaml.org,2002:null"
_TEXT = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line it stands on; under a key, the key's line."""

    line: int
    value: str | bool | list[Node] | dict[str, Node] | None


class _Loader(yaml.SafeLoader):
    """YAML without guesses about types and without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(_NULL, re.compile(r"^(?:~|null|)$"), ["~", "n", ""])


def parse(text: str, report: Report) -> Node | None:
    """The file's tree, or None with the syntax problem in `report`.

    A key that stands twice is a problem too: YAML would keep the last without a word.
    """
    if len(text) > MOST_CHARACTERS:
        report.add(1, "", "too_large", f"more than {MOST_CHARACTERS} characters")
        return None
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        report.add(line, "", "syntax", error.problem or "not readable as YAML")
        return None
    except (yaml.YAMLError, RecursionError):
        report.add(1, "", "syntax", "not readable as YAML")
        return None
    if root is None:
        report.add(1, "", "syntax", "the file is empty")
        return None
    return _node(root, root.start_mark.line + 1, "", report)


def meaning(text: str) -> str:
    """The file without its comments, layout and order, to compare by; blank if it is no YAML."""
    root = parse(text, Report(""))
    return "" if root is None else orjson.dumps(_plain(root), option=orjson.OPT_SORT_KEYS).decode()


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(each) for name, each in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(each) for each in node.value]
    return node.value


def _node(raw: yaml.Node, line: int, where: str, report: Report) -> Node:
    if isinstance(raw, yaml.MappingNode):
        return Node(line, _entries(raw, where, report))
    if isinstance(raw, yaml.SequenceNode):
        return Node(line, _items(raw, where, report))
    return Node(line, _scalar(raw, line, where, report))


def _items(raw: yaml.SequenceNode, where: str, report: Report) -> list[Node]:
    return [
        _node(item, item.start_mark.line + 1, f"{where}[{index}]", report)
        for index, item in enumerate(raw.value)
    ]


def _entries(raw: yaml.MappingNode, where: str, report: Report) -> dict[str, Node]:
    entries: dict[str, Node] = {}
    for key, value in raw.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            report.add(line, where, "syntax", "a key must be plain text")
            continue
        name = f"{where}.{key.value}" if where else key.value
        if key.value in entries:
            first = entries[key.value].line
            report.add(line, name, "duplicate_key", f"stands on line {first} already")
        entries[key.value] = _node(value, line, name, report)
    return entries


def _scalar(raw: yaml.Node, line: int, where: str, report: Report) -> str | bool | None:
    if raw.tag == _BOOL:
        return bool(raw.value == "true")
    if raw.tag == _NULL:
        return None
    if raw.tag != _TEXT:
        report.add(line, where, "syntax", "tags (!) are not allowed")
    return str(raw.value)
