"""What stops one row for one event: a code, and the path if it is not the row's own."""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """Raised by verbs and paths; never holds a value."""

    def __init__(self, code: str, path: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.path = path


def missing(value: Any) -> bool:
    """Whether there is nothing: absent, null and blank text are the same (design 8)."""
    return value is None or (type(value) is str and (not value or value.isspace()))


def text(value: Any) -> str:
    """The value as text; 905 and "905" are the same id. Raises Fault `wrong_type`.

    A float is no id (orjson makes one of an integer above 64 bits), nor is true or false.
    """
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise Fault("wrong_type")
