"""A fault plan as people write it: a TOML or YAML file, a flag, or JSON."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from consumer.mapping.problem import hint
from consumer.pars.simulator.faults import Rule

_ROOT = "faults"
_RULE = TypeAdapter(Rule)


class PlanProblems(ValueError):
    """The plan cannot be used; every problem, by its entry."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def plan_from_file(path: Path) -> list[Rule]:
    """The rules of a file: YAML when it is named so, else TOML. Raises PlanProblems."""
    read = _yaml if path.suffix in (".yaml", ".yml") else tomllib.loads
    try:
        plan = read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise PlanProblems([f"{path}: {' '.join(str(error).split())}"]) from None
    return plan_from(plan, f"{path}: ")


def _yaml(text: str) -> object:
    """Texts, lists and mappings only: YAML takes `on` for a truth, which is a name here."""
    return yaml.load(text, yaml.BaseLoader)  # noqa: S506  it makes nothing but the three


def plan_from(plan: object, file: str = "") -> list[Rule]:
    """The rules of `{"faults": [...]}`. Raises PlanProblems, each with `file` in front."""
    entries = plan.get(_ROOT) if isinstance(plan, Mapping) else None
    if not isinstance(plan, Mapping) or not isinstance(entries, list):
        raise PlanProblems([f"{file}a list named {_ROOT} is needed"])
    more = [f"{file}{name}: unknown name; only {_ROOT} is known" for name in plan if name != _ROOT]
    return _rules(entries, lambda number: f"{file}entry {number}", more)


def plan_from_flags(flags: Sequence[str]) -> list[Rule]:
    """The rules of `KIND name=value ...`, one a flag. Raises PlanProblems."""
    entries = [_entry(flag) for flag in flags]
    return _rules(entries, lambda number: f'--fault "{flags[number - 1]}"')


def _entry(flag: str) -> object:
    try:
        kind, *words = shlex.split(flag)
    except ValueError:
        return flag
    pairs = [word.partition("=") for word in words]
    return {"kind": kind} | {name: value for name, _, value in pairs}


def _rules(
    entries: Sequence[object], place: Callable[[int], str], problems: Sequence[str] = ()
) -> list[Rule]:
    rules, found = [], [*problems]
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(_RULE.validate_python(entry))
        except ValidationError as error:
            found += (f"{place(number)}: {_said(one)}" for one in error.errors())
    if found:
        raise PlanProblems(found)
    return rules


def _said(error: Any) -> str:
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{name}: unknown name{hint(name, [*Rule.model_fields])}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
