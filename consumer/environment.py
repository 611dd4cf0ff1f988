"""Names in the environment that look like settings and are none: misspelt, as a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

PREFIX = "MOC_"
ELSEWHERE = frozenset({"MOC_CONFIG", "MOC_SIMULATOR_PASSWORD"})
"""Read by single commands."""

# Kubernetes and Docker tell of a service called moc, or moc-something, without being asked.
_SERVICE = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?")
_ADDRESS = re.compile(r"(tcp|udp)://")


def unknown_names(settings: type[BaseModel], environ: Mapping[str, str]) -> list[str]:
    """A problem for each name that begins with MOC_ and is no setting; never a value.

    What stands below a section is left to the section, which refuses what it does not know.
    """
    ours = {name: value for name, value in environ.items() if name.upper().startswith(PREFIX)}
    return [
        f"environment: {name} is no setting{_meant(settings, name)}"
        for name, value in sorted(ours.items())
        if not _known(settings, name.upper(), value)
    ]


def near(settings: type[BaseModel], dotted: str) -> str:
    """The setting that was most likely meant, such as `sending.workers`; blank when none is."""
    chosen = {"main", *dotted.split(".")[1:-1]}  # any of them may be what the office called it
    names = sorted({name.replace("*", word) for name in names_of(settings) for word in chosen})
    return next(iter(get_close_matches(dotted, names, 1, 0.8)), "")


def names_of(model: type[BaseModel]) -> Iterator[str]:
    """Every setting by its full name, and `password_file` with each `password`.

    `*` stands for a name that the office chooses.
    """
    for name, field in model.model_fields.items():
        yield name
        if by_file := file_beside(model, name):
            yield by_file
        for below, kind in parts_of(field.annotation):
            yield from (f"{name}{below}.{one}" for one in names_of(kind))


def parts_of(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections that a setting is, each with `.*` if the office chooses their names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    named = ".*" if getattr(annotation, "__origin__", None) is dict else ""
    for one in get_args(annotation):
        yield from ((named + below, kind) for below, kind in parts_of(one))


def is_secret(annotation: Any) -> bool:
    """Whether a setting is masked wherever settings are shown."""
    return annotation is SecretStr or SecretStr in get_args(annotation)


def file_beside(model: type[BaseModel], name: str) -> str:
    """What names a file with this secret alone in it; blank if it is none.

    Blank too where the section has such a setting of its own, which it reads anew at each use.
    """
    by_file = f"{name}_file"
    secret = is_secret(model.model_fields[name].annotation)
    return by_file if secret and by_file not in model.model_fields else ""


def _known(settings: type[BaseModel], name: str, value: str) -> bool:
    if name in ELSEWHERE or _SERVICE.fullmatch(name):
        return True
    if name.endswith("_PORT") and _ADDRESS.match(value):
        return True
    first, _, below = name.removeprefix(PREFIX).lower().partition("__")
    names = list(names_of(settings))
    return any(one.startswith(f"{first}.") for one in names) if below else first in names


def _meant(settings: type[BaseModel], name: str) -> str:
    dotted = name.upper().removeprefix(PREFIX).lower().replace("__", ".")
    if found := near(settings, dotted):
        return f"; did you mean {PREFIX}{found.upper().replace('.', '__')}?"
    return "; moc-consumer check lists all that are, a.b is written MOC_A__B"
