"""PARS in JSON: what is sent, what is believed of the answers, and the simulator's contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded

from consumer.fate import Absent, Done, Found, Retry, StatusFate, StopLine, Unclear, Verdict
from consumer.pars.contract import Transport, UniqueIDForm
from consumer.pars.port import Action, Reply
from consumer.pars.simulator import Policy, running
from consumer.pars.verdicts import fate_of_save, fate_of_status
from consumer.parts import Parts, pars_profile
from consumer.settings import load_settings
from tests.fakes import MORNING, FakeClock
from tests.unit.pars.samples import ADA, CREDIT, PASSWORD, record, simulator
from tests.unit.pars.scripted import (
    DOCUMENTS,
    JSON_DOCUMENTS,
    JSON_TYPE,
    TRUST,
    answering,
    client,
    listening,
    save_to,
    server,
    status_from,
)
from tests.unit.pars.telling import Ask, by_learner, status, taken

TAKEN = taken(Transport.JSON)
CREATED = MORNING.replace(tzinfo=None) - timedelta(hours=6)
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
WHO = {"ProviderId": "0009999", "User": "reporter", "Password": PASSWORD}


# ------------------------------------------------------------------ what is sent


def asked_by(ask: Ask, **changes: Any) -> tuple[list[str], dict[str, str], bytes]:
    """Method and address, the headers by their names in small letters, and the body."""
    heard: list[bytes] = []
    with server(listening(heard)) as raw, client(raw.url, Transport.JSON, **changes) as pars:
        ask(pars)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    line, *lines = head.decode().splitlines()
    sent = (one.split(": ", 1) for one in lines)
    return line.split(" ")[:2], {name.lower(): value for name, value in sent}, body


@pytest.mark.parametrize("action", Action)
def test_adding_and_withdrawing_are_posts_of_the_document(action: Action) -> None:
    line, headers, body = asked_by(lambda pars: pars.save(ADA, CREDIT, action))
    assert line == ["POST", "/learner-activities"]
    assert (headers["content-type"], headers["accept"]) == (JSON_TYPE, JSON_TYPE)
    assert {name: headers[name.lower()] for name in WHO} == WHO
    assert body == JSON_DOCUMENTS.save(ADA, CREDIT, action, CREATED)


def test_a_credit_is_asked_about_by_its_id_alone() -> None:
    (method, address), headers, body = asked_by(status)
    path, _, query = address.partition("?")
    assert (method, path, body) == ("GET", "/learner-activities/status", b"")
    assert parse_qsl(query) == [("CreditId", CREDIT)]
    assert "content-type" not in headers


def test_a_learner_is_asked_about_by_four_fields_together() -> None:
    (method, address), _, _ = asked_by(by_learner)
    path, _, query = address.partition("?")
    assert (method, path) == ("GET", "/learner-activities/status")
    assert parse_qsl(query) == [
        ("moduleID", "202612345"),
        ("BirthDate", "1971-09-10"),
        ("CompletionDate", "2026-05-14"),
        ("UniqueID", "099999"),
    ]


def test_one_object_holds_the_board_s_number_alone() -> None:
    one = record(npi="1234567893")
    as_object = {"unique_id_form": UniqueIDForm.OBJECT}
    _, _, body = asked_by(lambda pars: pars.save(one, CREDIT, Action.ADD), **as_object)
    (report,) = orjson.loads(body)["ACCMELearnerReports"]["ActivityReports"]["ActivityReport"]
    (certificate,) = report["Activity"]["Module"]["CreditCertificate"]
    assert certificate["UniqueID"] == {"value": "099999", "domain": "ABIM"}


def test_a_match_is_not_supported_and_not_sent() -> None:
    heard: list[bytes] = []
    with server(listening(heard)) as raw, client(raw.url, Transport.JSON) as pars:
        assert pars.match(ADA) == Reply(code="not_supported")
        assert raw.connections == 0


@pytest.mark.parametrize("transport", Transport)
def test_the_service_reports_in_the_language_its_profile_chose(transport: Transport) -> None:
    with running(simulator(FakeClock())) as url:
        main = {"provider_id": "0009999", "name": "Example", "domain": "example.org", "url": url}
        main |= {"user": "reporter", "password": PASSWORD, "transport": transport.value}
        settings = load_settings(None, profiles={"main": main})
        profiles = {"main": pars_profile("main", settings.profiles["main"], settings)}
        nothing: Any = None  # neither mappings nor tables have a say in sending
        parts = Parts(settings, FakeClock(), nothing, nothing, profiles, DOCUMENTS)
        with closing(parts.pars("main")) as pars:
            assert fate_of_save(pars.save(ADA, CREDIT, Action.ADD)) == Done()
            matched = pars.match(ADA).code
    assert matched == {Transport.XML: "Match", Transport.JSON: "not_supported"}[transport]


# ------------------------------------------------------------------ what is believed


def twice(document: bytes) -> bytes:
    """The same, but that one name stands there twice."""
    return document.replace(b'"CreditID":', b'"CreditID": "ccid:a:b", "CreditID":')


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", TAKEN),
        ("application/xml", TAKEN),
        ("application/jsonp", TAKEN),
        ("", TAKEN),
        ("application/json; charset=iso-8859-1", TAKEN),
        (JSON_TYPE, b""),
        (JSON_TYPE, b"null"),
        (JSON_TYPE, b"{}"),
        (JSON_TYPE, b"[]"),
        (JSON_TYPE, b"\0\1\2\xff"),
        (JSON_TYPE, b"<html><body>Welcome"),
        (JSON_TYPE, TAKEN[:-9]),
        (JSON_TYPE, TAKEN + TAKEN),
        (JSON_TYPE, b"\xef\xbb\xbf" + TAKEN),
        (JSON_TYPE, TAKEN.decode().encode("utf-16")),
        (JSON_TYPE, TAKEN.replace(b"Ada", b"\xe9")),
        (JSON_TYPE, twice(TAKEN)),
        (JSON_TYPE, TAKEN.replace(b"1.5", b"NaN")),
        (JSON_TYPE, TAKEN.replace(b'"Ada"', b"[" * 3000 + b"]" * 3000)),
        (JSON_TYPE, taken(Transport.JSON, CREDIT[:-1] + "2")),
        (JSON_TYPE, TAKEN.replace(f'"{CREDIT}"'.encode(), b"7")),
        (JSON_TYPE, b'{"code": 200, "message": "fine"}'),
    ],
)
def test_a_success_that_is_not_understood_leads_to_asking(content_type: str, body: bytes) -> None:
    reply = save_to(answering("201 Created", body, Content_Type=content_type), Transport.JSON)
    assert (reply.status, reply.understood, reply.raw) == (201, False, body)
    assert isinstance(fate_of_save(reply), Unclear)


@pytest.mark.parametrize(
    "charset", ["", "; charset=utf-8", '; charset="UTF-8"', "; charset=US-ASCII"]
)
@pytest.mark.parametrize("status_line", ["200 OK", "201 Created"])
def test_json_in_utf_8_is_understood(status_line: str, charset: str) -> None:
    answer = answering(status_line, TAKEN, Content_Type="Application/JSON" + charset)
    assert fate_of_save(save_to(answer, Transport.JSON)) == Done()


def test_a_success_may_say_more_than_we_know() -> None:
    body = TAKEN.replace(b'"Status": "Completed"', b'"Status": "Completed", "New": [1]')
    reply = save_to(answering("201 Created", body, Content_Type=JSON_TYPE), Transport.JSON)
    assert fate_of_save(reply) == Done()


@pytest.mark.parametrize(
    ("body", "code", "message", "understood"),
    [
        (b'{"code": 400, "message": " No match "}', "400", "No match", True),
        (b'{"code": "E7", "message": "No match"}', "E7", "No match", True),
        (b'{"title": "Bad", "errors": {"x": ["No\\nmatch"]}}', "", "Bad No match", False),
        (b'["No match"]', "", "No match", False),
        (b'{"code": 400, "message": "a", "message": "b"}', "", "", False),
        (b"No match", "", "", False),
    ],
)
def test_what_a_refusal_says_reaches_the_table(
    body: bytes, code: str, message: str, understood: bool
) -> None:
    reply = save_to(answering("400 Bad", body, Content_Type=JSON_TYPE), Transport.JSON)
    assert (reply.code, reply.message, reply.understood) == (code, message, understood)


def test_a_message_is_bounded() -> None:
    body = orjson.dumps({"code": 400, "message": "x" * 100_000})
    reply = save_to(answering("400 Bad", body, Content_Type=JSON_TYPE), Transport.JSON)
    assert (len(reply.message), reply.raw) == (2000, body)


@pytest.mark.parametrize(
    ("body", "fate"),
    [
        (b"", Absent),
        (b"  \r\n", Absent),
        (b'{"code": 404, "message": "Learner status not found."}', Absent),
        (b"<html><title>404</title></html>", StopLine),
        (b'{"statusCode": 404, "message": "Resource not found"}', StopLine),
        (b"[]", StopLine),
    ],
)
def test_a_404_counts_as_absent_only_in_pars_s_own_words(
    body: bytes, fate: type[StatusFate]
) -> None:
    answer = answering("404 Not Found", body, Content_Type=JSON_TYPE)
    reply = status_from(answer, Transport.JSON)
    assert isinstance(fate_of_status(reply, CREDIT), fate)


# In the form of ACCME's own example of a status answer, which does not say which credit it means.
NUMBER = {"value": "000000", "domain": "ABIM"}
EXAMPLE = {
    "moduleID": "987654321",
    "CompletedDateTime": "2024-05-01T10:30:00Z",
    "UniqueID": [NUMBER],
    "Status": "Completed",
}


@pytest.mark.parametrize(
    ("found", "fate"),
    [
        ([EXAMPLE | {"CreditID": CREDIT}], Found(Verdict.PENDING)),
        ([EXAMPLE | {"CreditID": CREDIT, "UniqueID": NUMBER}], Found(Verdict.PENDING)),
        ([{"CreditID": CREDIT, "Status": "Accepted", "Reason": None}], Found(Verdict.ACCEPTED)),
        ([{"CreditID": CREDIT, "Status": "Accepted", "Board": "ABIM"}], Found(Verdict.ACCEPTED)),
        ([EXAMPLE], "answer_not_understood"),
        ([{"CreditID": CREDIT}], "answer_not_understood"),
        ([{"CreditID": CREDIT, "Status": None}], "answer_not_understood"),
        ([{"CreditID": CREDIT, "Status": "Accepted", "BirthDate": 3}], "answer_not_understood"),
        ({"CreditID": CREDIT, "Status": "Accepted"}, "answer_not_understood"),
        ([{"CreditID": CREDIT + "0", "Status": "Accepted"}], "answer_about_another_credit"),
        ([], Absent()),
    ],
)
def test_a_status_is_believed_when_it_says_which_credit(found: Any, fate: Any) -> None:
    answer = answering("200 OK", orjson.dumps(found), Content_Type=JSON_TYPE)
    read = fate_of_status(status_from(answer, Transport.JSON), CREDIT)
    assert (read.reason.code if isinstance(read, Retry) else read) == fate


# ------------------------------------------------------------------ the simulator's own contract


@pytest.fixture
def pars() -> Iterator[httpx.Client]:
    """A caller with the right credentials, without any client of ours."""
    with (
        running(simulator(FakeClock(), duplicate=Policy.REFUSAL)) as url,
        httpx.Client(base_url=url, headers=WHO, verify=TRUST) as caller,
    ):
        yield caller


def post(pars: httpx.Client, body: bytes, content_type: str = JSON_TYPE) -> httpx.Response:
    return pars.post("/learner-activities", content=body, headers={"Content-Type": content_type})


def ask(pars: httpx.Client, **query: str) -> httpx.Response:
    return pars.get("/learner-activities/status", params=query)


FOUR = {
    "moduleID": "202612345",
    "BirthDate": "09-10",
    "CompletionDate": "2026-05-14",
    "UniqueID": "099999",
}


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the message of an answer in the shape of a problem."""
    said = answer.json()
    assert sorted(said) == ["code", "message"]
    assert said["code"] == answer.status_code
    assert answer.headers["content-type"] == JSON_TYPE
    return answer.status_code, said["message"]


