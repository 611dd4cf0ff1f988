"""A CSV file as any program left it: its encoding and its delimiter found out, and said."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice

from consumer.tables.cell import Arrived, Line, TooMany, bounded
from consumer.tables.csvfile import TableProblem, TableProblems

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SIGNS = ",;\t|"


def read_delimited(
    name: str, data: bytes, known: Callable[[Line], int], among: int = 10
) -> Arrived:
    """The file's rows, divided by whichever sign shows most of the known headings.

    Raises TableProblems for what is no CSV file.
    """
    text, notes = _decoded(name, data)
    sign = max(_SIGNS, key=lambda one: _headings(text, one, known, among))
    return Arrived(name, _told(name, _lines(text, sign)), notes)


def _decoded(name: str, data: bytes) -> tuple[str, list[str]]:
    """Windows-1252 only where the bytes are no UTF-8: hardly any text is both."""
    marked = next((form for mark, form in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(marked)
    except UnicodeDecodeError as error:
        if marked != "utf-8":
            raise _fault(name, 0, "broken off in the middle: save it again") from None
        return _windows(name, data, data[: error.start].count(b"\n") + 1)
    if "\0" in text:
        raise _fault(name, 0, "not a text: save it as 'CSV UTF-8'")
    return text, []


def _windows(name: str, data: bytes, line: int) -> tuple[str, list[str]]:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        at = error.object[: error.start].count(b"\n") + 1
        message = "neither UTF-8 nor Windows-1252: save it as 'CSV UTF-8'"
        raise _fault(name, at, message) from None
    return text, [f"read as Windows-1252; look at the accents, the first is in line {line}"]


def _headings(text: str, sign: str, known: Callable[[Line], int], among: int) -> int:
    try:
        return max(map(known, islice(bounded(_lines(text, sign)), among)), default=0)
    except csv.Error:
        return 0


def _lines(text: str, sign: str) -> Iterator[Line]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    return (Line(rows.line_num, tuple(row)) for row in rows)


def _told(name: str, lines: Iterator[Line]) -> Iterator[Line]:
    number = 0
    try:
        for line in bounded(lines):
            number = line.number
            yield line
    except TooMany as many:
        raise _fault(name, 0, str(many)) from None
    except csv.Error:  # its text quotes nothing, but helps nobody either
        message = "not a CSV file from here on: a quotation mark is open"
        raise _fault(name, number + 1, message) from None


def _fault(name: str, line: int, message: str) -> TableProblems:
    return TableProblems([TableProblem(name, line, "", message)])
