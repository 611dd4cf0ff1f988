"""One row of a result sheet: which credit, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from consumer.pars.port import Action
from consumer.participant import BirthDate
from consumer.reports.excel import HEADINGS
from consumer.reports.mangled import Mender
from consumer.reports.spreadsheet import Cell

STATUS, REASON, CREDIT_ID = "Status", "Reason", "Credit ID"
NO_STATUS = "no status: nothing will change"

_ACTION, _ACTIVITY, _DAY, _BORN = HEADINGS[0], HEADINGS[1], HEADINGS[2], HEADINGS[5]
_BOARD, _BOARD_ID, _CREDIT_TYPE = HEADINGS[9], HEADINGS[10], HEADINGS[12]
_GIVEN_NAME, _FAMILY_NAME, _POINTS = HEADINGS[3], HEADINGS[4], HEADINGS[13]
FIELDS = (_ACTIVITY, _DAY, _BORN, _BOARD, _BOARD_ID, _CREDIT_TYPE)
_Read = TypeVar("_Read")
_ACTIVITY_DIGITS = 9
_BOARD_DIGITS = {"ABIM": 6}  # the only board whose form is known (dossier 2.3)


class Verdict(StrEnum):
    """What became of one row."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # the board's word: PARS had taken the row
    ERROR = "error"  # PARS did not take the row
    PENDING = "pending"


_WORDS = {
    "": Verdict.PENDING,
    **dict.fromkeys(("accepted", "accepted by the board"), Verdict.ACCEPTED),
    **dict.fromkeys(("rejected", "rejected by the board"), Verdict.REJECTED),
    **dict.fromkeys(("error", "failed", "invalid"), Verdict.ERROR),
    **dict.fromkeys(("pending", "submitted", "received", "in progress"), Verdict.PENDING),
}


@dataclass(frozen=True, slots=True)
class Fields:
    """A credit as a sheet without CreditIDs names it; the action where the sheet tells it.

    Names and points name no credit: they are blank where the sheet has none.
    """

    activity_id: str
    birth_date: BirthDate
    completed_on: date
    board: str
    board_id: str
    credit_type: str
    action: Action | None = None
    given_name: str = field(default="", compare=False)
    family_name: str = field(default="", compare=False)
    points: Decimal | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Result:
    """One row: which credit, by CreditID or else by its fields, and what was answered.

    `reason` is as the sheet has it and may name a person; `notes` never do.
    """

    line: int
    credit_id: str
    fields: Fields | None = field(repr=False)
    verdict: Verdict
    reason: str = field(repr=False)
    notes: tuple[str, ...]


class Row:
    """The cells of one row, by heading; `wrong` gathers column and message."""

    def __init__(self, number: int, cell: Callable[[str], Cell]) -> None:
        """`cell` gives the cell below a heading, None when there is none."""
        self.number, self._cell = number, cell
        self.mender = Mender()
        self.wrong: list[tuple[str, str]] = []

    def fault(self, column: str, message: str) -> None:
        self.wrong.append((column, message))

    def text(self, column: str) -> str:
        return " ".join(self.mender.text(self._cell(column)).split())

    def credit_id(self) -> str:
        text = self.text(CREDIT_ID)
        if text and not re.fullmatch(r"ccid:[^:\s]+:[^:\s]+", text):
            self.fault(CREDIT_ID, "not the form of a CreditID")
        return text

    def verdict(self) -> Verdict | None:
        word = self.text(STATUS).lower()
        if word not in _WORDS:
            self.fault(STATUS, f"one of: {', '.join(filter(None, _WORDS))}; or blank")
        elif not word:
            self.mender.notes.append(NO_STATUS)
        return _WORDS.get(word)

    def fields(self) -> Fields | None:
        """The fields together; None when one is missing or unreadable."""
        action = self._action()
        completed_on = self._read(_DAY, self.mender.day, "2026-05-14 or 05/14/2026")
        born = self._read(_BORN, self.mender.birth_date, "09/10, month before day")
        texts = self._activity_id(), self._filled(_BOARD).upper(), self._board_id()
        credit_type, points = self._filled(_CREDIT_TYPE), self._points()
        if self.wrong or completed_on is None or born is None:
            return None
        names = self.text(_GIVEN_NAME), self.text(_FAMILY_NAME)
        return Fields(texts[0], born, completed_on, *texts[1:], credit_type, action, *names, points)

    def _points(self) -> Decimal | None:
        try:
            return Decimal(self.text(_POINTS)) if self.text(_POINTS) else None
        except InvalidOperation:
            self.fault(_POINTS, "a number is needed")
            return None

    def _filled(self, column: str) -> str:
        text = self.text(column)
        if not text:
            self.fault(column, "is blank")
        return text

    def _read(self, column: str, reading: Callable[[Cell], _Read], example: str) -> _Read | None:
        if not self._filled(column):
            return None
        try:
            return reading(self._cell(column))
        except (ValueError, OverflowError):
            self.fault(column, f"a date is needed, such as {example}")
            return None

    def _activity_id(self) -> str:
        return self._number(_ACTIVITY, _ACTIVITY_DIGITS) if self._filled(_ACTIVITY) else ""

    def _board_id(self) -> str:
        board = self.text(_BOARD).upper()
        if not self._filled(_BOARD_ID) or board not in _BOARD_DIGITS:
            return self.text(_BOARD_ID)
        return self._number(_BOARD_ID, _BOARD_DIGITS[board], board)

    def _number(self, column: str, digits: int, prefix: str = "") -> str:
        text = self.text(column)
        bare = text[len(prefix) :] if text.upper().startswith(prefix) else text
        number = self.mender.number(bare, digits)
        if not re.fullmatch(rf"\d{{{digits}}}", number, re.ASCII):
            self.fault(column, f"{digits} digits are needed")
        return number

    def _action(self) -> Action | None:
        word = self.text(_ACTION).lower()
        if word and word not in {*Action}:
            self.fault(_ACTION, "Add or Delete")
            return None
        return Action(word) if word else None
