"""A request in JSON as the simulator reads it: checked against our schema, then taken apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from consumer.pars.contract import UniqueIDForm
from consumer.pars.document import ROOT, Report, UniqueID, completed_from
from consumer.pars.element import Unreadable
from consumer.pars.jsonschema import REPORTS, JsonSchema, definition, reports
from consumer.pars.port import Action
from consumer.pars.simulator.question import LearnerQuestion, NotValid
from consumer.pars.value import Value, illegal, parse

_LIMIT_BYTES = 1024 * 1024
_BY_LEARNER = ("moduleID", "BirthDate", "CompletionDate", "UniqueID")

Query = Sequence[tuple[str, str]]


class JsonReading:
    """Parses and validates the requests of ACCME's OpenAPI draft. All raise NotValid."""

    def __init__(self, schemas_dir: Path, unique_id_form: UniqueIDForm) -> None:
        """`schemas_dir` is the folder that holds `pars/*.schema.json`."""
        self._reports = reports(schemas_dir, unique_id_form)
        self._by_credit = definition(schemas_dir, REPORTS, "StatusByCredit")
        self._by_learner = definition(schemas_dir, REPORTS, "StatusByLearner")

    def reports(self, data: bytes) -> tuple[Report, ...]:
        """POST /learner-activities: the reports of the document, of which there is one."""
        document = _valid(_parsed(data), self._reports)
        found = document[ROOT]["ActivityReports"]["ActivityReport"]
        try:
            return tuple(map(report_from, found))
        except ValueError:
            raise NotValid("CompletedDateTime is no date") from None

    def question(self, query: Query) -> str | LearnerQuestion:
        """GET /learner-activities/status: a CreditID, or four fields about a learner."""
        asked = _asked(query)
        if "CreditId" in asked:
            credit_id: str = _valid(asked, self._by_credit)["CreditId"]
            return credit_id
        return _learner(_valid(asked, self._by_learner))


def report_from(report: Value) -> Report:
    """One valid `ActivityReport` as the document model; the inverse of rendering.

    Raises ValueError when the completion date is none.
    """
    member, module = report["Member"], report["Activity"]["Module"]
    (certificate,) = module["CreditCertificate"]
    completed_on, form = completed_from(module["CompletedDateTime"])
    return Report(
        organization=report["ReportingOrganization"],
        given_name=member["Name"]["GivenName"],
        family_name=member["Name"]["FamilyName"],
        birth_date=member.get("PersonalInfo", {}).get("BirthDate"),
        provider_id=report["Activity"]["ProviderOrganization"],
        activity_id=module["ModuleName"]["moduleID"],
        title=module["ModuleName"]["value"],
        completed_on=completed_on,
        unique_ids=_unique_ids(certificate["UniqueID"]),
        certification=certificate["CreditReceived"]["activityCertification"],
        points=str(certificate["CreditReceived"]["numberOfCredits"]),
        credit_id=certificate["CreditID"],
        service_provider=report["XtensibleInfo"].get("ProviderID", ""),
        action=Action(report["XtensibleInfo"]["LearnerRecordAction"]),
        completed_form=form,
    )


def _unique_ids(value: Value) -> tuple[UniqueID, ...]:
    all_ = value if isinstance(value, list) else [value]
    return tuple(UniqueID(one["domain"], one["value"]) for one in all_)


def _learner(asked: Value) -> LearnerQuestion:
    return LearnerQuestion(
        activity_id=asked["moduleID"],
        birth_date=asked["BirthDate"],
        completed_on=date.fromisoformat(asked["CompletionDate"]),
        number=asked["UniqueID"],
    )


def _asked(query: Query) -> Value:
    """What the question says; credentials and what nobody described are no part of it."""
    asked = [(name, value) for name, value in query if name in ("CreditId", *_BY_LEARNER)]
    if any(count > 1 for count in Counter(name for name, _ in asked).values()):
        raise NotValid("a parameter twice")
    return dict(asked)


def _parsed(data: bytes) -> Value:
    if len(data) > _LIMIT_BYTES:
        raise NotValid("too large")
    try:
        return parse(data)
    except Unreadable as error:
        raise NotValid(str(error)) from None


def _valid(value: Value, schema: JsonSchema) -> Value:
    if faults := tuple(illegal(value)) or schema.faults(value):
        raise NotValid("; ".join(map(str, faults)))
    return value
