"""A learner report of many records as the simulator reads it (dossier 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from pathlib import Path

from consumer.pars.document import ROOT, Report
from consumer.pars.element import Element, Unreadable, parse
from consumer.pars.schema import Schema
from consumer.pars.simulator.books import board_of
from consumer.pars.simulator.question import NotValid
from consumer.pars.simulator.reading import report_from
from consumer.pars.simulator.row import Row
from consumer.pars.xml import AR
from consumer.reports.spreadsheet import MOST_BYTES, Cell

_REPORTS, _REPORT = AR + "ActivityReports", AR + "ActivityReport"


class XmlFileReading:
    """Judges each report by the web service's own XSD, in a document of its own."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/*.xsd`."""
        self._schema = Schema(schemas_dir / "pars" / "accme-learner-reports.xsd")

    def rows(self, data: bytes) -> list[Row]:
        """Every report of the document. Raises NotValid when the document as such is none."""
        try:
            root = parse(data, MOST_BYTES)
        except Unreadable as error:
            raise NotValid(str(error)) from None
        reports = root.findall(f"{_REPORTS}/{_REPORT}")
        if root.tag != ROOT or not reports:
            raise NotValid("no learner report in it")
        return [*self._judged(root, reports)]

    def _judged(self, root: Element, reports: list[Element]) -> Iterator[Row]:
        for one in reports:
            one.getparent().remove(one)  # type: ignore[union-attr]
        for number, one in enumerate(reports, 1):
            alone = deepcopy(root)
            alone.find(_REPORTS).append(one)  # type: ignore[union-attr]
            credit_id = one.findtext(f".//{AR}CreditID") or ""
            if faults := self._schema.faults(alone):
                yield Row(number, (), None, "; ".join(map(str, faults)), credit_id)
            else:
                report = report_from(one)
                yield Row(number, _cells(report), report, "", credit_id)


def _cells(report: Report) -> tuple[Cell, ...]:
    """The report in the template's columns, for the result sheet."""
    board, points = board_of(report), float(Decimal(report.points))
    npi = next((one.value for one in report.unique_ids if one.domain == "NPI"), None)
    *_, month, day = (report.birth_date or "--").split("-")
    return (
        report.action.value.capitalize(),
        report.activity_id,
        report.completed_on,
        report.given_name,
        report.family_name,
        f"{month}/{day}" if month else None,
        None,
        npi,
        None,
        board.domain,
        board.value,
        points,
        report.certification,
        points,
    )
