"""Activities into PARS from a file, over real HTTP on both transports: never one twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.desk.activities import ask_about, list_activities, read_lines
from consumer.desk.registration import (
    Entry,
    FileProblems,
    Outcome,
    Registrar,
    Told,
    read_file,
)
from consumer.ledger.inquiries import Inquiries
from consumer.ledger.schema import audit, inquiries
from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.activityxml import rendered
from consumer.pars.contract import Transport
from consumer.reason import Reason
from consumer.resources import shipped
from consumer.tables.boards import shipped_boards
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import OTIS, PRIYA, course, moodle
from tests.integration.test_asking import sometime
from tests.unit.pars.activities import activity, document

OpenOffice = Callable[..., Office]
OpenPars = Callable[..., SimulatedPars]
BOTH = pytest.mark.parametrize("transport", Transport)
DOCUMENTS = ActivityDocuments(shipped("schemas"))
GRACE = 300.0


def written(folder: Path, *activities: dict[str, Any]) -> Path:
    path = folder / "activities.json"
    path.write_bytes(orjson.dumps(document(*activities)))
    return path


def entries(folder: Path, *activities: dict[str, Any]) -> tuple[Entry, ...]:
    return read_file(written(folder, *activities), DOCUMENTS, "0009999")


def problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(FileProblems) as found:
        read_file(path, DOCUMENTS, "0009999")
    return found.value.problems


@pytest.fixture
def opened(open_office: OpenOffice, pars: SimulatedPars) -> Callable[..., Office]:
    return lambda transport, **profile: open_office(
        url=pars.url, profile={"transport": transport.value, **profile}
    )


def submit(
    office: Office, *activities: dict[str, Any], look_first: bool = False, **more: Any
) -> list[Told]:
    """What becomes of these activities of the profile `main`."""
    pars = office.service.parts.pars("main")
    try:
        book = Inquiries(office.ledger)
        names = ("main", "0009999", GRACE, "mora")
        registrar = Registrar(pars, book, office.clock, *names, look_first=look_first, **more)
        return list(registrar.submit(entries(office.folder, *activities)))
    finally:
        pars.close()


def outcomes(told: list[Told]) -> list[Outcome]:
    return [one.outcome for one in told]


def registered(pars: SimulatedPars) -> list[dict[str, Any]]:
    """What came into PARS over the wire."""
    return [one for one in pars.simulator.registered()["activities"] if one["history"]]


def doubled(pars: SimulatedPars) -> int:
    count: int = pars.simulator.registered()["totals"]["doubled"]
    return count


# ------------------------------------------------------------------ the good day


@BOTH
def test_new_activities_are_registered_one_by_one_and_their_numbers_told(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    told = submit(opened(transport), activity("HF"), activity("COPD"))
    assert outcomes(told) == [Outcome.REGISTERED] * 2
    books = registered(pars)
    assert [one["own_id"] for one in books] == ["HF", "COPD"]
    assert [one.pars_id for one in told] == [one["activity_id"] for one in books]
    assert books[0]["boards"] == {"ABIM": {"Medical Knowledge": "1.5"}}
    assert pars.simulator.registered()["totals"]["posts"] == 2
    assert told[0].pars_id in told[0].how


@BOTH
def test_an_activity_is_changed_and_deleted_by_its_number(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = opened(transport)
    (told,) = submit(office, activity())
    moc = {"boardName": "ABP", "mocPoints": 2, "MOCCreditType": ["Part 2"]}
    changed = activity(pars_id=told.pars_id, action="Update", boards=(moc,))
    assert outcomes(submit(office, changed)) == [Outcome.CHANGED]
    assert registered(pars)[0]["boards"] == {"ABP": {"Part 2": "2"}}
    assert outcomes(submit(office, activity(pars_id=told.pars_id, action="Delete"))) == [
        Outcome.DELETED
    ]
    (one,) = registered(pars)
    assert one["history"] == ["Add", "Update", "Delete"]
    assert [row.what for row in office.rows(audit)] == [
        "activity.add",
        "activity.update",
        "activity.delete",
    ]


@BOTH
def test_credits_that_waited_for_an_activity_go_when_it_is_registered(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = opened(transport, look_up_activities=True)
    office.put_activities(course("", "101", pars_activity_id="202590000"))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS))
    sometime(office)
    assert office.states() == ["ready", "ready"]
    (told,) = submit(office, activity())
    assert told.pars_id == "202590000"
    sometime(office)
    assert office.states() == ["submitted"] * 2
    assert (pars.totals["live"], pars.totals["refused"]) == (2, 0)


def test_credentials_in_the_body_stand_around_the_document(
    opened: Callable[..., Office],
) -> None:
    office = opened(Transport.XML, credentials_in="body", activity_namespace="urn:example:mems")
    assert outcomes(submit(office, activity(), look_first=True)) == [Outcome.REGISTERED]


# ------------------------------------------------------------------ an unclear end


UNCLEAR = pytest.mark.parametrize("fault", ["cut_after_store", "garbage"])


@BOTH
@UNCLEAR
def test_after_an_unclear_end_pars_is_asked_before_it_is_sent_again(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport, fault: str
) -> None:
    office = opened(transport)
    pars.weather({"kind": fault, "on": "activity"})
    (told,) = submit(office, activity())
    assert (told.outcome, told.pars_id) == (Outcome.UNCLEAR, "")
    (again,) = submit(office, activity())
    assert again.outcome is Outcome.ALREADY
    assert [one["activity_id"] for one in registered(pars)] == [again.pars_id]
    assert doubled(pars) == 0
    assert office.rows(inquiries) == []


@BOTH
def test_an_early_not_found_proves_nothing(
    open_office: OpenOffice, open_pars: OpenPars, transport: Transport
) -> None:
    pars = open_pars(visible_after_seconds=120.0)
    office = open_office(url=pars.url, profile={"transport": transport.value})
    pars.weather({"kind": "cut_after_store", "on": "activity"})
    submit(office, activity())
    (early,) = submit(office, activity())
    assert early.outcome is Outcome.NOT_SENT
    assert "after" in early.how
    office.clock.advance(GRACE + 1)
    assert outcomes(submit(office, activity())) == [Outcome.ALREADY]
    assert doubled(pars) == 0


@BOTH
def test_what_never_arrived_is_sent_again_after_the_grace(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = opened(transport)
    pars.weather({"kind": "cut_before", "on": "activity"})
    assert outcomes(submit(office, activity())) == [Outcome.UNCLEAR]
    assert outcomes(submit(office, activity())) == [Outcome.NOT_SENT]
    office.clock.advance(GRACE + 1)
    assert outcomes(submit(office, activity())) == [Outcome.REGISTERED]
    assert (len(registered(pars)), doubled(pars)) == (1, 0)


def test_where_pars_cannot_be_asked_a_person_looks(
    opened: Callable[..., Office], pars: SimulatedPars
) -> None:
    office = opened(Transport.XML, paths={"activity": "nothing-here"})
    pars.weather({"kind": "cut_before", "on": "activity"})
    submit(office, activity())
    office.clock.advance(GRACE + 1)
    (told,) = submit(office, activity())
    assert told.outcome is Outcome.NOT_SENT
    assert "--not-in-pars" in told.how
    assert registered(pars) == []
    assert outcomes(submit(office, activity(), not_in_pars=True)) == [Outcome.REGISTERED]


@BOTH
def test_what_is_there_already_is_not_registered_again_where_look_ups_are_on(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = opened(transport)
    (first,) = submit(office, activity())
    (again,) = submit(office, activity(), look_first=True)
    assert (again.outcome, again.pars_id) == (Outcome.ALREADY, first.pars_id)
    assert (len(registered(pars)), doubled(pars)) == (1, 0)


# ------------------------------------------------------------------ refused, or away


@BOTH
def test_a_refusal_is_told_with_what_pars_says_and_holds_up_no_other(
    opened: Callable[..., Office], transport: Transport
) -> None:
    gone = activity("OLD", pars_id="202511111", action="Update")
    told = submit(opened(transport), gone, activity("NEW"))
    assert outcomes(told) == [Outcome.REFUSED, Outcome.REGISTERED]
    assert "Activity does not exist" in told[0].happened
    assert told[0].how


@BOTH
def test_when_pars_is_away_the_rest_is_not_tried(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = opened(transport)
    pars.weather(down_seconds=60)
    told = submit(office, activity("A"), activity("B"))
    assert outcomes(told) == [Outcome.UNCLEAR, Outcome.NOT_SENT]
    office.clock.advance(GRACE + 1)
    assert outcomes(submit(office, activity("A"), activity("B"))) == [Outcome.REGISTERED] * 2
    assert doubled(pars) == 0


def test_wrong_credentials_send_nothing_and_say_so(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    office = open_office(url=pars.url, passwords={"main": "wrong"})
    told = submit(office, activity("A"), activity("B"))
    assert outcomes(told) == [Outcome.NOT_SENT] * 2
    assert "credentials" in told[0].how
    assert office.rows(inquiries) == []


# ------------------------------------------------------------------ the file


def test_every_problem_of_a_file_is_told_at_once_with_place_and_rule(tmp_path: Path) -> None:
    one, two = activity(), activity("COPD")
    one["XtensibleInfo"]["MOCRegistrations"]["MOCRegistration"][0]["mocPoints"] = 1.3
    one["healthcareMetadata"]["healthcareEducation"]["startDateTime"] = "1 January"
    del two["Lom"]["general"]["title"]
    two["XtensibleInfo"]["Colour"] = "blue"
    found = problems(written(tmp_path, one, two))
    where = "ACCMEActivities/MedicalEducationMetrics"
    assert len(found) == 4
    moc = f"{where}/1/XtensibleInfo/MOCRegistrations/MOCRegistration/1/mocPoints: multipleOf 0.25"
    assert moc in found
    assert f"{where}/2/Lom/general: required title" in found
    assert f"{where}/2/XtensibleInfo: additionalProperties Colour" in found
    assert any(one.startswith(f"{where}/1/healthcareMetadata") for one in found)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ((activity(own_id=""),), "Add needs a"),
        ((activity(), activity()), "stands twice"),
        ((activity(pars_id="202512345"),), "or is it an Update?"),
        ((activity(action="Update"),), "nine digits"),
        ((activity(action="Delete", pars_id="12"),), "nine digits"),
        ((activity(ProviderID="0001111"),), "not the profile's provider"),
    ],
)
def test_what_could_be_registered_twice_or_for_another_is_refused(
    tmp_path: Path, wrong: tuple[dict[str, Any], ...], says: str
) -> None:
    if wrong[0]["Lom"]["general"]["identifier"] == []:
        wrong[0]["Lom"]["general"]["identifier"] = [
            {"catalog": "URL", "entry": "https://x.example"}
        ]
    assert any(says in one for one in problems(written(tmp_path, *wrong)))


def test_a_file_may_be_xml_too(tmp_path: Path) -> None:
    path = tmp_path / "activities.xml"
    path.write_bytes(rendered(document(activity())))
    assert read_file(path, DOCUMENTS, "0009999") == entries(tmp_path, activity())


@pytest.mark.parametrize("data", [b"", b"{", b"<a>", b"<a/>", b"[]", b"null", b"\xff\xfe"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert problems(path)


# ------------------------------------------------------------------ the list


def listed(office: Office) -> list[dict[str, Any]]:
    lines, _ = read_lines(office.tables, office.settings.profiles, shipped_boards())
    return list_activities(office.ledger, lines, {"main": "0009999", "north": "0008888"})


def row(office: Office, number: str) -> dict[str, Any]:
    (found,) = [one for one in listed(office) if one["course"] == number]
    return found


def test_every_row_is_listed_with_what_it_lacks(office: Office) -> None:
    office.put_activities(
        course("", "101", pars_activity_id="", zone="Mars/Phobos"), course("", "7")
    )
    assert row(office, "7")["missing"] == ""
    found = row(office, "101")
    assert "pars_activity_id" in found["missing"]
    assert "zone" in found["missing"]
    assert (found["in_pars"], found["asked"]) == ("unknown", "")


def test_courses_that_were_heard_of_and_have_no_row_are_listed_with_counts(office: Office) -> None:
    office.hear(moodle(PRIYA, "999"), moodle(OTIS, "999"), moodle(PRIYA, "998"), moodle(PRIYA))
    found = {one["course"]: one for one in listed(office)}
    assert (found["999"]["waiting"], found["998"]["waiting"]) == (2, 1)
    assert "no row" in found["999"]["missing"]
    assert found["101"]["waiting"] == 0


@BOTH
def test_it_says_what_pars_has_since_when_and_how_many_wait(
    opened: Callable[..., Office], transport: Transport
) -> None:
    office = opened(transport, look_up_activities=True)
    office.put_activities(
        course("", "101", max_points="2"), course("", "7", pars_activity_id="202588888")
    )
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(PRIYA, "7"))
    sometime(office)
    found, missing = row(office, "101"), row(office, "7")
    assert (found["in_pars"], found["waiting"]) == ("yes", 2)
    assert "ABIM 1.5 (Medical Knowledge)" in found["pars_says"]
    assert "more points than PARS has" in found["pars_says"]
    assert found["asked"].startswith("2026-11-22T15:1")
    assert (missing["in_pars"], missing["waiting"]) == ("no", 1)


@BOTH
def test_a_person_can_ask_pars_now(
    opened: Callable[..., Office], pars: SimulatedPars, transport: Transport
) -> None:
    office = opened(transport)
    assert ask(office, "202600001") is None
    assert row(office, "101")["in_pars"] == "yes"
    pars.weather(down_seconds=60)
    told = ask(office, "202600003")
    assert told is not None
    assert told.code == "pars_unavailable"
    assert row(office, "102")["in_pars"] == "unknown"


def ask(office: Office, number: str) -> Reason | None:
    pars = office.service.parts.pars("main")
    try:
        return ask_about(pars, Inquiries(office.ledger), "main", number, office.clock.now())
    finally:
        pars.close()
