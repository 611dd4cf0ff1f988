"""Retractions that name nothing but the event they take back, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import pytest

from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.desk.answering import Answering
from consumer.ledger.schema import named_events, retracted_events
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.file import compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from tests.integration.office import Office, SimulatedPars, catalogue
from tests.integration.people import (
    DAY,
    HOUR,
    LENA,
    NOON,
    OTIS,
    PRIYA,
    TOPIC,
    Physician,
    canvas,
    course,
    moodle,
)
from tests.unit.mapping.samples import OPEN, written

HEAD = """mapping: lrs/{name}
version: 1
schema: schemas/lms/done.json
match:
  - {{path: body.verb, equals: {name}}}
kind: {kind}
"""


def lrs_mapping(name: str, kind: str, **rows: str | None) -> Mapping:
    """One of the LRS's mappings."""
    text, report = written(HEAD.format(name=name, kind=kind), **rows), Report(name)
    found = compile_file(text, f"lrs/{name}", lambda _named: OPEN, report)
    assert found, report.problems
    return found


COMPLETION = {
    "site": "{from: body.site}",
    "learner": "{from: body.who}",
    "event_id": "{from: body.id, optional: true}",
}
COMPLETED = lrs_mapping("completed", "completion", **COMPLETION)
_NOTHING = {"site": None, "learner": None, "course": None, "completed": None}
_VOID = {"retracts": "{from: body.of}", "occurred_at": "{from: body.at, instant: iso8601}"}
VOIDED = lrs_mapping("voided", "retraction", **(_NOTHING | _VOID))
HERE = {"site": "{from: body.site}"}
VOIDED_HERE = lrs_mapping("voided_here", "retraction", **(_NOTHING | _VOID | HERE))
SITE, ELSEWHERE = "lrs.lakeside.example", "lrs.harbor.example"


def completes(
    who: Physician, event_id: str | None, at: datetime = NOON, site: str = SITE, **more: Any
) -> Outgoing:
    """A statement with an id of its own."""
    body = {"verb": "completed", "id": event_id, "who": str(who.number), "course": "101"}
    return _sent(body | {"site": site, "at": at.isoformat()} | more)


def void(event_id: str, at: datetime = NOON + HOUR, **more: Any) -> Outgoing:
    """A statement that takes another one back, and says no more of it."""
    body = {"verb": "voided", "of": event_id, "at": at.isoformat()}
    return _sent(body | more)


def _sent(body: dict[str, Any]) -> Outgoing:
    return Outgoing(TOPIC, None, orjson.dumps(body))


def _put(office: Office) -> Office:
    office.put_activities(course(SITE, "101"), course(ELSEWHERE, "101"))
    office.events = Catalogue([*catalogue().mappings, COMPLETED, VOIDED, VOIDED_HERE])
    office.start()
    return office


@pytest.fixture
def lrs(office: Office) -> Office:
    """An office that hears an LRS."""
    return _put(office)


@pytest.fixture
def sending(reporting: Office) -> Office:
    """An office that hears an LRS, and reports to PARS."""
    return _put(reporting)


def stands(office: Office) -> list[str]:
    """Where the completions stand."""
    return [row.state for row in office.completions]


def test_what_is_not_sent_is_taken_back(lrs: Office) -> None:
    assert lrs.hear(completes(PRIYA, "a"), completes(OTIS, "b")) == {"ready": 2}
    assert lrs.hear(void("a")) == {"retracted": 1}
    assert (stands(lrs), lrs.states()) == (["retracted", "credited"], ["withdrawn", "ready"])
    assert (lrs.letters, lrs.fates) == ([], ["ready", "ready", "retracted"])


def test_in_the_batch_of_its_completion(lrs: Office) -> None:
    assert lrs.hear(completes(PRIYA, "a"), void("a")) == {"ready": 1, "retracted": 1}
    assert lrs.states() == ["withdrawn"]


@pytest.mark.parametrize("batch", [[2], [1, 1]])
@pytest.mark.parametrize("at", [NOON - DAY, NOON, NOON + HOUR])
def test_before_its_completion_it_is_remembered(
    lrs: Office, at: datetime, batch: Sequence[int]
) -> None:
    said = [void("a", at), completes(PRIYA, "a")]
    for size in batch:
        lrs.hear(*said[:size])
        del said[:size]
    assert lrs.fates == ["not_reportable", "retracted"]
    assert (stands(lrs), lrs.credits, lrs.letters) == (["retracted"], [], [])


@pytest.mark.parametrize("state", [State.SUBMITTED, State.ACCEPTED])
def test_after_sending_it_is_for_a_person(lrs: Office, state: State) -> None:
    lrs.hear(completes(PRIYA, "a"))
    lrs.take_for_sent(state)
    assert lrs.hear(void("a")) == {"review": 1}
    assert (lrs.letter["reason"], lrs.states()) == ("retracted_after_sending", [state])


def test_a_person_who_agrees_has_it_deleted_at_pars(sending: Office, pars: SimulatedPars) -> None:
    sending.hear(completes(PRIYA, "a"), completes(OTIS, "b"))
    sending.drive_to("accepted", "accepted")
    sending.hear(void("a"))
    assert answering(sending).agree(sending.letter["letter_id"])
    sending.drive_to("withdrawn", "accepted")
    assert [record["board_id"] for record in pars.live] == [OTIS.board_id]


