"""Our documents against ACCME's published schema, where a copy of it is at hand.

Nothing of it is kept in this repository: it has no licence, and it is mended in memory only, by
the one missing comma.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import orjson
import pytest
import yaml

from consumer.pars.jsonschema import REPORTS
from tests.unit.pars.samples import GOLDEN, REPOSITORY, SCHEMAS

PUBLISHED = REPOSITORY.parent / "shared" / "reference" / "accme"
SCHEMA = PUBLISHED / "accme-pars-learner-reports.schema_v0_5.json"
API = PUBLISHED / "accme-learner_activity_api.yaml"
pytestmark = pytest.mark.skipif(
    not (SCHEMA.is_file() and API.is_file()), reason="no copy of ACCME's files beside the checkout"
)
COMMA_AT = 11_929  # in bytes
UNIQUE_ID = re.compile(r"CreditCertificate/\d+/UniqueID$")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """ACCME's schema with its comma."""
    text = SCHEMA.read_bytes()
    mended: dict[str, Any] = orjson.loads(text[:COMMA_AT] + b"," + text[COMMA_AT:])
    return mended


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(API.read_text(encoding="utf-8"))
    return described


def complaints(schema: dict[str, Any], document: object, formats: bool = False) -> list[str]:
    judge = jsonschema_rs.validator_for(schema, offline=True, validate_formats=formats)
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.kind.name}"
        for error in judge.iter_errors(document)
    ]


def golden(name: str) -> Any:
    return orjson.loads((GOLDEN / name).read_bytes())


def at(schema: dict[str, Any], *names: str) -> Any:
    """What stands below, through `properties` and `items`."""
    for name in names:
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema


REPORT = ("ACCMELearnerReports", "ActivityReports", "ActivityReport", "[]")
CERTIFICATE = (*REPORT, "Activity", "Module", "CreditCertificate", "[]")


# ------------------------------------------------------------------ our documents


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.name)
def test_our_documents_satisfy_it_but_for_unique_id(schema: dict[str, Any], path: Any) -> None:
    found = complaints(schema, golden(path.name))
    place, _, keyword = (found or ["UniqueID: type"])[0].rpartition(": ")
    assert (len(found) <= 1, keyword) == (True, "type")
    assert not found or UNIQUE_ID.search(place)
    as_object = path.name == "unique-id-object.json"
    assert bool(found) is not as_object


def test_our_documents_satisfy_it_once_unique_id_is_the_list_it_describes(
    schema: dict[str, Any],
) -> None:
    mended = orjson.loads(orjson.dumps(schema))
    at(mended, *CERTIFICATE, "UniqueID")["type"] = "array"
    for path in GOLDEN.glob("*.json"):
        if path.name != "unique-id-object.json":
            assert complaints(mended, golden(path.name)) == []


def test_our_schema_refuses_whatever_it_refuses_of_these(schema: dict[str, Any]) -> None:
    ours = orjson.loads((SCHEMAS / "pars" / REPORTS).read_bytes())
    spoilt: dict[str, Any] = {"Status": "Begun", "CompletedDateTime": 5, "CreditCertificate": []}
    for spoil in spoilt.items():
        document = golden("add.json")
        module = document[REPORT[0]][REPORT[1]][REPORT[2]][0]["Activity"]["Module"]
        module |= dict([spoil])
        assert complaints(schema, document)
        assert complaints(ours, document)


# ------------------------------------------------------------------ its defects, still there


def test_a_comma_is_missing() -> None:
    with pytest.raises(orjson.JSONDecodeError) as broken:
        orjson.loads(SCHEMA.read_bytes())
    assert (broken.value.lineno, broken.value.colno) == (343, 12)


def test_unique_id_is_an_object_described_as_a_list(schema: dict[str, Any]) -> None:
    declared = at(schema, *CERTIFICATE, "UniqueID")
    assert (declared["type"], "items" in declared) == ("object", True)


@pytest.mark.parametrize("place", ["DateTimeCreated", "CompletedDateTime"])
def test_dates_as_described_do_not_satisfy_their_format(schema: dict[str, Any], place: str) -> None:
    found = complaints(schema, golden("add.json"), formats=True)
    assert any(one.endswith(f"{place}: format") for one in found)


