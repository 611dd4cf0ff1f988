"""Documents for PARS as JSON: rendered by ACCME's draft, judged by our schema (dossier 3.1)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.contract import CompletedForm, UniqueIDForm
from consumer.pars.document import ROOT, STATUS, UNIT, Report, completed, report_of
from consumer.pars.element import invalid
from consumer.pars.json_answer import JsonAnswers
from consumer.pars.jsonschema import REPORTS, SERVICE, JsonSchema, definition, reports
from consumer.pars.port import Action
from consumer.pars.value import Value, illegal, write
from consumer.participant import Record
from consumer.reason import Stopped

_LIMIT = 1024 * 1024  # of a request, which holds one report of about 2 kB


class JsonDocuments:
    """Renders what PARS is sent; each method raises Stopped rather than give a bad document."""

    def __init__(self, schemas_dir: Path, unique_id_form: UniqueIDForm = UniqueIDForm.LIST) -> None:
        """`schemas_dir` is the folder that holds `pars/*.schema.json`."""
        self._unique_id_form = unique_id_form
        self._reports = reports(schemas_dir, unique_id_form)
        self._by_credit = definition(schemas_dir, REPORTS, "StatusByCredit")
        self._by_learner = definition(schemas_dir, REPORTS, "StatusByLearner")
        self._match = definition(schemas_dir, SERVICE, "MatchQuestion")
        self._activities = ActivityDocuments(schemas_dir)
        self.answers = JsonAnswers(schemas_dir)

    def save(
        self,
        record: Record,
        credit_id: str,
        action: Action,
        created: datetime,
        completed_form: CompletedForm = CompletedForm.NOON,
    ) -> bytes:
        """Body of POST /learner-activities: one report; `created` is Central local time."""
        report = report_of(record, credit_id, action, completed_form)
        reports_ = {
            "DateTimeCreated": created.isoformat(timespec="seconds"),
            "ActivityReport": [_report(report, self._unique_id_form)],
        }
        data = write(_checked({ROOT: {"ActivityReports": reports_}}, self._reports))
        if len(data) > _LIMIT:
            raise Stopped(invalid(ROOT, "too_large"))
        return data

    def status(self, credit_id: str) -> dict[str, str]:
        """Query of GET /learner-activities/status by approach B: the credit alone."""
        query: dict[str, str] = _checked({"CreditId": credit_id}, self._by_credit)
        return query

    def status_by_learner(self, record: Record) -> dict[str, str]:
        """The same by approach A: four fields together; the number goes without its domain."""
        asked = {
            "moduleID": record.pars_activity_id,
            "BirthDate": str(record.birth_date or ""),
            "CompletionDate": record.completed_on.isoformat(),
            "UniqueID": record.board_id,
        }
        query: dict[str, str] = _checked(asked, self._by_learner)
        return query

    def match(self, record: Record) -> bytes:
        """A learner match: the fields of the XML's, for ACCME's draft has none (dossier 3.6)."""
        born = {} if record.birth_date is None else {"BirthDate": str(record.birth_date)}
        names = {"GivenName": record.given_name, "FamilyName": record.family_name}
        number = {"value": record.board_id, "domain": record.board_domain or record.board}
        return write(_checked({**names, **born, "UniqueID": number}, self._match))

    def register(self, document: Value) -> bytes:
        """Body of POST /activities: ACCME's activity document, one activity."""
        return write(self._activities.checked(document))


def _checked(value: Value, schema: JsonSchema) -> Value:
    # The characters first: the schema's own judge cannot read half a surrogate.
    if faults := tuple(illegal(value)) or schema.faults(value):
        raise Stopped(*faults)
    return value


def _report(report: Report, form: UniqueIDForm) -> Value:
    return {
        "ReportingOrganization": report.organization,
        "Member": _member(report),
        "Activity": {
            "ProviderOrganization": report.provider_id,
            "Module": {
                "ModuleName": {"value": report.title, "moduleID": report.activity_id},
                "Status": STATUS,
                "CompletedDateTime": completed(report),
                "CreditCertificate": [_certificate(report, form)],
            },
        },
        "XtensibleInfo": _extension(report),
    }


def _member(report: Report) -> Value:
    name = {"GivenName": report.given_name, "FamilyName": report.family_name}
    if report.birth_date is None:
        return {"Name": name}
    return {"Name": name, "PersonalInfo": {"BirthDate": report.birth_date}}


def _certificate(report: Report, form: UniqueIDForm) -> Value:
    return {
        "UniqueID": _unique_ids(report, form),
        "CreditReceived": {
            "activityCertification": report.certification,
            "creditUnit": UNIT,
            "numberOfCredits": Decimal(report.points),
        },
        "CreditID": report.credit_id,
    }


def _unique_ids(report: Report, form: UniqueIDForm) -> Value:
    """Every number as a list; as one object there is room for the board's only."""
    all_ = [{"value": one.value, "domain": one.domain} for one in report.unique_ids]
    return all_ if form is UniqueIDForm.LIST else all_[0]


def _extension(report: Report) -> Value:
    action = {"LearnerRecordAction": report.action.value}
    return {"ProviderID": report.service_provider, **action} if report.service_provider else action