def test_a_person_who_declines_keeps_it(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"))
    lrs.take_for_sent()
    lrs.hear(void("a"))
    answering(lrs).decline(lrs.letter["letter_id"])
    assert (lrs.states(), lrs.open_letters()) == (["submitted"], [])


def answering(office: Office) -> Answering:
    """Mora at the desk."""
    house = office.service.premises.house
    return Answering(office.ledger, house, office.clock, "mora", "asked the LMS admin")


def test_twice_it_is_taken_back_once(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"))
    assert lrs.hear(void("a"), void("a", NOON + DAY)) == {"retracted": 1, "duplicate": 1}
    assert (lrs.states(), lrs.letters) == (["withdrawn"], [])


def test_twice_after_sending_it_is_one_question(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"))
    lrs.take_for_sent()
    assert lrs.hear(void("a"), void("a", NOON + DAY)) == {"review": 2}
    assert len(lrs.open_letters()) == 1


def test_an_id_that_nobody_knows_leaves_everything_as_it_is(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"))
    assert lrs.hear(void("b")) == {"not_reportable": 1}
    assert (stands(lrs), lrs.states(), lrs.letters) == (["credited"], ["ready"], [])


def test_an_event_that_was_taken_back_counts_no_more_when_it_is_sent_again(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"), void("a", NOON - HOUR))
    assert lrs.hear(completes(PRIYA, "a", again=True)) == {"duplicate": 1}
    assert (stands(lrs), lrs.states(), lrs.letters) == (["retracted"], ["withdrawn"], [])


def test_completed_anew_by_another_event_counts(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"), void("a"))
    assert lrs.hear(completes(PRIYA, "b", NOON + DAY)) == {"ready": 1}
    assert lrs.states() == ["ready"]


def test_one_id_for_a_whole_group_takes_every_member_back(lrs: Office) -> None:
    group = (PRIYA, OTIS, LENA)
    lrs.hear(
        *(completes(who, "a", site=f"{(who.number % 2 and SITE) or ELSEWHERE}") for who in group)
    )
    assert len(lrs.states()) == 3
    assert lrs.hear(void("a")) == {"retracted": 1}
    assert set(stands(lrs)) == {"retracted"}
    assert set(lrs.states()) == {"withdrawn"}


def test_an_id_of_another_site_is_another_event(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "7"), completes(OTIS, "7", site=ELSEWHERE))
    assert lrs.hear(void("7", verb="voided_here", site=ELSEWHERE)) == {"retracted": 1}
    assert stands(lrs) == ["credited", "retracted"]
    assert lrs.hear(void("8", verb="voided_here", site=ELSEWHERE)) == {"not_reportable": 1}
    assert lrs.hear(completes(LENA, "8")) == {"ready": 1}
    assert lrs.hear(completes(LENA, "8", site=ELSEWHERE)) == {"retracted": 1}


def test_an_lms_that_takes_nothing_back_by_id_has_no_ids_kept(lrs: Office) -> None:
    lrs.hear(moodle(PRIYA), canvas(OTIS), completes(LENA, None))
    assert lrs.rows(named_events) == []
    lrs.hear(completes(LENA, "a"))
    (named,) = lrs.rows(named_events)
    assert named.digest != "a"


def test_of_two_that_said_the_same_one_may_go(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"), completes(PRIYA, "b"))
    assert lrs.hear(void("a")) == {"duplicate": 1}
    assert (lrs.states(), lrs.letters) == (["ready"], [])
    assert lrs.hear(void("b")) == {"retracted": 1}
    assert lrs.states() == ["withdrawn"]


def test_of_two_that_said_different_times_a_person_decides(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"), completes(PRIYA, "b", NOON + DAY))
    assert lrs.hear(void("a")) == {"review": 1}
    assert (lrs.letter["reason"], lrs.states()) == ("retracted_in_part", ["ready"])
    lrs.take_for_sent()
    assert lrs.states() == ["ready"]  # while the question is open nothing is sent
    answering(lrs).agree(lrs.letter["letter_id"])
    assert (lrs.states(), lrs.open_letters()) == (["withdrawn"], [])


def test_what_a_person_keeps_of_it_is_sent(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "a"), completes(PRIYA, "b", NOON + DAY), void("a"))
    answering(lrs).decline(lrs.letter["letter_id"])
    lrs.take_for_sent()
    assert (lrs.states(), lrs.open_letters()) == (["submitted"], [])


def test_a_completion_that_could_not_be_read_when_it_was_taken_back(lrs: Office) -> None:
    """It is refused, taken back, and then somebody mends the mapping and sends it round again."""
    unread = completes(PRIYA, "a", at=NOON, course=["101"])
    assert lrs.hear(unread, void("a")) == {"refused": 1, "not_reportable": 1}
    assert lrs.events
    deeper = COMPLETION | {"course": "{from: 'body.course[0]'}"}
    mended = lrs_mapping("completed", "completion", **deeper)
    lrs.events = Catalogue([*catalogue().mappings, mended, VOIDED])
    lrs.start()
    assert lrs.replay() == "retracted"
    assert (stands(lrs), lrs.credits) == (["retracted"], [])


def test_what_is_kept_of_an_id_tells_nobody_the_id(lrs: Office) -> None:
    lrs.hear(completes(PRIYA, "statement-4711"), void("statement-4711"))
    kept = repr([*lrs.rows(named_events), *lrs.rows(retracted_events)])
    assert "4711" not in kept
