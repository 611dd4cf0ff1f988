"""Tables as files for people: the one in force, or an empty one that explains itself."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from consumer.reports.sheet import Book, Sheet
from consumer.reports.staging import Staging, settle
from consumer.tables.explained import EXPLAINED, HINTS
from consumer.tables.kind import TableKind

FORMS = (".xlsx", ".csv")
_WIDTH = 20
_HARMLESS = re.compile("'[=+@\t\r'-]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class NoSuchForm(Exception):
    """The file's name says neither Excel nor CSV."""


def export(kind: TableKind, rows: Iterable[Mapping[str, str]], path: Path) -> int:
    """Write the rows as Excel or CSV, by the file's name; gives their number.

    The file is its owner's alone, and never replaces another. In Excel every cell is text; in CSV
    what would be a formula gets an apostrophe in front, which an import takes away again.
    Raises NoSuchForm, FileExistsError, OSError.
    """
    return _written(kind, rows, path, explained=False)


def template(kind: TableKind, path: Path) -> None:
    """Write a file with headings and no rows; in Excel a second sheet explains each column.

    Raises as `export` does.
    """
    _written(kind, (), path, explained=True)


def _written(
    kind: TableKind, rows: Iterable[Mapping[str, str]], path: Path, *, explained: bool
) -> int:
    if path.suffix.lower() not in FORMS:
        raise NoSuchForm(f"{path}: the name must end in {' or '.join(FORMS)}")
    if path.exists():
        raise FileExistsError(17, "there is such a file already", str(path))
    with Staging(path.parent) as staging:
        file = staging.create(path.name)
        if path.suffix.lower() == ".csv":
            count = -1  # the headings are no row
            for line in _lines(kind, rows):
                file.write(line)
                count += 1
            settle(file)
        else:
            book = Book(staging, path.name)
            widths = [_WIDTH] * len(kind.columns)
            sheet = book.sheet(kind.name.capitalize(), widths, to_fill_in=True)
            sheet.heading(kind.columns)
            count = _filled(sheet, kind, rows)
            if explained:
                _explain(book, kind)
            book.save(file)
            settle(file)
        staging.publish([(path.name, path.name)])
    return count


def _filled(sheet: Sheet, kind: TableKind, rows: Iterable[Mapping[str, str]]) -> int:
    count = 0
    for cells in rows:
        sheet.add(cells[name] for name in kind.columns)
        count += 1
    return count


def _explain(book: Book, kind: TableKind) -> None:
    sheet = book.sheet("How to fill it in", (_WIDTH, 10, 70, 30), heading_row=len(HINTS) + 2)
    for hint in HINTS:
        sheet.add([hint])
    sheet.add([])
    sheet.heading(("column", "needed", "meaning", "example"))
    for column, told in EXPLAINED[kind.name].items():
        sheet.add((column, *told))


def _lines(kind: TableKind, rows: Iterable[Mapping[str, str]]) -> Iterator[bytes]:
    """A byte order mark first: without it Excel takes the accents for other letters."""
    yield b"\xef\xbb\xbf" + _line(kind.columns)
    for cells in rows:
        yield _line([harmless(cells[name]) for name in kind.columns])


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def harmless(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) or _HARMLESS.match(text) else text
