"""Reasons: why a record waits, was refused or is not reportable; a code, a field, never a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson


class Stage(StrEnum):
    """Where on its way a record was stopped."""

    DECODE = "decode"
    RECOGNISE = "recognise"
    SCHEMA = "schema"
    MAP = "map"
    LOOK_UP = "look_up"
    RULES = "rules"
    REVIEW = "review"
    PARS = "pars"
    BOARD = "board"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """One reason: `code` names the rule, `field` where, `detail` the rule's own words.

    `detail` may hold a path, a limit or a position in a file of ours, never content of the record.
    """

    stage: Stage
    code: str
    field: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.field, self.code, self.detail) if part)


class Stopped(Exception):
    """Raised inside the pure core where the facts are; the journey turns it into a fate."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(map(str, reasons)))
        self.reasons = reasons


def pack_reasons(reasons: Sequence[Reason]) -> str:
    """Reasons as JSON text: codes and fields, no value."""
    return orjson.dumps(reasons).decode()


def unpack_reasons(text: str) -> tuple[Reason, ...]:
    """The reasons that `pack_reasons` packed."""
    return tuple(Reason(**r | {"stage": Stage(r["stage"])}) for r in orjson.loads(text))