def test_a_birth_date_needs_its_year(schema: dict[str, Any], api: dict[str, Any]) -> None:
    declared = at(schema, *REPORT, "Member", "PersonalInfo", "BirthDate")
    assert declared["pattern"] == r"^(\d{4}-\d{2}-\d{2})$"
    asked = api["paths"]["/learner-activities/status"]["get"]["parameters"]
    (described,) = (one["description"] for one in asked if one["name"] == "BirthDate")
    assert "MM-DD" in described


def test_nothing_is_required_at_the_top(schema: dict[str, Any]) -> None:
    assert complaints(schema, {}) == []


def test_unknown_names_pass_in_most_places(schema: dict[str, Any]) -> None:
    document = golden("unique-id-object.json")
    report = document[REPORT[0]][REPORT[1]][REPORT[2]][0]
    module = report["Activity"]["Module"]
    places = (report["Member"], report["Activity"], module, report["XtensibleInfo"])
    for place in (*places, module["CreditCertificate"][0]):
        place["Misspelt"] = 1
    assert complaints(schema, document) == []


def test_numbers_and_points_are_not_held_to_their_description(schema: dict[str, Any]) -> None:
    document = golden("unique-id-object.json")
    activity = document[REPORT[0]][REPORT[1]][REPORT[2]][0]["Activity"]
    activity["ProviderOrganization"], activity["Module"]["ModuleName"]["moduleID"] = "1", "x"
    activity["Module"]["CreditCertificate"][0]["CreditReceived"]["numberOfCredits"] = -1.25
    activity["Module"]["CreditCertificate"][0]["CreditID"] = "ccid: : "
    assert complaints(schema, document) == []


def test_its_name_is_an_example_and_says_no_version(schema: dict[str, Any]) -> None:
    assert "example.org" in schema["$id"]
    assert not re.search(r"\d", schema["title"])


def test_the_api_refers_to_a_version_that_is_gone() -> None:
    references = set(re.findall(r"schema_v\d_\d", API.read_text(encoding="utf-8")))
    assert references == {"schema_v0_4"}
    assert "schema_v0_5" in SCHEMA.name


def test_the_status_answer_can_say_nothing_but_completed(
    api: dict[str, Any], schema: dict[str, Any]
) -> None:
    answer = api["paths"]["/learner-activities/status"]["get"]["responses"]["200"]
    item = answer["content"]["application/json"]["schema"]["items"]
    assert item["properties"]["Status"]["$ref"].endswith("Module/Status")
    assert "properties" not in item["properties"]["Status"]["$ref"].partition("#")[2]
    assert at(schema, *REPORT, "Activity", "Module", "Status")["enum"] == ["Completed"]
    assert "Reason" not in item["properties"]
    assert "required" not in item


def test_the_api_knows_neither_security_nor_servers_nor_errors(api: dict[str, Any]) -> None:
    assert not {"security", "servers"} & set(api)
    answers = [
        (status, answer)
        for path in api["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
    ]
    assert {status for status, _ in answers} == {"200", "201", "204", "400", "404"}
    assert all("content" not in answer for status, answer in answers if status >= "400")


def test_the_api_has_no_learner_match_and_names_a_learner_where_a_record_is_meant(
    api: dict[str, Any],
) -> None:
    assert "matching" in api["info"]["description"]
    assert not any("match" in path for path in api["paths"])
    described = api["paths"]["/learner-activities/{learnerId}"]["delete"]["parameters"][0]
    assert (
        "Member.UniqueID"
        in api["paths"]["/learner-activities/{learnerId}"]["get"]["parameters"][0]["description"]
    )
    assert described["name"] == "learnerId"


def test_the_question_says_credit_id_two_ways(api: dict[str, Any]) -> None:
    asked = api["paths"]["/learner-activities/status"]["get"]
    assert "**CreditID**" in asked["description"]
    assert "CreditId" in [one["name"] for one in asked["parameters"]]
