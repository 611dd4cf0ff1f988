"""The mapping core is pure: files are read in one module, nothing else reaches outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "consumer"
CORE = [PACKAGE / "event.py", *sorted((PACKAGE / "mapping").glob("*.py"))]
FOREIGN = {"os", "io", "time", "httpx", "sqlalchemy", "kafka", "socket", "subprocess", "random"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.name)
def test_the_core_imports_nothing_that_reaches_outside(file: Path) -> None:
    names = set(imported(file))
    roots = {name.partition(".")[0] for name in names}
    assert not roots & FOREIGN
    assert "consumer.clock" not in names
    assert ("pathlib" in roots) == (file.name == "loader.py")


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.name)
def test_the_core_never_asks_what_time_it_is(file: Path) -> None:
    called = {n.attr for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Attribute)}
    assert not called & {"now", "utcnow", "today"}
