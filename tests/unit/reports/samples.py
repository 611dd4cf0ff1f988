"""Invented people in reports, and sheets as a coordinator's program leaves them."""

from __future__ import annotations

import csv
import io
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook

from consumer.pars.port import Action
from consumer.pars.xml import Documents
from consumer.reports.entry import Entry
from consumer.reports.excel import HEADINGS, ExcelTemplate
from consumer.reports.files import Format, Limits, Report, write_report
from consumer.reports.xmlfile import XmlReport
from consumer.resources import shipped
from tests.unit.samples import record

DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 15, 15, tzinfo=UTC)
SCHEMAS = shipped("schemas")
DOCUMENTS = Documents(SCHEMAS)
EXCEL = ExcelTemplate()
XML = XmlReport(SCHEMAS, NOW)
FORMATS: dict[str, Format[Any]] = {"excel": EXCEL, "xml": XML}
# A person nobody else is called: found in a file name, a message or a log, it has leaked.
HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://example.org")', "#N/A", "TRUE",
           "O'Neil & <b>", "_x0041_da", " Ada ", "Żółw 李 \U0001f600", "0012", "1E5", "2026-11-22",
           "a\rb", "a\nb", "{total}", "</t>", "x" * 255]  # fmt: skip


def entry(number: int = 1, action: Action = Action.ADD, **changes: Any) -> Entry:
    """Ada's credit with some fields of the record changed; `number` makes it another."""
    return Entry(record(**changes), action, f"ccid:example.org:{number:032x}-r1")


def entries(count: int) -> Iterator[Entry]:
    """So many people's credits."""
    for number in range(count):
        yield entry(number, given_name=f"Ada{number}", board_id=f"{number % 10**6:06d}")


def written(
    people: Iterable[Entry], folder: Path, form: Format[Any] = EXCEL, **limits: int
) -> Report:
    """The report of 22 November."""
    return write_report(people, form, folder, f"moc-report-{DAY}", Limits(**limits))


def cells(path: Path, sheet: str = "Sheet1") -> list[list[Any]]:
    """The sheet's cells as openpyxl reads them, formulas as formulas."""
    book = load_workbook(path)
    return [[*row] for row in book[sheet].iter_rows()]


def listed(folder: Path) -> list[str]:
    """The names of what is in `folder`, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def modes(folder: Path) -> set[int]:
    """The modes of all files in `folder`, hidden ones too."""
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


# A result sheet: our own report, with what was answered to the right.
ROW = ("Add", "202600001", date(2026, 11, 20), "Ada", "Abara", "02/29", None, None, None, "ABIM",
       "012345", 1.5, "Medical Knowledge", 1.5)  # fmt: skip
ANSWERED = (*HEADINGS, "Status", "Reason")


def answered(status: object = "Accepted", reason: object = None, **changes: Any) -> list[Any]:
    """Ada's row as it comes back; `changes` are headings with underscores for blanks."""
    cells = dict(zip(HEADINGS, ROW, strict=True))
    unknown = {name.replace("_", " ") for name in changes} - {*cells}
    assert not unknown, unknown
    cells |= {name.replace("_", " "): value for name, value in changes.items()}
    return [*cells.values(), status, reason]


def workbook(path: Path, rows: Iterable[Sequence[Any]], headings: Sequence[Any] = ANSWERED) -> Path:
    """An Excel file with our guidance, headings and rows."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["guidance"], headings, *rows):
        sheet.append([*row])
    book.save(path)
    return path


def csv_file(
    path: Path, rows: Iterable[Sequence[Any]], headings: Sequence[Any] = ANSWERED, sign: str = ","
) -> Path:
    """The same as CSV, with the guidance's commas in the first line."""
    text = io.StringIO(newline="")
    sheet = csv.writer(text, delimiter=sign)
    sheet.writerows([["guidance, with, commas, and, more, of, them"], headings, *rows])
    path.write_text(text.getvalue(), encoding="utf-8-sig")
    return path


def repacked(path: Path, changes: dict[str, bytes]) -> Path:
    """The workbook with members replaced or added."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (members | changes).items():
            archive.writestr(name, data)
    return path
