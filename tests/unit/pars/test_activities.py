"""Activity documents: our schema, XML that says the same as JSON, and PARS's answers about them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.fate import Absent, Answered, Done, QuestionFate, Retry, StopLine, Unclear
from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.activityxml import rendered
from consumer.pars.contract import Transport
from consumer.pars.element import Unreadable, parse
from consumer.pars.port import ActivityNumber, Reply
from consumer.pars.registered import (
    EACH,
    OWN_ID,
    PARS_ID,
    ROOT,
    Registered,
    Registration,
    gaps,
    pack,
    unpack,
)
from consumer.pars.verdicts import fate_of_question, fate_of_save
from consumer.reason import Stopped
from tests.unit.pars.activities import activity, document
from tests.unit.pars.samples import ADA, SCHEMAS, record
from tests.unit.pars.scripted import TYPES, Script, answering, client, listening, server

DOCUMENTS = ActivityDocuments(SCHEMAS)
NUMBER = ActivityNumber(PARS_ID, "202612345")
BOTH = pytest.mark.parametrize("transport", Transport)


def read_back(data: bytes) -> Any:
    return DOCUMENTS.read(parse(data, len(data)))


# ------------------------------------------------------------------ our schema


def everything() -> dict[str, Any]:
    """An activity with every member that the schema knows."""
    schema = orjson.loads((SCHEMAS / "pars" / "activities.schema.json").read_bytes())
    filled: dict[str, Any] = _filled(schema, schema["$defs"])
    return filled


_SAMPLES = {
    "Line": "A line",
    "ProviderID": "0009999",
    "Board": "ABIM",
    "State": "ME",
    "Day": "2026-02-28",
    "YearOrDay": "2026",
    "Moment": "2026-02-28T00:00:00",
}


def _filled(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _SAMPLES[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {n: _filled(s, definitions) for n, s in schema["properties"].items()}
        case "array":
            return [_filled(schema["items"], definitions)] * 2
        case "number":
            return Decimal("1.25")
        case "integer":
            return 3
        case "boolean":
            return True
    patterns = {"^[A-Z]{3}$": "USA", "^[0-9]{1,4}$": "12"}
    return patterns.get(schema["pattern"], "Any\ntext")


def test_a_document_with_everything_in_it_satisfies_it() -> None:
    assert DOCUMENTS.checked(everything())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ParticipationMetrics", None),
        ("XtensibleInfo/activityRecordAction", None),
        ("XtensibleInfo/activityRecordAction", "add"),
        ("XtensibleInfo/ProviderID", "9999"),
        ("XtensibleInfo/isInterprofessional ", True),
        ("XtensibleInfo/MOCRegistrations/MOCRegistration/0/mocPoints", 0),
        ("XtensibleInfo/MOCRegistrations/MOCRegistration/0/mocPoints", 1.3),
        ("XtensibleInfo/MOCRegistrations/MOCRegistration/0/boardName", "Abim"),
        ("XtensibleInfo/MOCRegistrations/MOCRegistration/0/MOCCreditType", []),
        ("XtensibleInfo/REMS", {"REMSType": "Mycophenolate"}),
        ("healthcareMetadata/healthcareEducation/startDateTime", "2026-02-28T00:00:00Z"),
        ("healthcareMetadata/healthcareEducation/startDateTime", "2026-02-28"),
        ("healthcareMetadata/healthcareEducation/credits/numberOfCredits", 0.3),
        ("ReportDescription/ReportingStartDate", "26"),
        ("ReportDescription/ReportingStartDate", "2026-02-30"),
        ("Lom/general/title", " "),
        ("Lom/general/description", "x" * 2501),
        ("Lom/general/identifier/0/catalog", "Activity"),
    ],
)
def test_what_is_wrong_is_refused(path: str, value: Any) -> None:
    one = activity()
    *above, last = path.split("/")
    place: Any = one
    for name in above:
        place = place[int(name) if name.isdigit() else name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(Stopped):
        DOCUMENTS.checked(document(one))


# ------------------------------------------------------------------ XML


def test_xml_says_the_same_as_json() -> None:
    assert read_back(rendered(everything())) == everything()
    assert read_back(rendered(everything(), "urn:example:mems")) == everything()


LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda text: bool(text.strip()) and not {"\ufffe", "\uffff"} & {*text}
)


@given(LINES, LINES, st.decimals("0.25", "99", places=2), st.booleans())
def test_whatever_its_texts_and_numbers_are(
    title: str, text: str, points: Decimal, public: bool
) -> None:
    one = activity(ForPublicList=public)
    one["Lom"]["general"] |= {"title": title, "description": text}
    one["XtensibleInfo"]["MOCRegistrations"]["MOCRegistration"][0]["mocPoints"] = points
    assert read_back(rendered(document(one))) == document(one)


def test_a_member_that_stands_twice_is_not_read() -> None:
    once = rendered(document(activity()))
    titles = b"<title>Heart Failure Update</title>"
    with pytest.raises(Unreadable, match="an element twice"):
        read_back(once.replace(titles, titles + titles))


@pytest.mark.parametrize("points", ["many", "NaN", "Infinity", ""])
def test_what_is_no_number_stays_text_for_the_schema_to_refuse(points: str) -> None:
    told = rendered(document(activity())).replace(
        b"<mocPoints>1.5<", f"<mocPoints>{points}<".encode()
    )
    one = read_back(told)[ROOT][EACH][0]
    moc = one["XtensibleInfo"]["MOCRegistrations"]["MOCRegistration"][0]
    assert moc["mocPoints"] == points
    with pytest.raises(Stopped):
        DOCUMENTS.checked(document(one))


def test_what_xml_cannot_hold_is_stopped_and_not_quoted() -> None:
    one = activity()
    one["Lom"]["general"]["title"] = "secret\x01"
    for transport in Transport:
        with server(answering("200 OK")) as raw, client(raw.url, transport) as pars:
            with pytest.raises(Stopped) as stopped:
                pars.register(document(one))
            assert raw.connections == 0
        assert "secret" not in str(stopped.value)


# ------------------------------------------------------------------ what is asked


@BOTH
@pytest.mark.parametrize("catalog", [PARS_ID, OWN_ID])
def test_an_activity_is_asked_for_by_either_number(transport: Transport, catalog: str) -> None:
    heard: list[bytes] = []
    number = ActivityNumber(catalog, "202612345" if catalog == PARS_ID else "HF & more")
    with server(listening(heard)) as raw, client(raw.url, transport) as pars:
        pars.activity(number)
    (asked,) = heard
    expected = {
        (Transport.XML, PARS_ID): b"<ActivityID>202612345</ActivityID>",
        (Transport.XML, OWN_ID): b"<ProviderActivityID>HF &amp; more</ProviderActivityID>",
        (Transport.JSON, PARS_ID): b"GET /activities/202612345 ",
        (Transport.JSON, OWN_ID): b"GET /activities?providerActivityId=HF%20%26%20more ",
    }
    assert expected[transport, catalog] in asked


def test_the_activity_service_may_stand_elsewhere() -> None:
    heard: list[bytes] = []
    with server(listening(heard)) as raw:
        url = f"{raw.url}/services/ACCMEActivityService.svc"
        with client("http://127.0.0.1:9", activity_url=url) as pars:
            pars.activity(NUMBER)
    assert heard[0].startswith(b"POST /services/ACCMEActivityService.svc/GetActivity ")


# ------------------------------------------------------------------ what is answered


def shown(transport: Transport, *activities: dict[str, Any]) -> bytes:
    value = document(*activities)
    return rendered(value) if transport is Transport.XML else orjson.dumps(value)


def asked(transport: Transport, script: Script, ask: Callable[[Any], Reply]) -> Reply:
    with server(script) as raw, client(raw.url, transport) as pars:
        return ask(pars)


def fate(transport: Transport, status: str, body: bytes) -> QuestionFate:
    script = answering(status, body, Content_Type=TYPES[transport])
    return fate_of_question(asked(transport, script, lambda pars: pars.activity(NUMBER)))


@BOTH
def test_a_registration_is_read_whatever_else_stands_there(transport: Transport) -> None:
    one = activity(pars_id="202612345", ProviderID="0009999") | {"Colour": {"of": "blue"}}
    script = answering("200 OK", shown(transport, one), Content_Type=TYPES[transport])
    reply = asked(transport, script, lambda pars: pars.activity(NUMBER))
    moc = Registration("ABIM", Decimal("1.5"), ("Medical Knowledge",))
    assert reply.activities == (Registered("202612345", "HF-2026", "0009999", (moc,)),)
    assert fate_of_question(reply) == Answered()


@BOTH
def test_what_is_not_understood_is_no_answer(transport: Transport) -> None:
    page = b"<html><body>Welcome</body></html>"
    numberless = activity()
    del numberless["Lom"]["general"]["identifier"]
    for body in (page, b"", b"{}", shown(transport, numberless)):
        assert isinstance(fate(transport, "200 OK", body), Retry)
    assert fate(transport, "404 Not Found", b"") == Absent()
    assert isinstance(fate(transport, "404 Not Found", page), StopLine)
    assert isinstance(fate(transport, "500 Fault", b""), Retry)


def saved(transport: Transport, body: bytes, sent: dict[str, Any]) -> Reply:
    status = "200 OK" if transport is Transport.XML else "201 Created"
    script = answering(status, body, Content_Type=TYPES[transport])
    return asked(transport, script, lambda pars: pars.register(document(sent)))


def test_only_a_success_about_this_activity_is_one() -> None:
    ours, others = activity(pars_id="202612345"), activity("OTHER", pars_id="202600009")
    answers = {
        Transport.JSON: [shown(Transport.JSON, one) for one in (ours, others)],
        Transport.XML: [
            b"<ActivityResponse><Result>Success</Result><ActivityID>%s</ActivityID>"
            b"</ActivityResponse>" % number
            for number in (b"202612345", b"202600009")
        ],
    }
    changed = activity(pars_id="202612345", action="Update")
    for transport, (good, bad) in answers.items():
        reply = saved(transport, good, changed)
        assert (fate_of_save(reply), reply.activities[0].activity_id) == (Done(), "202612345")
        for body in (bad, b"", shown(transport), b"<html/>"):
            reply = saved(transport, body, changed)
            assert isinstance(fate_of_save(reply), Unclear)
            assert reply.activities == ()


# ------------------------------------------------------------------ what it lacks


MOC = Registration("ABIM", Decimal("1.5"), ("medical  knowledge", "Patient Safety"))
HEART = Registered("202612345", "HF", "0009999", (MOC,))


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (HEART, []),
        (None, ["pars_activity_unknown"]),
        (Registered("202612345", "", "", (MOC,)), []),
        (Registered("202612345", "", "0001111", (MOC,)), ["pars_activity_anothers"]),
        (Registered("202612345"), ["pars_board_missing"]),
        (Registered("202612345", "", "", (Registration("ABIM", Decimal(2)),)), []),
        (
            Registered("1", "", "", (Registration("ABIM", Decimal(1), ("Patient Safety",)),)),
            ["pars_points_exceeded", "pars_type_missing"],
        ),
    ],
)
def test_what_a_registration_lacks_for_a_credit(found: Registered | None, codes: list[str]) -> None:
    assert [reason.code for reason in gaps(found, ADA)] == codes
    assert unpack(pack(found)) == found


def test_points_up_to_the_maximum_are_fine() -> None:
    assert gaps(HEART, record(points=Decimal("1.50"))) == ()
    assert gaps(HEART, record(points=Decimal("1.75"))) != ()
