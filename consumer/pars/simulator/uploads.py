"""Files that a person uploaded in PARS's pages: what became of each row, at once and later."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumer.pars.port import Action
from consumer.pars.simulator.books import Came
from consumer.pars.simulator.excel_reading import ExcelReading
from consumer.pars.simulator.operations import Operations
from consumer.pars.simulator.row import Row
from consumer.pars.simulator.rule import INVALID, Refusal
from consumer.pars.simulator.xmlfile_reading import XmlFileReading
from consumer.reports.excel import HEADINGS
from consumer.reports.result import CREDIT_ID, FIELDS, REASON, STATUS
from consumer.reports.spreadsheet import Cell

_NAMING = [HEADINGS.index(name) for name in (HEADINGS[0], *FIELDS)]
RESULT_HEADINGS = (*HEADINGS, CREDIT_ID, STATUS, REASON)


@dataclass(frozen=True, slots=True)
class Line:
    """A row and what PARS made of it at once; `credit_id` is what the books call it."""

    row: Row = field(repr=False)
    credit_id: str
    refusal: Refusal | None

    def as_json(self) -> dict[str, Any]:
        """The answer's line."""
        said = {"row": self.row.number, "accepted_into_pars": self.refusal is None}
        if self.refusal is not None:
            return said | {"code": self.refusal.code, "error": self.refusal.message}
        return said | {"credit_id": self.credit_id}


class Uploads:
    """Takes files into the same books as the web service, by the same rules."""

    def __init__(self, operations: Operations, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/`."""
        self._operations = operations
        self._excel, self._xml = ExcelReading(schemas_dir), XmlFileReading(schemas_dir)
        self._lines: dict[object, Line] = {}

    def take(self, provider_id: str, data: bytes) -> list[Line]:
        """Every row in its order. Raises NotValid when nothing of the file can be read."""
        if data.startswith(b"PK"):
            rows, came = self._excel.rows(data, provider_id), Came.EXCEL_FILE
        else:
            rows, came = self._xml.rows(data), Came.XML_FILE
        lines = [self._line(provider_id, row, came) for row in rows]
        for line in lines:
            self._remember(line)
        return lines

    def _remember(self, line: Line) -> None:
        """The last word on a credit counts; that it is there already is none."""
        before = self._lines.pop(_named(line.row), None)
        if before is not None and line.refusal is not None and line.refusal.conflict:
            line = before
        self._lines[_named(line.row)] = line

    def results(self) -> list[tuple[Cell, ...]]:
        """A row below RESULT_HEADINGS for each credit that was uploaded, as it stands now."""
        shown = (self._result(line) for line in self._lines.values() if line.row.cells)
        return [row for row in shown if row]

    def _line(self, provider_id: str, row: Row, came: Came) -> Line:
        if row.report is None:
            return Line(row, row.credit_id, Refusal(row.fault, INVALID))
        if came is Came.EXCEL_FILE:
            return Line(row, *self._operations.save_unnamed(provider_id, row.report))
        refusal = self._operations.save(provider_id, [row.report], came)
        return Line(row, row.credit_id, refusal)

    def _result(self, line: Line) -> tuple[Cell, ...]:
        cells = (*line.row.cells, *[None] * len(HEADINGS))[: len(HEADINGS)]
        if line.refusal is not None:
            return (*cells, line.row.credit_id, "Error", line.refusal.message)
        report = line.row.report
        if report is not None and report.action is Action.DELETE:
            return (*cells, line.row.credit_id, "Accepted", None)
        state, reason = self._operations.standing(line.credit_id)
        if state == "deleted":
            return ()
        return (*cells, line.row.credit_id, state.capitalize(), reason)


def _named(row: Row) -> object:
    """Which credit a row is about: by its CreditID, or else by the fields that name it."""
    return row.credit_id or tuple(row.cells[at] for at in _NAMING if at < len(row.cells))
