"""What PARS is sent as JSON: golden documents, hostile names, and what must not leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.pars.contract import CompletedForm, UniqueIDForm
from consumer.pars.document import report_of
from consumer.pars.json import JsonDocuments
from consumer.pars.port import Action
from consumer.pars.simulator.json_reading import JsonReading
from consumer.participant import BirthDate, Record
from consumer.reason import Stage, Stopped
from tests.unit.pars.samples import ADA, CREDIT, GOLDEN, SCHEMAS, record
from tests.unit.pars.test_xml import HOSTILE, records
from tests.unit.pars.test_xml import saved as saved_as_xml

DOCUMENTS = JsonDocuments(SCHEMAS)
AS_OBJECT = JsonDocuments(SCHEMAS, UniqueIDForm.OBJECT)
READING = JsonReading(SCHEMAS, UniqueIDForm.LIST)
CREATED = datetime(2026, 11, 22, 9, 15)  # noqa: DTZ001 - Central local time has no offset

# The dossier's target document (3.1), copied by hand and not made by our code.
TARGET = """
{"ACCMELearnerReports": {"ActivityReports": {
  "DateTimeCreated": "2026-11-22T09:15:00",
  "ActivityReport": [{
    "ReportingOrganization": "Example Academy of Medicine",
    "Member": {"Name": {"GivenName": "Ada", "FamilyName": "Example"},
               "PersonalInfo": {"BirthDate": "1971-09-10"}},
    "Activity": {"ProviderOrganization": "0009999",
      "Module": {"ModuleName": {"value": "Heart Failure Update", "moduleID": "202612345"},
        "Status": "Completed", "CompletedDateTime": "2026-05-14T12:00:00",
        "CreditCertificate": [{
          "UniqueID": [{"value": "099999", "domain": "ABIM"}],
          "CreditReceived": {"activityCertification": "Medical Knowledge",
                             "creditUnit": "Point", "numberOfCredits": 1.5},
          "CreditID": "ccid:example.org:7f3c2a91d0-r1"}]}},
    "XtensibleInfo": {"ProviderID": "0009999", "LearnerRecordAction": "add"}}]}}}
