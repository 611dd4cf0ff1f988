"""A request in XML as the simulator reads it: checked against our XSDs, then taken apart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from consumer.pars.document import ROOT, Report, UniqueID, completed_from
from consumer.pars.element import Element, Unreadable, parse
from consumer.pars.port import Action
from consumer.pars.schema import Schema
from consumer.pars.simulator.question import LearnerQuestion, MatchQuestion, NotValid
from consumer.pars.xml import AR, HX, M, N

_LIMIT_BYTES = 1024 * 1024


class Reading:
    """Parses and validates the four requests; XSDs are compiled once. All raise NotValid."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/*.xsd`."""
        self._reports = Schema(schemas_dir / "pars" / "accme-learner-reports.xsd")
        self._requests = Schema(schemas_dir / "pars" / "pars-requests.xsd")

    def reports(self, data: bytes) -> tuple[Report, ...]:
        """SaveLearnerActivity: every report of the document."""
        root = _valid(data, ROOT, self._reports)
        return tuple(report_from(one) for one in root.iter(AR + "ActivityReport"))

    def credit_id(self, data: bytes) -> str:
        """GetLearnerStatusByCreditId: the credit asked about."""
        root = _valid(data, "GetLearnerStatusByCreditId", self._requests)
        return _text(root, "CreditID")

    def learner(self, data: bytes) -> LearnerQuestion:
        """GetLearnerStatusByLearner."""
        root = _valid(data, "GetLearnerStatusByLearner", self._requests)
        (number,) = _unique_ids(root, "UniqueID")
        return LearnerQuestion(
            activity_id=_text(root, "ModuleID"),
            birth_date=_text(root, "BirthDate"),
            completed_on=date.fromisoformat(_text(root, "CompletionDate").strip()),
            number=number.value,
            domain=number.domain,
        )

    def match(self, data: bytes) -> MatchQuestion:
        """GetLearnerMatch."""
        root = _valid(data, "GetLearnerMatch", self._requests)
        return MatchQuestion(
            given_name=_text(root, "GivenName"),
            family_name=_text(root, "FamilyName"),
            birth_date=root.findtext("BirthDate"),
            unique_id=_unique_ids(root, "UniqueID")[0],
        )


def report_from(element: Element) -> Report:
    """One valid `ActivityReport` element as the document model; the inverse of rendering."""
    # Our XSD lets each of these elements occur once in a report, UniqueID alone repeats.
    texts = {str(one.tag): one.text or "" for one in element.iter()}
    completed_on, form = completed_from(texts[f"{AR}CompletedDateTime"])
    return Report(
        organization=texts[f"{AR}ReportingOrganization"],
        given_name=texts[f"{N}GivenName"],
        family_name=texts[f"{N}FamilyName"],
        birth_date=texts.get(f"{M}BirthDate"),
        provider_id=texts[f"{AR}ProviderOrganization"],
        activity_id=next(element.iter(f"{AR}ModuleName")).get("moduleID", ""),
        title=texts[f"{AR}ModuleName"],
        completed_on=completed_on,
        unique_ids=_unique_ids(element, f".//{AR}UniqueID"),
        certification=texts[f"{HX}activityCertification"],
        points=texts[f"{HX}numberOfCredits"].strip(),
        credit_id=texts[f"{AR}CreditID"],
        service_provider=texts.get("ProviderID", ""),
        action=Action(texts["LearnerRecordAction"]),
        completed_form=form,
    )


def _valid(data: bytes, tag: str, schema: Schema) -> Element:
    try:
        root = parse(data, _LIMIT_BYTES)
    except Unreadable as error:
        raise NotValid(str(error)) from None
    if root.tag != tag:
        raise NotValid("unexpected root element")
    if faults := schema.faults(root):
        raise NotValid("; ".join(map(str, faults)))
    return root


def _text(element: Element, path: str) -> str:
    return element.findtext(path) or ""


def _unique_ids(element: Element, path: str) -> tuple[UniqueID, ...]:
    return tuple(UniqueID(one.get("domain", ""), one.text or "") for one in element.iterfind(path))
