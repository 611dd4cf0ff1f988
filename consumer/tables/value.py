"""What a cell means in its column: mended only where that is certain, and never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from consumer.board import DEFAULT_BOARD, Board, Boards
from consumer.rules import plain_board_id
from consumer.tables.cell import Cell, Spoilt
from consumer.tables.day import DayReader, Wrong

IDENTIFIERS = frozenset(
    "learner board_id npi licence course pars_activity_id occurrence activity".split()
)
DAYS = frozenset({"birth_date", "starts", "ends", "consent_on"})
NAMES = frozenset({"given_name", "family_name"})
YES, NO = frozenset({"yes", "y", "true", "1"}), frozenset({"no", "n", "false", "0"})

ZEROS = "leading zeros that a spreadsheet dropped were put back"
DECIMALS = "'.0' after a number was left out"
TITLES = "degrees after the name were left out"
FILLER = "a filler such as n/a was taken as blank"
CAPITALS = "written in capitals, and taken so"
BLANK = "blank: what they complete waits"
NEITHER = "neither yes nor no: it waits"
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_FILLERS = frozenset({"-", "--", "n/a", "#n/a", "none", "null", "tbd", "unknown", "?"})
_FORMULA = ("=", "+", "@")
_SAFE = re.compile("^'(?=[=+@\t\r'-])")  # what our own export puts in front of these
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+", re.ASCII)
_POINT_ZERO = re.compile(r"(\d+)\.0+", re.ASCII)
_MOST_EXACT = 10**15
# Degrees and fellowships, not Jr, Sr, II: those are part of the name.
_DEGREE = (
    "M\\.?D|D\\.?O|M\\.?B\\.?B\\.?S|M\\.?B\\.?,? ?Ch\\.?B|Ph\\.?D|M\\.?P\\.?H|M\\.?S|M\\.?B\\.?A"
    "|R\\.?N|N\\.?P|P\\.?A(?:-C)?|Pharm\\.?D|F\\.?A\\.?C\\.?[PCSEG]|MACP|FAAP|FASN|FCCP|FIDSA"
)
_AFTER_COMMA = re.compile(rf",\s*(?:{_DEGREE})\.?(?=\s*(?:,|$)|\s)", re.IGNORECASE)
_AFTER_BLANK = re.compile(rf"(?<=\S)\s+(?:{_DEGREE})\.?$")


@dataclass(slots=True)
class Values:
    """Reads the cells of one file; `notes` counts what was mended, by column and words.

    `typed` is whether the file tells numbers from text, `today` bounds birth dates.
    """

    boards: Boards
    typed: bool
    days: DayReader
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    restored: list[int] = field(default_factory=list)
    zero_seen: bool = False

    def read(self, column: str, cell: Cell, line: int, board: str = "") -> str:
        """The cell as the table holds it. Raises Wrong with why it cannot be taken."""
        if cell is None:
            return ""
        if isinstance(cell, Spoilt):
            raise Wrong(cell.why)
        if column in DAYS:
            return self._day(column, cell, line)
        if isinstance(cell, str):
            return self._text(column, cell, line, board)
        return self._number(column, cell, line, board)

    def in_doubt(self) -> list[tuple[int, str, str]]:
        """Lines that turned out to be in doubt once the whole column was seen."""
        doubts = [(line, "birth_date", why) for line, why in self.days.in_doubt()]
        if self.zero_seen and not self.typed:
            # A file that kept zeros dropped none: here an ID is short because somebody mistyped.
            doubts += [(line, "board_id", "too short, and other IDs here have their leading zeros")
                       for line in self.restored]  # fmt: skip
        return doubts

    def note(self, column: str, words: str) -> None:
        """Something was mended, or is worth a look."""
        self.notes[column, words] += 1

    # ------------------------------------------------------------ texts

    def _day(self, column: str, cell: Cell, line: int) -> str:
        given = self._cleaned(column, cell) if isinstance(cell, str) else cell
        if given == "":
            return ""
        read = self.days.birth_date if column == "birth_date" else self.days.day
        return read(given, line)

    def _cleaned(self, column: str, cell: str) -> str:
        if cell.isascii() and cell.isalnum():
            text = cell
        else:
            bare = unicodedata.normalize("NFC", cell.translate(_INVISIBLE))
            text = _SAFE.sub("", " ".join(bare.split()), count=1) if bare else ""
        if column not in NAMES and text.casefold() in _FILLERS:
            self.note(column, FILLER)
            return ""
        if text.startswith(_FORMULA):
            raise Wrong("begins like a formula")
        return text

    def _text(self, column: str, cell: str, line: int, board: str) -> str:
        text = self._cleaned(column, cell)
        if column in IDENTIFIERS:
            return self._identifier(column, text, line, board, was_number=False)
        if column in NAMES:
            return self._name(column, text)
        if column == "consent":
            return self._consent(text)
        return text

    def _name(self, column: str, text: str) -> str:
        bare = _AFTER_COMMA.sub("", text)
        if not bare.isupper():  # in capitals, DO may be a name as well as a degree
            while (shorter := _AFTER_BLANK.sub("", bare)) != bare:
                bare = shorter
        if bare != text:
            self.note(column, TITLES)
        if "," in bare:
            raise Wrong("holds a comma: is it a whole name? It is not split")
        if len(bare) > 3 and bare.isupper():
            self.note(column, CAPITALS)
        return bare

    def _consent(self, text: str) -> str:
        low = text.casefold()
        if low in YES or low in NO:
            return "yes" if low in YES else "no"
        if text:
            self.note("consent", NEITHER)
        return text

    # ------------------------------------------------------------ numbers

    def _number(self, column: str, cell: Cell, line: int, board: str) -> str:
        if isinstance(cell, bool):
            return self._consent(str(cell)) if column == "consent" else str(cell).upper()
        if isinstance(cell, date) or not isinstance(cell, int | float | Decimal):
            raise Wrong("a date or a time, where none belongs: type it as text")
        if not -_MOST_EXACT < cell < _MOST_EXACT:
            raise Wrong("more than 15 digits: Excel has rounded it; type it as text")
        whole = cell == int(cell)
        text = str(int(cell)) if whole else str(cell)
        if column == "consent":
            return self._consent(text)
        if column in IDENTIFIERS:
            if not whole:
                raise Wrong("a number with decimals, where an ID belongs")
            return self._identifier(column, text, line, board, was_number=True)
        return text

    def _identifier(
        self, column: str, text: str, line: int, board: str, *, was_number: bool
    ) -> str:
        if not self.typed:
            if _ROUNDED.fullmatch(text):
                raise Wrong("in scientific notation: digits are lost; write it as text")
            if found := _POINT_ZERO.fullmatch(text):
                text = found[1]
                self.note(column, DECIMALS)
        if column != "board_id" or not text:
            return text
        self.zero_seen = self.zero_seen or text.startswith("0")
        chosen = self.boards.get(board.upper() or DEFAULT_BOARD)
        if chosen is None or (self.typed and not was_number):
            return text
        return self._with_zeros(text, chosen, line)

    def _with_zeros(self, text: str, board: Board, line: int) -> str:
        """Zeros put back where the board's IDs have one length only; else as it is."""
        bare = plain_board_id(board, text)
        if not (bare.isascii() and bare.isdigit()) or board.id_pattern.fullmatch(bare):
            return text
        longer = [bare.zfill(count) for count in range(len(bare) + 1, 31)]
        fitting = [one for one in longer if board.id_pattern.fullmatch(one)]
        if len(fitting) != 1:
            return text
        self.note("board_id", ZEROS)
        self.restored.append(line)
        return fitting[0]