"""


def saved(
    one: Record,
    credit_id: str = CREDIT,
    action: Action = Action.ADD,
    documents: JsonDocuments = DOCUMENTS,
    form: CompletedForm = CompletedForm.NOON,
) -> bytes:
    return documents.save(one, credit_id, action, CREATED, form)


DOCUMENT_FILES: dict[str, Callable[[], bytes]] = {
    "add.json": lambda: saved(ADA),
    "delete.json": lambda: saved(ADA, action=Action.DELETE),
    "with-npi.json": lambda: saved(record(npi="1234567893")),
    "without-birth-date.json": lambda: saved(record(birth_date=None)),
    "hostile-names.json": lambda: saved(HOSTILE),
    "unique-id-object.json": lambda: saved(record(npi="1234567893"), documents=AS_OBJECT),
    "date-only.json": lambda: saved(ADA, form=CompletedForm.DATE),
}


@pytest.mark.parametrize("name", DOCUMENT_FILES)
def test_documents_are_byte_for_byte_what_the_golden_files_hold(name: str) -> None:
    assert DOCUMENT_FILES[name]().decode() == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_golden_file_is_compared() -> None:
    assert {path.name for path in GOLDEN.glob("*.json")} == set(DOCUMENT_FILES)


def test_the_document_is_the_dossier_s_target_in_its_order() -> None:
    wanted = orjson.dumps(orjson.loads(TARGET))
    assert orjson.dumps(orjson.loads(saved(ADA))) == wanted


@pytest.mark.parametrize(
    ("points", "written"),
    [("10", "10"), ("1E+1", "10"), ("1.50", "1.5"), ("0.25", "0.25"), ("999999.75", "999999.75")],
)
def test_points_are_a_number_exact_to_the_decimal(points: str, written: str) -> None:
    text = saved(record(points=Decimal(points))).decode()
    assert f'"numberOfCredits": {written}\n' in text


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "no birth year": ({"birth_date": BirthDate(9, 10)}, "PersonalInfo/BirthDate", "pattern"),
    "30 February": ({"birth_date": BirthDate(2, 30, 1971)}, "PersonalInfo/BirthDate", "format"),
    "blank given name": ({"given_name": "  "}, "Name/GivenName", "pattern"),
    "empty family name": ({"family_name": ""}, "Name/FamilyName", "pattern"),
    "line break in a name": ({"family_name": "Zeb\nra"}, "Name/FamilyName", "pattern"),
    "tab in a title": ({"title": "Zeb\tra"}, "ModuleName/value", "pattern"),
    "no organisation": ({"provider_name": ""}, "ReportingOrganization", "pattern"),
    "6-digit provider": ({"provider_id": "009999"}, "ProviderOrganization", "pattern"),
    "8-digit activity": ({"pars_activity_id": "20261234"}, "ModuleName/moduleID", "pattern"),
    "digits of another script": ({"provider_id": "٠٠٠٩٩٩٩"}, "ProviderOrganization", "pattern"),
    "board in small letters": ({"board": "zebra"}, "UniqueID/domain", "pattern"),
    "no board ID": ({"board_id": ""}, "UniqueID/value", "pattern"),
    "long board ID": ({"board_id": "9" * 31}, "UniqueID/value", "maxLength"),
    "no certification": ({"certification": ""}, "activityCertification", "pattern"),
    "zero points": ({"points": Decimal(0)}, "numberOfCredits", "exclusiveMinimum"),
    "negative points": ({"points": Decimal("-0.25")}, "numberOfCredits", "exclusiveMinimum"),
    "too many": ({"points": Decimal(1_000_000)}, "numberOfCredits", "exclusiveMaximum"),
    "off the grid": ({"points": Decimal("1.3")}, "numberOfCredits", "multipleOf"),
    "just off the grid": (
        {"points": Decimal("0.25000000000000000000001")},
        "numberOfCredits",
        "multipleOf",
    ),
    "not a number": ({"points": Decimal("NaN")}, "numberOfCredits", "type"),
    "NUL": ({"family_name": "Zeb\0ra"}, "Name/FamilyName", "illegal_character"),
    "control": ({"given_name": "Zeb\x0bra"}, "Name/GivenName", "illegal_character"),
    "U+FFFE": ({"title": "Zeb\ufffera"}, "ModuleName/value", "illegal_character"),
    "half a surrogate": ({"family_name": "Zeb\ud800ra"}, "Name/FamilyName", "illegal_character"),
    "NUL in a domain": ({"board": "ZEB\0RA"}, "UniqueID/domain", "illegal_character"),
    "two megabytes": ({"title": "Zebra" * 400_000}, "ACCMELearnerReports", "too_large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_document_that_breaks_a_rule_never_leaves_and_its_values_stay_here(name: str) -> None:
    changes, field, rule = BROKEN[name]
    with pytest.raises(Stopped) as stopped:
        saved(record(**changes))
    reason = stopped.value.reasons[0]
    assert (reason.stage, reason.code, reason.detail) == (Stage.PARS, "document_invalid", rule)
    assert reason.field.startswith("ACCMELearnerReports")
    assert reason.field.endswith(field)
    told = f"{stopped.value} {stopped.value.__context__!r} {stopped.value.__cause__!r}"
    assert not any(value in told for value in ("Zeb", "Ada", "Example", "zebra", "1971", "-0.25"))


def test_every_member_at_fault_is_named_at_once() -> None:
    with pytest.raises(Stopped) as stopped:
        saved(record(given_name="", points=Decimal("0.1")))
    names = {reason.field.rpartition("/")[2] for reason in stopped.value.reasons}
    assert names == {"GivenName", "numberOfCredits"}


@pytest.mark.parametrize(
    "credit_id",
    ["", "7f3c", "ccid:example.org", "ccid:a:b:c", "ccid::b", "ccid:a: b", "ccid:a:" + "b" * 294],
)
def test_a_credit_id_has_the_form_ccid_domain_local(credit_id: str) -> None:
    for call in (lambda: saved(ADA, credit_id), lambda: DOCUMENTS.status(credit_id)):
        with pytest.raises(Stopped) as stopped:
            call()
        assert stopped.value.reasons[0].field.lower().endswith("creditid")


def test_the_two_status_questions() -> None:
    assert DOCUMENTS.status(CREDIT) == {"CreditId": CREDIT}
    assert DOCUMENTS.status_by_learner(record(birth_date=BirthDate(9, 10))) == {
        "moduleID": "202612345",
        "BirthDate": "09-10",
        "CompletionDate": "2026-05-14",
        "UniqueID": "099999",
    }
    with pytest.raises(Stopped, match="BirthDate"):
        DOCUMENTS.status_by_learner(record(birth_date=None))


@settings(max_examples=300, deadline=None)
@given(one=records, action=st.sampled_from(Action))
def test_both_languages_take_the_same_records_and_say_the_same(one: Record, action: Action) -> None:
    def leaves(render: Callable[[], bytes]) -> bool:
        try:
            return bool(render())
        except Stopped:
            return False

    taken = leaves(lambda: saved(one, action=action))
    assert taken == leaves(lambda: saved_as_xml(one, action=action))
    if taken:
        (read,) = READING.reports(saved(one, action=action))
        assert read == report_of(one, CREDIT, action, CompletedForm.NOON)
