"""ACCME's Excel template as the simulator reads it, row by row and strictly (dossier 3.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from consumer.pars.document import Report, UniqueID
from consumer.pars.jsonschema import REPORTS, JsonSchema
from consumer.pars.port import Action
from consumer.pars.simulator.question import NotValid
from consumer.pars.simulator.row import Row
from consumer.reports.excel import HEADINGS
from consumer.reports.spreadsheet import Cell, Line, Table, read_tables
from consumer.tables.csvfile import TableProblems

_HEADING_ROW = 2
(_ACTION, _ACTIVITY, _DAY, _GIVEN, _FAMILY, _BORN, _STATE, _NPI, _CME,
 _BOARD, _BOARD_ID, _TOTAL, _TYPE, _POINTS) = HEADINGS  # fmt: skip
_OPTIONAL = {_STATE, _NPI, _CME}
_BIRTHDAY = re.compile(r"(\d{2})/(\d{2})(?:/(\d{4}))?", re.ASCII)


class ExcelReading:
    """Checks each row by the definitions of the web service's own schema."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/*.schema.json`."""
        known = orjson.loads((schemas_dir / "pars" / REPORTS).read_bytes())["$defs"]
        self._schema = JsonSchema(_schema(known))

    def rows(self, data: bytes, provider_id: str) -> list[Row]:
        """Every row below the headings. Raises NotValid when the file as such is none."""
        return [self._row(line, provider_id) for line in _lines(_table(data))]

    def _row(self, line: Line, provider_id: str) -> Row:
        cells = tuple(line.cells[: len(HEADINGS)])
        said = {
            name: _READ.get(name, _text)(cell) for name, cell in zip(HEADINGS, cells, strict=False)
        }
        said = {name: value for name, value in said.items() if value is not None}
        faults = [f"{one.field}: {one.detail}" for one in self._schema.faults(said)]
        if len(line.cells) > len(HEADINGS) and any(line.cells[len(HEADINGS) :]):
            faults.append("there are cells to the right of the template's columns")
        if not faults and said[_TOTAL] != said[_POINTS]:
            faults.append(f"{_TOTAL}: differs from {_POINTS}, and there is one credit type")
        if faults:
            return Row(line.number, cells, None, "; ".join(faults))
        return Row(line.number, cells, _report(said, provider_id))


def _schema(known: dict[str, Any]) -> dict[str, Any]:
    def of(name: str) -> dict[str, str]:
        return {"$ref": f"#/$defs/{name}"}

    received = known["CreditCertificate"]["properties"]["CreditReceived"]["properties"]
    points = received["numberOfCredits"]
    return {
        "type": "object",
        "required": [name for name in HEADINGS if name not in _OPTIONAL],
        "properties": {
            _ACTION: {"enum": ["Add", "Delete"]},
            _ACTIVITY: of("ActivityID"),
            _DAY: of("Date"),
            _GIVEN: of("Line"),
            _FAMILY: of("Line"),
            _BORN: of("BirthDay"),
            _STATE: of("Line"),
            _NPI: of("Identifier"),
            _CME: points,
            _BOARD: known["UniqueID"]["properties"]["domain"],
            _BOARD_ID: of("Identifier"),
            _TOTAL: points,
            _TYPE: of("Line"),
            _POINTS: points,
        },
        "$defs": known,
    }


def _table(data: bytes) -> Table:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "upload.xlsx"
        path.touch(0o600)
        path.write_bytes(data)
        try:
            return read_tables(path)[0]
        except TableProblems as found:
            raise NotValid("; ".join(one.message for one in found.problems)) from None


def _lines(table: Table) -> Table:
    head = next((line.cells for line in table if line.number == _HEADING_ROW), ())
    if head[: len(HEADINGS)] != HEADINGS or any(head[len(HEADINGS) :]):
        raise NotValid(
            f"row {_HEADING_ROW} does not hold the {len(HEADINGS)} headings of the template"
        )
    rows = [line for line in table if line.number > _HEADING_ROW]
    if not rows:
        raise NotValid("there are no rows below the headings")
    return rows


def _text(cell: Cell) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return None if cell in (None, "") else str(cell)


def _number(cell: Cell) -> object:
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return Decimal(str(cell)) if is_number else _text(cell)


def _day(cell: Cell) -> str | None:
    """A real date; a text only as ISO, which the schema judges."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date) else _text(cell)


def _birthday(cell: Cell) -> str | None:
    """MM/DD, with the year or without, in the status question's spelling."""
    text = _text(cell)
    found = _BIRTHDAY.fullmatch(text or "")
    if found is None:
        return text and "not MM/DD"
    month, day, year = found.groups()
    return "-".join(filter(None, (year, month, day)))


_READ: dict[str, Callable[[Cell], object]] = {
    _DAY: _day,
    _BORN: _birthday,
    _CME: _number,
    _TOTAL: _number,
    _POINTS: _number,
}


def _report(said: dict[str, Any], provider_id: str) -> Report:
    """What the row says; a licence and CME credits are none of the boards' business."""
    board = UniqueID(said[_BOARD], said[_BOARD_ID])
    is_npi = _NPI in said and _STATE not in said
    return Report(
        organization="",
        given_name=said[_GIVEN],
        family_name=said[_FAMILY],
        birth_date=said[_BORN],
        provider_id=provider_id,
        activity_id=said[_ACTIVITY],
        title="",
        completed_on=date.fromisoformat(said[_DAY]),
        unique_ids=(board, UniqueID("NPI", said[_NPI])) if is_npi else (board,),
        certification=said[_TYPE],
        points=str(said[_POINTS]),
        credit_id="",
        service_provider="",
        action=Action(said[_ACTION].lower()),
    )
