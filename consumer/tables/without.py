"""A table of learners without some of them: every other byte of it stays as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping

Test = Callable[[Mapping[str, str]], bool]


def without(content: bytes, gone: Test) -> bytes:
    """The table without the rows of which `gone` says yes, by their cells."""
    kept: list[str] = []
    for lines, cells in _rows(content):
        if cells is None or not gone(cells):
            kept += lines
    return "".join(kept).encode("utf-8", "surrogateescape")


def of_these(keys: Collection[tuple[str, str]]) -> Test:
    """Whether a row is one of these accounts', by site and learner."""
    return lambda cells: (cells.get("site", ""), cells.get("learner", "")) in keys


def _rows(content: bytes) -> Iterator[tuple[list[str], Mapping[str, str] | None]]:
    """Each row's lines, and its cells by column; None for the headings."""
    lines = [*io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")]
    reader, head, at = csv.reader(iter(lines)), None, 0
    for row in reader:
        own, at = lines[at : reader.line_num], reader.line_num
        cells = (
            None if head is None else dict(zip(head, (one.strip() for one in row), strict=False))
        )
        yield own, cells
        if head is None:
            head = [name.strip().lstrip("\ufeff").lower() for name in row]
