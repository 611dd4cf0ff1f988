"""A long table on paper: A4 landscape, its head on each page, pages numbered; as PDF."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BufferedRandom
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

MOST_ROWS = 20_000  # some 1,000 pages; they are in memory until the PDF is saved
_MOST_LINES = 12  # of one cell, so that a row fits on a page
_MOST_CHARACTERS = 1_000  # of one cell; more would not fit in those lines
_FONT = Path(__file__).parent / "font" / "DejaVuSansCondensed.ttf"
_TEXT, _HEAD = 7, 10  # points
_LINE, _FACT = 3.4, 6.0  # millimetres
_MARGIN, _PAD, _BOTTOM = 10.0, 1.0, 16.0
_NAME_WIDTH = 40.0
_BOX, _MORE = "\N{WHITE SQUARE}", "…"
_TOTAL = "{total}"  # as wide as the widest number it will give way to
_BOXED = f"{_BOX} stands for a character that cannot be printed here; the Excel file has it."
_RTL = ("R", "AL", "RLE", "RLO", "RLI")


class PaperFull(Exception):
    """More rows than anybody prints; a workbook takes any number."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and its width in millimetres."""

    heading: str
    width: float


class Paper:
    """A document that grows row by row and is saved once."""

    def __init__(self, title: str, prepared_at: datetime) -> None:
        self._columns: Sequence[Column] = ()
        self._pdf = _Pages(title, prepared_at)
        self._pdf.add_page()
        self._y = _MARGIN
        self.rows = 0

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Name and value, one below the other, at the head of the document."""
        self._pdf.set_font_size(_HEAD)
        width = self._pdf.epw - _NAME_WIDTH
        for name, value in facts:
            self._pdf.write_at(_MARGIN, self._y, name)
            for line in self._pdf.wrapped(value, width):
                self._pdf.write_at(_MARGIN + _NAME_WIDTH, self._y, line)
                self._y += _FACT

    def table(self, heading: str, columns: Sequence[Column]) -> None:
        """Begin a table under its heading; the rows that follow are its."""
        self._columns = columns
        self._y += _FACT / 2
        if self._y + _FACT + 3 * (_LINE + 2 * _PAD) > self._pdf.h - _BOTTOM:
            self._new_page()
        self._pdf.set_font_size(_HEAD)
        self._pdf.write_at(_MARGIN, self._y, heading)
        self._y += _FACT
        self._begin_table()

    def row(self, cells: Sequence[str]) -> None:
        """One row; a cell's lines are wrapped at its width. Raises PaperFull."""
        if self.rows == MOST_ROWS:
            raise PaperFull(f"more than {MOST_ROWS} rows: use the Excel file")
        self.rows += 1
        lines = [
            self._pdf.wrapped(cell, column.width - 2 * _PAD)
            for cell, column in zip(cells, self._columns, strict=True)
        ]
        self._make_room(max(map(len, lines)))
        self._row(lines)

    def save(self, file: BufferedRandom) -> None:
        """Write the whole document; it can take no more rows."""
        if self._pdf.boxed:
            self._make_room(1)
            self._pdf.write_at(_MARGIN, self._y + _PAD, _BOXED)
        self._pdf.output(file)

    def close(self) -> None:
        """Let go of the font's file."""
        self._pdf.close_font()

    def _make_room(self, lines: int) -> None:
        if self._y + lines * _LINE + 2 * _PAD > self._pdf.h - _BOTTOM:
            self._new_page()
            self._begin_table()

    def _new_page(self) -> None:
        self._pdf.add_page()
        self._y = _MARGIN

    def _begin_table(self) -> None:
        self._pdf.set_font_size(_TEXT)
        self._pdf.set_fill_color(225)
        self._pdf.rect(_MARGIN, self._y, self._pdf.epw, _LINE + 2 * _PAD, style="F")
        self._row([[column.heading] for column in self._columns])

    def _row(self, cells: Sequence[list[str]]) -> None:
        x = _MARGIN
        for lines, column in zip(cells, self._columns, strict=True):
            for number, line in enumerate(lines):
                self._pdf.write_at(x + _PAD, self._y + _PAD + number * _LINE, line)
            x += column.width
        self._y += max(map(len, cells)) * _LINE + 2 * _PAD
        self._pdf.line(_MARGIN, self._y, self._pdf.w - _MARGIN, self._y)


class _Pages(FPDF):
    """The pages, with a foot on each."""

    def __init__(self, title: str, prepared_at: datetime) -> None:
        super().__init__("landscape", "mm", "A4")
        self.boxed = False
        self.set_margin(_MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(False)
        self.set_creation_date(prepared_at)
        self.set_creator("MOC Consumer")
        self.set_line_width(0.1)
        self.set_draw_color(160)
        self.add_font("text", "", _FONT)
        self.set_font("text", size=_TEXT)
        self._title = self.printable(title)
        self.set_title(self._title)
        self.alias_nb_pages(_TOTAL)

    def close_font(self) -> None:
        if isinstance(self.current_font, TTFFont):
            self.current_font.ttfont.close()

    def footer(self) -> None:
        """The title and which page it is."""
        self.set_font_size(_TEXT)
        self.set_y(-_BOTTOM / 2 - _LINE)
        title = self.wrapped(self._title, self.epw / 2)[0]
        self.write_at(_MARGIN, self.get_y(), title)
        self.cell(0, _LINE, f"Page {self.page_no()} of {_TOTAL}", align="R")

    def write_at(self, x: float, y: float, line: str) -> None:
        """A line of text below `y`."""
        self.text(x, y + 0.8 * self.font_size, line)

    def wrapped(self, text: str, width: float) -> list[str]:
        """`text` in lines no wider than `width` millimetres; what is far too long ends in "…"."""
        parts = self.printable(text[:_MOST_CHARACTERS]).split("\n")
        lines = [line for part in parts for line in self._lines(part.split(), width)]
        if len(lines) > _MOST_LINES or len(text) > _MOST_CHARACTERS:
            lines = [*lines[: _MOST_LINES - 1], _MORE]
        return lines or [""]

    def printable(self, text: str) -> str:
        """`text` with a box for each character that the font, or a left-to-right line, lacks."""
        return "".join(map(self._character, unicodedata.normalize("NFC", text)))

    def _character(self, character: str) -> str:
        if character.isspace():
            return "\n" if character == "\n" else " "
        font = self.current_font
        known = isinstance(font, TTFFont) and ord(character) in font.cmap
        if known and unicodedata.bidirectional(character) not in _RTL:
            return character
        self.boxed = True
        return _BOX

    def _lines(self, words: Sequence[str], width: float) -> Iterator[str]:
        line = ""
        for word in (piece for whole in words for piece in self._pieces(whole, width)):
            longer = f"{line} {word}" if line else word
            if self.get_string_width(longer) > width:
                yield line
                longer = word
            line = longer
        if line:
            yield line

    def _pieces(self, word: str, width: float) -> Iterator[str]:
        """A word too wide for its column, cut wherever it must be."""
        while self.get_string_width(word) > width:
            fits = len(word) - 1
            while fits > 1 and self.get_string_width(word[:fits]) > width:
                fits -= 1
            yield word[:fits]
            word = word[fits:]
        yield word
