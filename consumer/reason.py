"""Reasons: why a record waits, was refused or is not reportable; a code, a field, never a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
