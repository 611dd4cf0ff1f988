"""Documents for PARS as XML: rendered, and validated as the bytes that will leave (dossier 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from lxml import etree

from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.activityxml import rendered
from consumer.pars.answer import Answers
from consumer.pars.contract import PATHS, CompletedForm, Operation, Transport
from consumer.pars.document import (
    ROOT,
    STATUS,
    UNIT,
    Report,
    Submission,
    UniqueID,
    completed,
    report_of,
)
from consumer.pars.element import Element, Unreadable, child, invalid, parse, path_of
from consumer.pars.port import Action, ActivityNumber
from consumer.pars.registered import PARS_ID
from consumer.pars.schema import Schema
from consumer.pars.value import Value
from consumer.participant import Record
from consumer.reason import Reason, Stopped

AR = "{http://ns.medbiq.org/activityreport/v1/}"
M = "{http://ns.medbiq.org/member/v1/}"
N = "{http://ns.medbiq.org/name/v1/}"
HX = "{http://ns.medbiq.org/lom/extend/v1/}"
_PREFIXES = {None: AR[1:-1], "m": M[1:-1], "n": N[1:-1], "hx": HX[1:-1]}
_LIMIT = 64 * 1024 * 1024  # of a batch file; a request holds one report of about 2 kB


class Documents:
    """Renders what PARS is sent; each method raises Stopped rather than give a bad document."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/*.xsd`."""
        self._reports = Schema(schemas_dir / "pars" / "accme-learner-reports.xsd")
        self._requests = Schema(schemas_dir / "pars" / "pars-requests.xsd")
        self._activities = ActivityDocuments(schemas_dir)
        self.answers = Answers(schemas_dir)

    def save(
        self,
        record: Record,
        credit_id: str,
        action: Action,
        created: datetime,
        completed_form: CompletedForm = CompletedForm.DATE,
    ) -> bytes:
        """SaveLearnerActivity: one report; `created` is Central local time (dossier 2.2)."""
        report = report_of(record, credit_id, action, completed_form)
        return self.batch(Submission(created, (report,)))

    def batch(self, submission: Submission) -> bytes:
        """A document of any number of reports, as for an upload by hand."""
        root = etree.Element(ROOT)
        _submission(root, submission)
        return _checked(root, self._reports)

    def status(self, credit_id: str) -> bytes:
        """GetLearnerStatusByCreditId: approach B of the status service (dossier 3.1)."""
        root = etree.Element("GetLearnerStatusByCreditId")
        child(root, "CreditID", credit_id)
        return _checked(root, self._requests)

    def status_by_learner(self, record: Record) -> bytes:
        """GetLearnerStatusByLearner: approach A, four fields together (dossier 3.1)."""
        root = etree.Element("GetLearnerStatusByLearner")
        child(root, "ModuleID", record.pars_activity_id)
        child(root, "BirthDate", str(record.birth_date or ""))
        child(root, "CompletionDate", record.completed_on.isoformat())
        child(root, "UniqueID", record.board_id, domain=record.board)
        return _checked(root, self._requests)

    def match(self, record: Record) -> bytes:
        """GetLearnerMatch: does the board know this learner (dossier 3.6; fields are ours)."""
        root = etree.Element("GetLearnerMatch")
        child(root, "GivenName", record.given_name)
        child(root, "FamilyName", record.family_name)
        if record.birth_date is not None:
            child(root, "BirthDate", str(record.birth_date))
        child(root, "UniqueID", record.board_id, domain=record.board)
        return _checked(root, self._requests)

    def activity(self, number: ActivityNumber) -> bytes:
        """GetActivity: by PARS's number, or by the provider's own (fields are ours)."""
        root = etree.Element("GetActivity")
        name = "ActivityID" if number.catalog == PARS_ID else "ProviderActivityID"
        child(root, name, number.value)
        return _checked(root, self._requests)

    def register(self, document: Value, namespace: str = "") -> bytes:
        """SaveActivity: ACCME's activity document, one activity."""
        return rendered(self._activities.checked(document), namespace)


def enveloped(document: bytes, operation: Operation, credentials: Mapping[str, str]) -> bytes:
    """A document that was judged, unchanged, beside the credentials in an element around both.

    Our guess: in the learner document itself there is no place for them (docs/pars-xml.md).
    """
    root = etree.Element(f"{PATHS[Transport.XML][operation]}Request")
    for name, value in credentials.items():
        child(root, name, value)
    root.append(parse(document, _LIMIT))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _checked(root: Element, schema: Schema) -> bytes:
    data = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    if faults := _faults(data, root, schema):
        raise Stopped(*faults)
    return data


def _faults(data: bytes, root: Element, schema: Schema) -> tuple[Reason, ...]:
    """What is wrong with the bytes; with the tree it may differ, namespaces for one."""
    try:
        return schema.faults(parse(data, _LIMIT))
    except Unreadable as rule:  # a text of many megabytes, say
        return (invalid(path_of(root), str(rule)),)


def _submission(root: Element, submission: Submission) -> None:
    reports = etree.SubElement(root, AR + "ActivityReports", nsmap=_PREFIXES)  # type: ignore[arg-type]
    child(reports, AR + "DateTimeCreated", submission.created.isoformat(timespec="seconds"))
    for report in submission.reports:
        element = child(reports, AR + "ActivityReport")
        for part in _PARTS:
            part(element, report)


def _organization(element: Element, report: Report) -> None:
    child(element, AR + "ReportingOrganization", report.organization)


def _member(element: Element, report: Report) -> None:
    member = child(element, AR + "Member")
    name = child(member, M + "Name")
    child(name, N + "GivenName", report.given_name)
    child(name, N + "FamilyName", report.family_name)
    if report.birth_date is not None:
        child(child(member, M + "PersonalInfo"), M + "BirthDate", report.birth_date)


def _activity(element: Element, report: Report) -> None:
    activity = child(element, AR + "Activity")
    child(activity, AR + "ProviderOrganization", report.provider_id)
    module = child(activity, AR + "Module")
    child(module, AR + "ModuleName", report.title, moduleID=report.activity_id)
    child(module, AR + "Status", STATUS)
    child(module, AR + "CompletedDateTime", completed(report))
    _certificate(child(module, AR + "CreditCertificate"), report)


def _certificate(element: Element, report: Report) -> None:
    for unique_id in report.unique_ids:
        _unique_id(element, unique_id)
    received = child(element, AR + "CreditReceived")
    child(received, HX + "activityCertification", report.certification)
    child(received, HX + "creditUnit", UNIT)
    child(received, HX + "numberOfCredits", report.points)
    child(element, AR + "CreditID", report.credit_id)


def _unique_id(element: Element, unique_id: UniqueID) -> None:
    child(element, AR + "UniqueID", unique_id.value, domain=unique_id.domain)


def _extension(element: Element, report: Report) -> None:
    info = child(element, AR + "XtensibleInfo")
    if report.service_provider:
        child(info, "ProviderID", report.service_provider)
    child(info, "LearnerRecordAction", report.action.value)


_PARTS: tuple[Callable[[Element, Report], None], ...] = (
    _organization,
    _member,
    _activity,
    _extension,
)
