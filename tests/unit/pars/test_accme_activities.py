"""Our schema of activities against ACCME's, where a copy of it is at hand; see test_accme.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import orjson
import pytest

from consumer.pars.jsonschema import ACTIVITIES
from tests.unit.pars.activities import activity, document
from tests.unit.pars.samples import REPOSITORY, SCHEMAS

PUBLISHED = REPOSITORY.parent / "shared" / "reference" / "accme"
SCHEMA = PUBLISHED / "accme-pars-activity.schema_v0_1_2.json"
pytestmark = pytest.mark.skipif(
    not SCHEMA.is_file(), reason="no copy of ACCME's files beside the checkout"
)
EACH = ("ACCMEActivities", "MedicalEducationMetrics", "[]")


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads(SCHEMA.read_bytes())
    return schema


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads((SCHEMAS / "pars" / ACTIVITIES).read_bytes())
    return schema


def at(schema: dict[str, Any], *names: str) -> Any:
    for name in names:
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema


def mended(theirs: dict[str, Any]) -> dict[str, Any]:
    """Their schema with both nested `required` lists where they belong, in memory only."""
    schema: dict[str, Any] = orjson.loads(orjson.dumps(theirs))
    for place in (schema, at(schema, *EACH, "XtensibleInfo", "REMS"), at(schema, EACH[0])):
        if isinstance(place["properties"].get("required"), list):
            place["required"] = place["properties"].pop("required")
    return schema


def members(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every member that a schema describes, by its path."""
    for name, below in schema.get("properties", {}).items():
        if isinstance(below, dict):
            yield f"{path}/{name}"
            yield from members(below, f"{path}/{name}")
    if isinstance(schema.get("items"), dict):
        yield from members(schema["items"], path)


def enumerations(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, set[str]]]:
    if "enum" in schema:
        yield path, {*schema["enum"]}
    for name, below in schema.get("properties", {}).items():
        if isinstance(below, dict):
            yield from enumerations(below, f"{path}/{name}")
    if isinstance(schema.get("items"), dict):
        yield from enumerations(schema["items"], path)


# ------------------------------------------------------------------ ours beside theirs


def test_both_describe_the_same_members_but_for_those_we_mended(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    each = "/ACCMEActivities/MedicalEducationMetrics"
    category = f"{each}/ParticipationMetrics/participantsByCategory"
    # `numberOfParticipants` has slipped beside `properties`, out of reach of every validator.
    assert {*members(theirs)} ^ {*members(ours)} == {
        f"{each}/XtensibleInfo/isInterprofessional ",
        f"{each}/XtensibleInfo/isInterprofessional",
        f"{category}/numberOfParticipants",
    }


def test_both_know_the_same_values_but_for_those_we_widened(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    known, published = dict(enumerations(ours)), dict(enumerations(theirs))
    different = {
        path.rpartition("/")[2] for path in published if known.get(path) != published[path]
    }
    assert different == {"FeeForParticipation", "boardName"}
    fees = next(path for path in known if path.endswith("FeeForParticipation"))
    assert known[fees] - published[fees] == {"No, it's free"}


def test_our_documents_satisfy_theirs(theirs: dict[str, Any]) -> None:
    judge = jsonschema_rs.validator_for(mended(theirs), offline=True)
    for one in (activity(), activity(pars_id="202612345", action="Update")):
        assert [error.message for error in judge.iter_errors(document(one))] == []


def test_ours_refuses_whatever_theirs_refuses_of_these(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    published = jsonschema_rs.validator_for(mended(theirs), offline=True)
    written = jsonschema_rs.validator_for(ours, offline=True, validate_formats=True)
    for place, name, value in [
        ("XtensibleInfo", "activityRecordAction", "Replace"),
        ("XtensibleInfo", "FeeForParticipation", "Maybe"),
        ("ReportDescription", "ReportingEndDate", 2026),
        ("Lom", "general", {"title": "only"}),
        ("healthcareMetadata", "healthcareEducation", {}),
    ]:
        one = activity()
        one[place][name] = value
        assert not published.is_valid(document(one))
        assert not written.is_valid(document(one))


# ------------------------------------------------------------------ its defects, still there


def test_it_is_no_legal_json_schema(theirs: dict[str, Any]) -> None:
    assert isinstance(theirs["properties"]["required"], list)
    rems = at(theirs, *EACH, "XtensibleInfo", "REMS")
    assert isinstance(rems["properties"]["required"], list)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.meta.validate(theirs)


def test_it_requires_on_the_list_and_by_another_name_what_belongs_to_an_activity(
    theirs: dict[str, Any],
) -> None:
    metrics = at(theirs, *EACH[:2])
    assert (metrics["type"], "required" in metrics["items"]) == ("array", False)
    assert "participationMetrics" in metrics["required"]
    assert "ParticipationMetrics" in metrics["items"]["properties"]


def test_participants_by_category_is_out_of_joint(theirs: dict[str, Any]) -> None:
    category = at(theirs, *EACH, "ParticipationMetrics", "participantsByCategory")
    assert "numberOfParticipants" in category["items"]
    assert "required" in category
    values = category["items"]["properties"]["category"]["enum"]
    assert values.count("physician") == 2


def test_a_value_has_a_typographic_apostrophe(theirs: dict[str, Any]) -> None:
    fees = at(theirs, *EACH, "XtensibleInfo", "FeeForParticipation")["enum"]
    assert "No, it\u2019s free" in fees


def test_boards_are_a_closed_list_there(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    place = (*EACH, "XtensibleInfo", "MOCRegistrations", "MOCRegistration", "[]", "boardName")
    assert len(at(theirs, *place)["enum"]) == 8
    assert at(ours, *place) == {"$ref": "#/$defs/Board"}


def test_an_empty_activity_satisfies_it(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert jsonschema_rs.validator_for(mended(theirs), offline=True).is_valid(document({}))
    assert not jsonschema_rs.validator_for(ours, offline=True).is_valid(document({}))