def test_a_report_comes_back_and_is_found_both_ways(pars: httpx.Client) -> None:
    saved = post(pars, TAKEN)
    assert (saved.status_code, saved.content) == (201, TAKEN)
    by_credit = ask(pars, CreditId=CREDIT).json()
    assert by_credit == [
        {
            "moduleID": "202612345",
            "BirthDate": "1971-09-10",
            "CompletedDateTime": "2026-05-14T12:00:00",
            "CreditID": CREDIT,
            "UniqueID": [{"value": "099999", "domain": "ABIM"}],
            "Status": "Accepted",
        }
    ]
    assert ask(pars, **FOUR).json() == by_credit
    assert problem(ask(pars, **FOUR | {"UniqueID": "000123"}))[0] == 404


def test_a_rejection_brings_the_board_s_reason(pars: httpx.Client) -> None:
    stray = TAKEN.replace(b'"099999"', b'"000456"').replace(b'"Example"', b'"Stray"')
    post(pars, stray.replace(b"1971-09-10", b"1980-01-02"))
    (found,) = ask(pars, CreditId=CREDIT).json()
    assert (found["Status"], found["Reason"]) == ("Rejected", "Name does not match roster")


def test_every_refusal_has_its_status(pars: httpx.Client) -> None:
    unknown = TAKEN.replace(b"202612345", b"202699999")
    assert problem(post(pars, unknown)) == (400, "Activity does not exist")
    assert problem(post(pars, b"{}"))[0] == 400
    assert problem(post(pars, twice(TAKEN)))[0] == 400
    assert problem(post(pars, TAKEN.replace(b"T12:", b"T00:")))[0] == 400
    assert problem(post(pars, TAKEN.replace(b"2026-05-14", b"2026-02-31")))[0] == 400
    assert problem(post(pars, TAKEN, "text/plain"))[0] == 415
    assert problem(ask(pars, CreditId=CREDIT))[0] == 404
    assert post(pars, TAKEN).status_code == 201
    assert problem(post(pars, TAKEN)) == (409, "Record already exists")
    for wrong in ({"User": "other"}, {"Password": ""}):
        assert problem(pars.get("/learner-activities/status", headers=wrong))[0] == 401


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"CreditID": CREDIT},
        {"CreditId": CREDIT, **FOUR},
        {"CreditId": "7f3c"},
        {"CreditId": [CREDIT, CREDIT]},
        {name: value for name, value in FOUR.items() if name != "BirthDate"},
        FOUR | {"CompletionDate": "2026-02-30"},
        FOUR | {"BirthDate": "9/10"},
        FOUR | {"UniqueID": ""},
    ],
)
def test_a_question_is_by_credit_or_by_four_fields(pars: httpx.Client, query: Any) -> None:
    assert problem(pars.get("/learner-activities/status", params=query))[0] == 400


