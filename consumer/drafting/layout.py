"""JSON laid out for reading: what fits on a line stands on one."""

from __future__ import annotations

from typing import Any

import orjson

_WIDTH = 90


def laid_out(value: Any) -> str:
    """The text, with a line's end."""
    return _lines(value, 0, "") + "\n"


def _lines(value: Any, depth: int, name: str) -> str:
    short = orjson.dumps(value).decode().replace('":', '": ').replace(',"', ', "')
    if not isinstance(value, dict) or 2 * depth + len(name) + len(short) <= _WIDTH:
        return short
    inside = "  " * (depth + 1)
    members = [
        f"{inside}{orjson.dumps(key).decode()}: {_lines(member, depth + 1, key)}"
        for key, member in value.items()
    ]
    return "{\n" + ",\n".join(members) + "\n" + "  " * depth + "}"
