"""Several events in one message: one credit each, one letter each, and nothing twice."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from sqlalchemy import delete

from consumer.bus.port import Outgoing, Partition
from consumer.desk.deadletters import show_letter
from consumer.ledger.rereading import reread
from consumer.ledger.schema import positions
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.file import compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import Report
from consumer.pumps import intake
from tests.integration.office import Office, catalogue
from tests.integration.people import COURSES, EVERYONE, LENA, MOODLE, OTIS, PRIYA, TOPIC, Physician
from tests.integration.test_publishing import headers, published

HEAD = """mapping: harbor/done
version: 1
schema: schemas/harbor/done.json
match:
  - {path: body.sensor, equals: harbor}
  - {path: item.type, equals: done}
kind: completion
"""
ROWS = f"""each: body.data
event:
  site: {{const: {MOODLE}}}
  learner: {{from: item.user}}
  course: {{from: body.course}}
  completed: {{from: item.at, instant: iso8601}}
"""
# As it is after somebody has looked at the letter: one of the senders calls the learner otherwise.
MENDED = ROWS.replace("{from: item.user}", "{first_of: [item.user, item.learner]}")
WHOLE = ROWS.replace("each: body.data\n", "").replace("item.user", '"body.data[0].user"')
WHOLE = WHOLE.replace("item.at", '"body.data[0].at"')
ANYTHING = b'{"additionalProperties": true, "properties": {"data": {"items": {}}}}'


def a_mapping(rows: str, head: str = HEAD) -> Mapping:
    report = Report("mappings/harbor/done.yaml")
    found = compile_file(head + rows, "harbor/done", lambda _: ANYTHING, report)
    assert report.clean
    assert found
    return found


def maps_by(office: Office, *mappings: Mapping) -> None:
    """From now on the office has these mappings too."""
    office.events = Catalogue([*catalogue().mappings, *mappings])
    office.start()


def done(who: Physician, name: str = "user", at: str = "2026-11-20T18:00:00Z") -> dict[str, Any]:
    return {"type": "done", name: str(who.number), "at": at}


def message(*events: Any) -> Outgoing:
    body = {"sensor": "harbor", "course": "101", "data": list(events)}
    return Outgoing(TOPIC, b"k", json.dumps(body).encode(), (("ce_id", b"7"),))


@pytest.fixture
def harbor(office: Office) -> Office:
    maps_by(office, a_mapping(ROWS))
    return office


THREE = message(done(PRIYA), done(OTIS, "learner"), done(LENA))


def test_a_broken_event_has_a_letter_and_the_others_their_credit(harbor: Office) -> None:
    assert harbor.hear(THREE) == {"ready": 2, "refused": 1}
    assert harbor.board_ids("ready") == [PRIYA.board_id, LENA.board_id]
    assert (harbor.letter["reason"], harbor.letter["field"]) == ("value_missing", "learner")
    shown = show_letter(harbor.ledger, str(harbor.letter["letter_id"]))
    assert shown["heard_at"] == "lms.events/0/0, event 2 of the message"


def test_its_letter_holds_that_event_alone_and_says_which(harbor: Office) -> None:
    harbor.hear(THREE)
    (letter,) = published(harbor)
    read = headers(letter)
    assert (read["moc-original-part"], read["moc-original-offset"], read["ce_id"]) == (
        "1",
        "0",
        "7",
    )
    alone = {"sensor": "harbor", "course": "101", "data": [done(OTIS, "learner")]}
    assert orjson.loads(letter.value or b"") == alone
    assert harbor.replay() == "refused"
    *_, again = published(harbor)
    assert (headers(again)["moc-original-part"], again.value) == ("1", letter.value)


def test_replayed_after_the_mapping_was_mended_it_gives_the_third(harbor: Office) -> None:
    harbor.hear(THREE)
    assert harbor.replay() == "refused"
    maps_by(harbor, a_mapping(MENDED))
    assert harbor.replay() == "ready"
    assert sorted(harbor.board_ids("ready")) == sorted(one.board_id for one in EVERYONE)
    assert harbor.open_letters() == []


def test_what_comes_again_is_nothing_new_however_it_comes(harbor: Office) -> None:
    harbor.hear(THREE)
    maps_by(harbor, a_mapping(MENDED))
    harbor.replay()
    (letter, *_) = published(harbor)
    again = Outgoing(TOPIC, letter.key, letter.value)
    assert harbor.hear(THREE) == {"duplicate": 3}
    assert harbor.hear(again) == {"duplicate": 1}
    assert harbor.states() == ["ready"] * 3


def forget_positions(office: Office) -> None:
    """As after a crash: the ledger has the batch, and nothing knows how far the bus was read."""
    office.stop()
    with office.ledger.begin() as db:
        db.execute(delete(positions))
    for file in office.bus_path.parent.glob("bus.db*"):
        file.unlink()
    office.start()


def test_a_message_heard_again_after_a_crash_repeats_every_event(harbor: Office) -> None:
    harbor.hear(THREE)
    forget_positions(harbor)
    assert harbor.hear(THREE) == {"repeat": 3}
    assert (harbor.states(), len(harbor.open_letters())) == (["ready"] * 2, 1)


def test_an_id_of_any_length_is_kept_to_the_last_digit(harbor: Office) -> None:
    number = 10**30 + 1
    harbor.put_learners(PRIYA.row(), OTIS.row(learner=str(number)))
    harbor.look()
    assert harbor.hear(message(done(PRIYA), done(OTIS, "learner") | {"learner": number})) == {
        "ready": 1,
        "refused": 1,
    }
    maps_by(harbor, a_mapping(MENDED))
    assert harbor.replay() == "ready"
    assert sorted(harbor.board_ids("ready")) == sorted([PRIYA.board_id, OTIS.board_id])


def test_the_same_event_twice_in_a_message_is_one_credit(harbor: Office) -> None:
    twice = message(done(PRIYA), done(PRIYA), done(PRIYA, at="2026-11-21T18:00:00Z"))
    assert harbor.hear(twice) == {"ready": 1, "duplicate": 2}


def test_two_broken_events_have_two_letters(harbor: Office) -> None:
    broken = done(OTIS, "learner")
    assert harbor.hear(message(broken, done(PRIYA), broken, 5)) == {"ready": 1, "refused": 3}
    assert sorted(row["reason"] for row in harbor.open_letters()) == [
        "unknown_event", "value_missing", "value_missing"
    ]  # fmt: skip


def test_a_message_that_no_mapping_knew_is_taken_apart_when_replayed(office: Office) -> None:
    assert office.hear(THREE) == {"refused": 1}
    maps_by(office, a_mapping(ROWS))
    office.replay()
    assert sorted(office.board_ids("ready")) == [LENA.board_id, PRIYA.board_id]
    assert (office.letter["reason"], office.letter["field"]) == ("value_missing", "learner")
    maps_by(office, a_mapping(MENDED))
    assert office.replay() == "ready"
    assert (len(office.credits), office.open_letters()) == (3, [])


def test_what_waits_for_a_table_is_judged_again_by_its_own_event(harbor: Office) -> None:
    harbor.put_learners(PRIYA.row(), LENA.row())
    harbor.look()
    assert harbor.hear(message(done(PRIYA), done(OTIS), done(LENA))) == {"ready": 2, "held": 1}
    harbor.put_learners(*(one.row() for one in EVERYONE))
    harbor.look()
    assert sorted(harbor.board_ids("ready")) == sorted(one.board_id for one in EVERYONE)


def test_what_another_mapping_reads_out_of_it_later_is_its_own_event(office: Office) -> None:
    """A mapping that read the first event alone is replaced by one that takes messages apart."""
    office.put_activities(COURSES[1])
    head = HEAD.replace("  - {path: item.type, equals: done}\n", "")
    maps_by(office, a_mapping(WHOLE, head))
    three = message(done(PRIYA), done(OTIS), done(LENA))
    assert office.hear(three) == {"held": 1}
    maps_by(office, a_mapping(ROWS, HEAD.replace("version: 1", "version: 2")))
    office.put_activities(*COURSES)
    office.look()
    (row,) = office.completions
    with office.ledger.begin() as db:
        reread(db, office.ledger, office.service.premises.house, row, office.clock.now())
    assert sorted(office.board_ids("ready")) == sorted(one.board_id for one in EVERYONE)
    assert office.hear(three) == {"duplicate": 3}


@pytest.mark.parametrize("killed", [False, True])
def test_messages_of_many_events_are_written_a_few_at_a_time(
    harbor: Office, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(intake, "MOST_EVENTS", 3)
    pairs = [message(done(PRIYA), done(OTIS)), message(done(LENA), 5), message(done(PRIYA))]
    harbor.publisher.publish(pairs)
    assert harbor.intake.turn() == 2
    assert harbor.ledger.remembered([Partition(TOPIC, 0)]) == {Partition(TOPIC, 0): 2}
    assert sorted(harbor.board_ids("ready")) == sorted(one.board_id for one in EVERYONE)
    if killed:  # what the old process had in hand is heard by the new one
        maps_by(harbor, a_mapping(ROWS))
    assert harbor.hear() == {"duplicate": 1}
    assert len(harbor.credits) == 3
