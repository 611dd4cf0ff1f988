"""The simulator held against ACCME's own OpenAPI file, where a copy of it is at hand.

Nothing of it is kept here. In memory its dead references are pointed to where they meant, and the
schema they lead to gets its one missing comma; nothing else is mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded

from consumer.pars.contract import UniqueIDForm
from consumer.pars.simulator import running
from tests.fakes import FakeClock
from tests.unit.pars.samples import GOLDEN, PASSWORD, REPOSITORY, simulator

PUBLISHED = REPOSITORY.parent / "shared" / "reference" / "accme"
SCHEMA = PUBLISHED / "accme-pars-learner-reports.schema_v0_5.json"
API = PUBLISHED / "accme-learner_activity_api.yaml"
pytestmark = pytest.mark.skipif(
    not (SCHEMA.is_file() and API.is_file()), reason="no copy of ACCME's files beside the checkout"
)
COMMA_AT = 11_929  # in bytes
DEAD = (
    "https://raw.githubusercontent.com/elliottACCME/tempSchema/main/"
    "accme-pars-learner-reports.schema_v0_4.json"
)
WHO = {"ProviderId": "0009999", "User": "reporter", "Password": PASSWORD}
# What a client meets though ACCME's file does not say so: docs/pars-json.md.
BESIDES = {400, 401, 405, 409, 415}
CHECKS = ("not_a_server_error", "content_type_conformance", "response_schema_conformance")
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
LEARNER = "/learner-activities/{learnerId}"
OPERATIONS = [
    *(("/learner-activities", "POST", mode) for mode in ("positive", "negative")),
    *(("/learner-activities/status", "GET", mode) for mode in ("positive", "negative")),
    # Any text is a learner's ID: there is nothing to get wrong.
    (LEARNER, "GET", "positive"),
    (LEARNER, "DELETE", "positive"),
]


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    """ACCME's description with the document's schema where its references point."""
    text = SCHEMA.read_bytes()
    schema = orjson.loads(text[:COMMA_AT] + b"," + text[COMMA_AT:])
    described = mended(yaml.safe_load(API.read_text(encoding="utf-8")), schema)
    described["components"] = {"schemas": {"LearnerReports": bare(schema)}}
    return described


def mended(node: Any, schema: dict[str, Any]) -> Any:
    """The same with each dead reference replaced by what it meant."""
    if isinstance(node, list):
        return [mended(one, schema) for one in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "")
    if reference == DEAD:
        return {"$ref": "#/components/schemas/LearnerReports"}
    if reference.startswith(DEAD):
        return meant(schema, reference.partition("#/")[2].split("/"))
    return {name: mended(one, schema) for name, one in node.items()}


def meant(schema: dict[str, Any], names: list[str]) -> Any:
    """What stands at the end of the path; a name that stands one level higher is found there."""
    above, here = schema, schema
    for name in names:
        found = below(here, name) or below(above, name)
        assert found is not None, name
        above, here = here, found
    return here


def below(schema: dict[str, Any], name: str) -> dict[str, Any] | None:
    inner = schema.get("items", schema)
    found: dict[str, Any] | None = inner.get("properties", {}).get(name)
    return found


def bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if not name.startswith("$")}


@pytest.fixture
def pars() -> Iterator[httpx.Client]:
    """A caller of a PARS that takes UniqueID as ACCME's file declares it: one object."""
    wanting = simulator(FakeClock(), unique_id_form=UniqueIDForm.OBJECT)
    with running(wanting) as url, httpx.Client(base_url=url, headers=WHO) as caller:
        yield caller


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_the_simulator_answers_within_accme_s_description(
    api: dict[str, Any], pars: httpx.Client, path: str, method: str, mode: str
) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS.get_by_names(CHECKS)
    cases = schemathesis.openapi.from_dict(api)[path][method].as_strategy(
        schemathesis.GenerationMode(mode)
    )
    declared = {int(status) for status in api["paths"][path][method.lower()]["responses"]}
    met: set[int] = set()

    @bounded(
        max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=SLOW
    )
    @given(case=cases)
    def walk(case: Any) -> None:
        answer = case.call(base_url=str(pars.base_url), headers=WHO)
        met.add(answer.status_code)
        if answer.status_code in declared:
            case.validate_response(answer, checks=checks, headers=WHO)

    walk()
    assert met
    assert met <= declared | BESIDES


def test_a_report_is_taken_and_its_answer_fits_but_for_the_board_s_word(
    api: dict[str, Any], pars: httpx.Client
) -> None:
    document = (GOLDEN / "unique-id-object.json").read_bytes()
    saved = pars.post(
        "/learner-activities", content=document, headers={"Content-Type": "application/json"}
    )
    assert (saved.status_code, complaints(api, saved.json(), "post", "201")) == (201, [])
    credit = orjson.loads(document)["ACCMELearnerReports"]["ActivityReports"]["ActivityReport"][0]
    (certificate,) = credit["Activity"]["Module"]["CreditCertificate"]
    found = pars.get("/learner-activities/status", params={"CreditId": certificate["CreditID"]})
    assert found.status_code == 200
    # ACCME's file has no place for a decision, nor the list that it describes (docs/pars-json.md).
    broken = {"0/Status: enum", "0/UniqueID: type"}
    assert {*complaints(api, found.json(), "get", "200")} <= broken


def complaints(api: dict[str, Any], answer: object, method: str, status: str) -> list[str]:
    path = "/learner-activities" + ("/status" if method == "get" else "")
    said = api["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    judge = jsonschema_rs.validator_for(said | {"components": api["components"]}, offline=True)
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.kind.name}"
        for error in judge.iter_errors(answer)
    ]