def test_nothing_can_be_done_to_a_learner(pars: httpx.Client) -> None:
    assert post(pars, TAKEN).status_code == 201
    assert pars.get("/learner-activities/099999").status_code == 404
    assert pars.delete("/learner-activities/099999").status_code == 404
    assert pars.delete("/learner-activities/status").status_code == 405
    assert ask(pars, CreditId=CREDIT).status_code == 200


def test_unique_id_may_be_wanted_as_one_object() -> None:
    wanting = simulator(FakeClock(), unique_id_form=UniqueIDForm.OBJECT)
    with running(wanting) as url, client(url, Transport.JSON) as in_a_list:
        assert in_a_list.save(ADA, CREDIT, Action.ADD).status == 400
        with client(url, Transport.JSON, unique_id_form=UniqueIDForm.OBJECT) as as_object:
            assert fate_of_save(as_object.save(ADA, CREDIT, Action.ADD)) == Done()
            assert [one.credit_id for one in as_object.status_by_learner(ADA).credits] == [CREDIT]


def test_its_description_is_whole_and_says_what_it_takes(pars: httpx.Client) -> None:
    api = pars.get("/_openapi.json").json()
    assert api["openapi"] == "3.1.0"
    assert set(api["paths"]) == {"/learner-activities", "/learner-activities/status", "/_upload"}
    assert ".schema.json" not in orjson.dumps(api).decode()
    report = {"$ref": "#/components/schemas/LearnerReports", "components": api["components"]}
    judge = jsonschema_rs.validator_for(report, offline=True, validate_formats=True)
    assert judge.is_valid(orjson.loads(TAKEN))
    assert not judge.is_valid(orjson.loads(TAKEN.replace(b"0009999", b"9999")))


# What an answer must keep to; that a good document may break a rule of PARS is no fault.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("path", ["/learner-activities", "/learner-activities/status", "/_upload"])
def test_the_simulator_keeps_to_its_description(pars: httpx.Client, path: str, mode: str) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schemathesis.checks.load_all_checks()
    checks = schemathesis.checks.CHECKS.get_by_names(CHECKS)
    described = schemathesis.openapi.from_dict(pars.get("/_openapi.json").json())
    method = "GET" if path.endswith("status") else "POST"
    cases = described[path][method].as_strategy(schemathesis.GenerationMode(mode))
    met: set[int] = set()

    @bounded(
        max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=SLOW
    )
    @given(case=cases)
    def walk(case: Any) -> None:
        answer = case.call(base_url=str(pars.base_url), headers=WHO)
        met.add(answer.status_code)
        case.validate_response(answer, checks=checks, headers=WHO)

    walk()
    assert met <= {400, 401, 404}
    assert 400 in met or mode == "positive"
