"""What PARS and the boards answered to a report by file, as a coordinator brings it back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from consumer.reports.excel import HEADINGS
from consumer.reports.result import CREDIT_ID, FIELDS, REASON, STATUS, Fields, Result, Row
from consumer.reports.spreadsheet import Cell, Line, Table, best, fault, read_tables
from consumer.tables.csvfile import TableProblem, TableProblems

_KNOWN = {name.lower(): name for name in (*HEADINGS, CREDIT_ID, STATUS, REASON)}


def read_results(path: Path, *, all_fields: bool = False) -> list[Result]:
    """Every row of the sheet, in its order: an Excel workbook, or CSV.

    Where a row has its Credit ID its other cells are read only with `all_fields`.

    Raises TableProblems with every problem found, by line and column and never with a value; then
    no row of the sheet may be used.
    """
    head, lines = _table(path)
    columns = _Columns(path.name, head, lines)
    reader = _Reader(path.name, columns, all_fields)
    results = [reader.result(line) for line in lines] if columns.usable else []
    if problems := columns.problems + reader.problems:
        raise TableProblems(problems)
    return [result for result in results if result]


def _table(path: Path) -> tuple[Line, Table]:
    found = best(read_tables(path), lambda line: len({*map(_heading, line.cells)} & {*_KNOWN}))
    if found is None:
        names = ", ".join((STATUS, *FIELDS))
        raise fault(path, f"no headings found (or a quotation mark is not closed); needed: {names}")
    if not found[1]:
        raise fault(path, "there are no rows below the headings")
    return found


def _heading(cell: Cell) -> str:
    return " ".join(str(cell).lower().split()) if isinstance(cell, str) else ""


class _Columns:
    """Where each heading stands, and what is wrong with the headings."""

    def __init__(self, file: str, head: Line, lines: Table) -> None:
        self._file, self._line = file, head.number
        self.problems: list[TableProblem] = []
        self.at: dict[str, int] = {}
        used = {
            at for line in lines for at, cell in enumerate(line.cells) if cell not in (None, "")
        }
        for at, cell in enumerate(head.cells):
            self._take(at, _heading(cell), cell not in (None, "") or at in used)
        for number in sorted(at + 1 for at in used if at >= len(head.cells)):
            self._wrong(f"column {number}", "has no heading")
        self._complete()

    @property
    def usable(self) -> bool:
        """Whether the rows can be judged at all."""
        return STATUS in self.at and (CREDIT_ID in self.at or {*FIELDS} <= {*self.at})

    def cell(self, line: Line, name: str) -> Cell:
        at = self.at.get(name, len(line.cells))
        return line.cells[at] if at < len(line.cells) else None

    def _take(self, at: int, heading: str, filled: bool) -> None:
        name = _KNOWN.get(heading)
        if name is None and filled:
            # By its number: in a sheet without headings this is where the first person stands.
            self._wrong(f"column {at + 1}", "unknown heading" if heading else "has no heading")
        elif name in self.at:
            self._wrong(name, "column stands twice")
        elif name:
            self.at[name] = at

    def _complete(self) -> None:
        needed = (STATUS,) if CREDIT_ID in self.at else (STATUS, *FIELDS)
        for name in needed:
            if name not in self.at:
                self._wrong(name, "column is missing")

    def _wrong(self, column: str, message: str) -> None:
        self.problems.append(TableProblem(self._file, self._line, column, message))


class _Reader:
    """Reads row after row and keeps every problem."""

    def __init__(self, file: str, columns: _Columns, all_fields: bool) -> None:
        self._file, self._columns, self._all_fields = file, columns, all_fields
        self._seen: dict[str | Fields, int] = {}
        self.problems: list[TableProblem] = []

    def result(self, line: Line) -> Result | None:
        """The row, or None when something is wrong with it."""
        row = Row(line.number, partial(self._columns.cell, line))
        credit_id, fields = row.credit_id(), None
        if not credit_id or self._all_fields:
            fields = row.fields()
        verdict, reason = row.verdict(), row.text(REASON)
        self._once(row, credit_id or fields)
        self.problems += [TableProblem(self._file, line.number, *wrong) for wrong in row.wrong]
        if row.wrong or verdict is None:
            return None
        return Result(line.number, credit_id, fields, verdict, reason, tuple(row.mender.notes))

    def _once(self, row: Row, key: str | Fields | None) -> None:
        if key and self._seen.setdefault(key, row.number) != row.number:
            row.fault("", f"the same credit as in line {self._seen[key]}")
