"""Every header that the source names: what we read or answer over HTTP, and put on messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.unit.test_architecture import MODULES, named

_CALLED = re.compile(r"headers?$", re.IGNORECASE)
_OURS = re.compile(r"moc-[a-z]+(?:-[a-z]+)*")
_NONE = {"moc-consumer", "moc-console-session", "moc-consumer-mapping-diff"}
"""Names of ours that are no header: the program, a consumer group, the salt of session cookies."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")
_SIMULATED = "pars/simulator/"
_READ = {"get", "setdefault", "pop", "getlist"}


def named_headers() -> dict[str, set[str]]:
    """Every header in small letters, and the modules that name it; not of the PARS simulator."""
    found: dict[str, set[str]] = {}
    for file in MODULES:
        if not named(file).startswith(_SIMULATED):
            for name in _in(file):
                found.setdefault(name.lower(), set()).add(named(file))
    return found


def _in(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for one in _said(node):
            name = _text(one)
            if _NAME.fullmatch(name) and name != "headers":  # what PARS may want its password in
                yield name
        ours = _text(node) if isinstance(node, ast.Constant) else ""
        if _OURS.fullmatch(ours) and ours not in _NONE:
            yield ours


def _text(name: ast.expr | None) -> str:
    """The name that is written there, or that stands for it in some module; blank for neither."""
    match name:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=constant):
            return CONSTANTS.get(constant, "")
    return ""


def _constants() -> Iterator[tuple[str, str]]:
    for file in MODULES:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                    yield name, text
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    for one, two in zip(names, values, strict=False):
                        if isinstance(two, ast.Constant) and isinstance(two.value, str):
                            yield ast.unparse(one), two.value


CONSTANTS = dict(_constants())


def _said(node: ast.AST) -> Iterator[ast.expr | None]:
    """The expressions that stand where a header's name belongs: used, or written down."""
    match node:
        case ast.Subscript(value=value, slice=name) if _is_headers(value):
            yield name
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[name, *_]) if (
            _is_headers(value) and attr in _READ
        ):
            yield name
        case ast.Compare(left=name, comparators=[value]) if _is_headers(value):
            yield name
        case ast.Tuple(elts=[ast.Name(id="TRACEPARENT") as name, _]):
            yield name
        case _:
            yield from _written(node)


def _written(node: ast.AST) -> Iterator[ast.expr | None]:
    match node:
        case ast.keyword(arg="headers", value=value):
            yield from _keys(value)
        case ast.Assign(targets=[target], value=value) if _is_headers(target):
            yield from (*_keys(value), value)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if "HEADER" in name:
            yield value
        case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_headers(target):
            yield from _keys(value)
        case ast.FunctionDef(name=name) if _CALLED.search(name):
            yield from _keys(node)


def _keys(value: ast.AST) -> Iterator[ast.expr | None]:
    for one in ast.walk(value):
        if isinstance(one, ast.Dict):
            yield from one.keys


def _is_headers(value: ast.expr) -> bool:
    return bool(_CALLED.search(ast.unparse(value)))
