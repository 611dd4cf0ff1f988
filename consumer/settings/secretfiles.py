"""Secrets that stand in files of their own: `password_file` says where `password` is.

Docker, Kubernetes and systemd hand secrets over as files: a file is neither in the list of
processes nor in what a child inherits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from consumer.environment import file_beside, parts_of

_MOST_BYTES = 65_536


class NoSecret(Exception):
    """A file does not hold a secret; says why, never what it holds or is called.

    Somebody may have written the secret where its file's name belongs.
    """


def with_secrets(
    model: type[BaseModel], values: Mapping[str, Any], problems: list[str], above: str = ""
) -> dict[str, Any]:
    """What one source of settings says, with each secret in place of its file's name.

    Adds to `problems` what cannot be read, and secrets that are said and in a file as well.
    """
    found = dict(values)
    for name, field in model.model_fields.items():
        by_file = file_beside(model, name)
        if by_file and by_file in found:
            found |= _secret(found.pop(by_file), name, found, problems, above)
        for kind, key, inner in _below(field.annotation, found.get(name)):
            read = with_secrets(kind, inner, problems, f"{above}{name}{key and '.' + key}.")
            found[name] = found[name] | {key: read} if key else read
    return found


def _below(annotation: Any, value: Any) -> Iterator[tuple[type[BaseModel], str, Any]]:
    """The sections in this value, each with the name that the office gave it, if it did."""
    if not isinstance(value, dict):
        return
    for stem, kind in parts_of(annotation):
        named = value.items() if stem else (("", value),)
        yield from ((kind, key, inner) for key, inner in named if isinstance(inner, dict))


def _secret(
    file: Any, name: str, said: Mapping[str, Any], problems: list[str], above: str
) -> dict[str, str]:
    try:
        if said.get(name):
            raise NoSecret(f"{name} is said too: only one of them")
        return {name: read_secret(Path(str(file)))}
    except NoSecret as error:
        problems.append(f"{above}{name}_file: {error}")
        return {}


def read_secret(file: Path) -> str:
    """The one line in this file, without its end. Raises NoSecret."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MOST_BYTES + 1)
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise NoSecret("must be text in UTF-8") from None
    except OSError as error:
        raise NoSecret(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise NoSecret("must be the name of a file") from None
    if not text.strip():
        raise NoSecret("is empty")
    if len(raw) > _MOST_BYTES or not text.isprintable():
        raise NoSecret("must hold the secret alone, on one line")
    return text
