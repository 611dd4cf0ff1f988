"""A file that an office brings: Excel or CSV by its content, whatever it is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from consumer.tables.archive import OLD_EXCEL, refusal_of_old
from consumer.tables.cell import Arrived, Line
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.delimited import read_delimited
from consumer.tables.workbook import read_workbook

MOST_BYTES = 64 * 1024 * 1024


def open_file(path: Path, sheet: str, known: Callable[[Line], int]) -> Arrived:
    """The file's rows on their way; `known` counts the known headings in a row.

    Raises TableProblems for what cannot be read, or not without harm.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _fault(path.name, f"cannot be read: {error.strerror}") from None
    return open_bytes(path.name, data, sheet, known)


def open_bytes(name: str, data: bytes, sheet: str, known: Callable[[Line], int]) -> Arrived:
    """The same of a file that came otherwise than by this machine's disk."""
    if len(data) > MOST_BYTES:
        raise _fault(name, f"larger than {MOST_BYTES // 2**20} MiB")
    if data.startswith(OLD_EXCEL):
        raise _fault(name, refusal_of_old(data))
    if data.startswith(b"PK"):
        return read_workbook(name, data, sheet, known)
    if sheet:
        raise _fault(name, "a CSV file has no sheets: leave --sheet out")
    return read_delimited(name, data, known)


def _fault(name: str, message: str) -> TableProblems:
    return TableProblems([TableProblem(name, 0, "", message)])
