"""The shape of the house: a core that reaches nothing outside, and modules that fit in a head."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from consumer.resources import shipped

PACKAGE = shipped("mappings").parent / "consumer"
MODULES = sorted(PACKAGE.rglob("*.py"))

CORE = [
    "consumer.journey",
    "consumer.fate",
    "consumer.decisions",
    "consumer.event",
    "consumer.edit",
    "consumer.credit",
    "consumer.participant",
    "consumer.candidate",
    "consumer.board",
    "consumer.licence",
    "consumer.rules",
    "consumer.steps",
    "consumer.reason",
    *(
        f"consumer.decoding.{file.stem}"
        for file in sorted((PACKAGE / "decoding").glob("[a-z]*.py"))
    ),
    *(f"consumer.mapping.{file.stem}" for file in sorted((PACKAGE / "mapping").glob("[a-z]*.py"))),
    "consumer.environment",
    "consumer.pars.activityxml",
    "consumer.pars.contract",
    "consumer.pars.document",
    "consumer.pars.element",
    "consumer.pars.heard",
    "consumer.pars.port",
    "consumer.pars.registered",
    "consumer.pars.symptoms",
    "consumer.pars.value",
    "consumer.pars.verdicts",
    "consumer.pars.word",
    "consumer.pumps.backoff",
    "consumer.pumps.breaker",
    "consumer.pumps.pace",
    "consumer.pumps.schedule",
]
CORE.remove("consumer.mapping.loader")
OUTSIDE = {"kafka", "httpx", "sqlalchemy", "os", "io", "time", "random", "secrets", "socket",
           "subprocess", "threading", "asyncio", "structlog", "logging"}  # fmt: skip
# The journey's tables are values; that they were read from files is their own business.
BOUNDARY = "consumer.tables"
LONGEST = 350


@cache
def source(module: str) -> Path:
    """The file of a module of ours."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@cache
def imported(file: Path) -> frozenset[str]:
    """Every module that a file names in an import, wherever in the file."""
    return frozenset(_imported(ast.parse(file.read_text(encoding="utf-8"))))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name their module in full"
            yield node.module or ""
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in below if _ours(name) and source(name).is_file())


def _ours(module: str) -> bool:
    return module.split(".")[0] == "consumer"


def reached(module: str) -> dict[str, frozenset[str]]:
    """The module and all of ours that it leads to, each with what it imports."""
    found: dict[str, frozenset[str]] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name.startswith(BOUNDARY):
            continue
        found[name] = imported(source(name))
        waiting += [one for one in found[name] if _ours(one)]
    return found


@pytest.mark.parametrize("module", CORE)
def test_the_core_leads_to_nothing_that_reaches_outside(module: str) -> None:
    for name, names in reached(module).items():
        foreign = {one.split(".")[0] for one in names} & OUTSIDE
        assert not foreign, f"{name} imports {', '.join(sorted(foreign))}"
        assert "consumer.clock" not in names, f"{name} imports the clock"


@pytest.mark.parametrize("module", CORE)
def test_the_core_opens_no_file(module: str) -> None:
    assert "pathlib" not in imported(source(module))
    assert "open" not in called(source(module))


@pytest.mark.parametrize("module", CORE)
def test_the_core_never_asks_what_time_it_is(module: str) -> None:
    assert not called(source(module)) & {"now", "utcnow", "today", "uuid1", "uuid4"}


def called(file: Path) -> set[str]:
    """The names of everything that a file calls."""
    calls = (node.func for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call))  # fmt: skip
    return {getattr(func, "attr", getattr(func, "id", "")) for func in calls}


def test_a_module_fits_in_a_head() -> None:
    lines = {named(file): file.read_text(encoding="utf-8").count("\n") for file in MODULES}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


def test_only_the_kafka_adapter_knows_kafka() -> None:
    roots = {named(file): {name.split(".")[0] for name in imported(file)} for file in MODULES}
    knowing = {name for name, names in roots.items() if "kafka" in names}
    assert knowing
    assert {name for name in knowing if not name.startswith("bus/kafka")} == set()


def test_every_module_says_what_it_is() -> None:
    texts = {named(file): file.read_text(encoding="utf-8") for file in MODULES}
    assert [
        name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))
    ] == []


def named(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def test_no_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert not {file.stem for file in MODULES} & drawers
