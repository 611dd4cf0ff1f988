"""One row of an uploaded file."""

from __future__ import annotations

from dataclasses import dataclass, field

from consumer.pars.document import Report
from consumer.reports.spreadsheet import Cell


@dataclass(frozen=True, slots=True)
class Row:
    """`number` as Excel counts, or of the report in its document; `cells` are the template's.

    Without a `report` the row is not valid, and `fault` says why without a value of the row;
    `credit_id` is "" when the row names none.
    """

    number: int
    cells: tuple[Cell, ...] = field(repr=False)
    report: Report | None = field(repr=False)
    fault: str = ""
    credit_id: str = ""
