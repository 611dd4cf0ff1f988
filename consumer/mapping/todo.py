"""What a draft left open: every value that is `TODO`, with the words that stand beside it."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.mapping.problem import Report
from consumer.mapping.tree import Node

TODO = "TODO"


def tell_open(root: Node, text: str, report: Report) -> None:
    """Put a problem `to_do` in the place of whatever else is wrong on the lines left open."""
    places = dict.fromkeys(_places(root, ""))
    if not places:
        return
    lines, numbers = text.splitlines(), {line for line, _ in places}
    report.problems[:] = [one for one in report.problems if one.line not in numbers]
    for line, where in places:
        report.add(line, where, "to_do", _asked(lines[line - 1]))


def _places(node: Node, where: str) -> Iterator[tuple[int, str]]:
    if node.value == TODO:
        yield node.line, where
    elif isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from _places(item, f"{where}[{index}]")
    elif isinstance(node.value, dict):
        for name, member in node.value.items():
            yield from _places(member, f"{where}.{name}" if where else name)


def _asked(line: str) -> str:
    """The remark of the line itself: a question to whoever knows the LMS."""
    _, found, remark = line.partition("# TODO:")
    return remark.strip() if found else "this is left open"
