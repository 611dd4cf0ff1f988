"""From the bus into the ledger: what each event leaves there, once, whatever goes wrong."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from consumer.bus.port import BusUnavailable, CommitRefused, Listener, Message, Partition
from consumer.credit import State
from consumer.event import Envelope
from consumer.ledger.ledger import LedgerUnavailable
from consumer.ledger.seal import unpack_original
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.mapping import Mapping as MappingFile
from consumer.pumps.intake import IntakePump
from tests.integration.office import Office
from tests.integration.people import (
    DAY,
    HOUR,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    TOPIC,
    Physician,
    canvas,
    course,
    moodle,
    openedx,
    raw,
    revoked,
)

STRAND = Partition(TOPIC, 0)
FOREIGN = (("content-type", b"application/json"), ("x-learner", b"Priya Vantongeren"))


# ---------------------------------------------------------------- what an event leaves


def test_a_completion_leaves_a_completion_and_a_ready_credit(office: Office) -> None:
    assert office.hear(moodle(PRIYA)) == {"ready": 1}
    (completion,), credit = office.completions, office.credit
    assert (completion.state, completion.source, completion.course) == ("credited", "moodle", "101")
    assert (credit.state, credit.profile, credit.board) == ("ready", "main", "ABIM")
    assert (credit.completed_on, credit.points) == (date(2026, 11, 20), "1.5")
    assert credit.report_by == date(2026, 12, 20)
    assert credit.credit_id is None
    assert (office.letters, office.queued) == ([], [])


def test_one_credit_for_each_credit_type(office: Office) -> None:
    assert office.hear(moodle(PRIYA, "103")) == {"ready": 1}
    assert [row.credit_type for row in office.credits] == ["Medical Knowledge", "Patient Safety"]
    assert len(office.completions) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (moodle(PRIYA, "999"), "activity_not_found"),
        (moodle(replace(PRIYA, number=9)), "learner_not_found"),
    ],
)
def test_what_the_tables_lack_is_held_without_a_letter(
    office: Office, said: Any, reason: str
) -> None:
    assert office.hear(said) == {"held": 1}
    (completion,) = office.completions
    assert (completion.state, reason in completion.reasons) == ("held", True)
    assert (office.credits, office.letters, office.queued) == ([], [], [])


def test_a_broken_rule_is_a_letter_with_the_completion_it_stopped(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327", npi="1234567890"))
    office.look()
    assert office.hear(moodle(PRIYA)) == {"refused": 1}
    (letter,), (completion,) = office.letters, office.completions
    assert (letter.status, letter.stage, letter.completion_id) == ("open", "rules", completion.id)
    assert (letter.topic, letter.partition, letter.offset) == (TOPIC, 0, 0)
    assert [code in letter.reasons for code in ("board_id_form", "npi_check_digit")] == [True] * 2
    assert completion.state == "refused"
    assert (len(office.queued), office.credits) == (1, [])


@pytest.mark.parametrize(
    ("value", "stage", "code"),
    [
        (b"no JSON", "decode", "malformed_json"),
        (None, "decode", "null_value"),
        (b"", "decode", "malformed_json"),
        (b'{"a": 1, "a": 2}', "decode", "duplicate_key"),
        (b'{"a": ' + b"[" * 250 + b"]" * 250 + b"}", "decode", "nested_too_deeply"),
        (b'{"a": "\\ud800"}', "decode", "malformed_json"),
        (b'{"a": NaN}', "decode", "malformed_json"),
        (b'"\xff"', "decode", "invalid_utf8"),
        (b'{"tool": "quizzer"}', "recognise", "unknown_event"),
        (b'{"eventname": "\\\\core\\\\event\\\\course_completed"}', "schema", "schema_mismatch"),
    ],
)
def test_what_cannot_be_read_is_a_letter_with_its_bytes(
    office: Office, value: bytes | None, stage: str, code: str
) -> None:
    said = raw(value, headers=FOREIGN)
    assert office.hear(said) == {"refused": 1}
    (letter,) = office.letters
    assert (letter.stage, office.letter["reason"]) == (stage, code)
    kept = unpack_original(office.ledger.seal.open(letter.original))
    assert (kept.key, kept.value, kept.headers) == (b"k", value, FOREIGN)
    assert (office.completions, office.credits, len(office.queued)) == ([], [], 1)


def test_two_broken_events_of_the_same_bytes_are_two_letters(office: Office) -> None:
    assert office.hear(raw(b"no JSON"), raw(b"no JSON")) == {"refused": 2}
    assert [row.offset for row in sorted(office.letters, key=lambda row: row.offset)] == [0, 1]


def test_not_reportable_is_remembered_and_sends_nothing(office: Office) -> None:
    office.put_activities(course(MOODLE, "101", profile="not ours"))
    office.look()
    guest = Physician(1, "Guest", "Account", "1900-01-01", "000000")
    assert office.hear(moodle(guest), moodle(PRIYA)) == {"not_reportable": 2}
    assert {row.state for row in office.completions} == {"not_reportable"}
    assert (office.credits, office.letters, office.queued) == ([], [], [])


def test_everyday_noise_leaves_nothing_but_the_position(office: Office) -> None:
    noise = raw(b'{"eventname": "\\\\core\\\\event\\\\course_viewed"}')
    assert office.hear(noise, noise) == {"ignored": 2}
    assert (office.fates, office.completions, office.letters) == ([], [], [])
    assert office.ledger.remembered([STRAND]) == {STRAND: 2}


def test_a_fault_of_our_own_refuses_that_record_alone(office: Office) -> None:
    class Broken(Catalogue):
        def recognise(self, event: Envelope) -> MappingFile:
            if event.body.get("courseid") == "102":
                raise KeyError("Vantongeren")
            return super().recognise(event)

    house = office.service.premises.house
    broken = Broken(house.catalogue.mappings)
    office.service.premises._house = replace(house, catalogue=broken)
    fates = office.hear(moodle(PRIYA, "102"), moodle(OTIS))
    assert fates == {"refused": 1, "ready": 1}
    assert office.letter["reason"] == "internal"
    assert "Vantongeren" not in office.letters[0].reasons


# ---------------------------------------------------------------- the same again


def test_the_same_message_heard_again_is_a_repeat(office: Office) -> None:
    office.hear(moodle(PRIYA), raw(b"no JSON"), moodle(PRIYA, "999"))
    before = _everything(office)
    _forget_positions(office)
    assert office.hear() == {"repeat": 3}
    assert _everything(office) == before


def test_another_content_at_the_same_place_is_a_new_event(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.lose_bus()
    assert office.hear(moodle(LENA), moodle(OTIS)) == {"ready": 1, "repeat": 1}
    assert sorted(office.board_ids("ready")) == ["000963", "041327", "052441"]


def test_the_same_body_with_other_headers_at_the_same_place_is_a_new_event(office: Office) -> None:
    # A revoked certificate may have the very body of the one created: only ce_type tells.
    created = openedx(PRIYA)
    retraction = replace(revoked(PRIYA, NOON + HOUR), value=created.value)
    office.hear(created)
    office.lose_bus()
    assert office.hear(retraction) == {"retracted": 1}
    assert office.states() == ["withdrawn"]


@pytest.mark.parametrize(
    "again",
    [
        moodle(PRIYA, objectid=1, contextid=9),
        moodle(PRIYA, courseid=101, relateduserid=str(PRIYA.number)),
        moodle(PRIYA, headers=(("ce_id", b"another"),)),
    ],
)
def test_an_event_emitted_again_with_another_id_is_a_duplicate(office: Office, again: Any) -> None:
    assert office.hear(moodle(PRIYA)) == {"ready": 1}
    assert office.hear(again) == {"duplicate": 1}
    assert office.fates == ["ready", "duplicate"]
    assert (office.states(), len(office.completions)) == (["ready"], 1)


def test_the_transports_own_time_makes_nothing_new(office: Office) -> None:
    fates = office.hear(canvas(PRIYA), canvas(PRIYA, emitted=NOON + DAY))
    assert fates == {"ready": 1, "duplicate": 1}
    assert office.states() == ["ready"]


def test_a_later_date_is_a_note_and_the_first_one_counts(office: Office) -> None:
    fates = office.hear(moodle(PRIYA), moodle(PRIYA, at=NOON + DAY), moodle(PRIYA, at=NOON + HOUR))
    assert fates == {"ready": 1, "duplicate": 2}
    (completion,) = office.completions
    assert completion.notes == 2
    assert office.credit.completed_on == date(2026, 11, 20)


@pytest.mark.parametrize("state", [State.SUBMITTED, State.ACCEPTED])
def test_a_mass_emission_after_sending_ends_as_duplicates(office: Office, state: State) -> None:
    everyone = [replace(PRIYA, number=n, board_id=f"{n:06d}") for n in range(100, 160)]
    office.put_learners(*(one.row() for one in everyone))
    office.look()
    office.hear(*map(moodle, everyone))
    office.take_for_sent(state)
    assert office.hear(*(moodle(one, at=NOON + DAY) for one in everyone)) == {"duplicate": 60}
    assert Counter(office.states()) == {state.value: 60}
    assert office.letters == []


def test_two_accounts_of_one_physician_meet_in_one_credit(office: Office) -> None:
    assert office.hear(moodle(PRIYA), canvas(PRIYA)) == {"ready": 1, "duplicate": 1}
    assert [row.state for row in office.completions] == ["credited", "credited"]
    assert office.states() == ["ready"]
    _two_stand_behind_it(office)


def test_the_earlier_of_two_accounts_dates_counts(office: Office) -> None:
    office.hear(moodle(PRIYA), canvas(PRIYA, at=NOON - 3 * DAY))
    assert office.credit.completed_on == date(2026, 11, 17)
    _two_stand_behind_it(office)


def test_a_second_account_with_an_earlier_date_after_sending_is_for_a_person(
    office: Office,
) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    office.hear(canvas(PRIYA, at=NOON - 3 * DAY))
    assert office.letter["reason"] == "changed_after_sending"
    assert (office.states(), office.credit.completed_on) == (["submitted"], date(2026, 11, 20))
    _two_stand_behind_it(office)


@pytest.mark.parametrize("sent", [False, True])
def test_a_board_id_in_two_peoples_rows_loses_nobody(office: Office, sent: bool) -> None:
    office.put_learners(PRIYA.row(), OTIS.row(board_id=PRIYA.board_id))
    office.look()
    office.hear(moodle(PRIYA))
    if sent:
        office.take_for_sent(State.ACCEPTED)
    assert office.hear(moodle(OTIS)) == {"refused": 1}
    assert office.letter["reason"] == "board_id_shared"
    record = office.ledger.seal.open_record(office.credit.record)
    assert record.family_name == "Vantongeren"
    office.put_learners(PRIYA.row(), OTIS.row())
    office.look()
    assert office.replay() == "ready"
    assert office.board_ids("ready", "accepted") == ["041327", "052441"]
    assert office.open_letters() == []


def test_one_person_under_two_names_is_one_credit_once_a_person_says_so(office: Office) -> None:
    married = PRIYA.row(site="northgate-account", family_name="Oyelaran")
    office.put_learners(PRIYA.row(), married)
    office.look()
    assert office.hear(moodle(PRIYA), canvas(PRIYA)) == {"ready": 1, "refused": 1}
    assert office.replay() in {"ready", "duplicate"}
    assert (office.states(), office.open_letters()) == (["ready"], [])
    _two_stand_behind_it(office)


def _two_stand_behind_it(office: Office) -> None:
    with office.ledger.read() as db:
        links = db.execute(text("select credit_id from completion_credits")).scalars().all()
    assert links == [office.credit.id] * 2


# ---------------------------------------------------------------- changed, and taken back


def test_a_change_before_sending_is_taken_over(office: Office) -> None:
    assert office.hear(moodle(PRIYA), moodle(PRIYA, at=NOON - 2 * DAY)) == {"ready": 2}
    assert (office.states(), office.credit.completed_on) == (["ready"], date(2026, 11, 18))


@pytest.mark.parametrize("state", [State.SUBMITTED, State.ACCEPTED])
def test_a_change_after_sending_is_for_a_person(office: Office, state: State) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(state)
    assert office.hear(moodle(PRIYA, at=NOON - 2 * DAY)) == {"review": 1}
    assert (office.letter["stage"], office.letter["reason"]) == ("review", "changed_after_sending")
    assert (office.states(), office.credit.completed_on) == ([state], date(2026, 11, 20))


def test_of_what_was_taken_back_first_only_a_later_completion_counts(office: Office) -> None:
    assert office.hear(revoked(PRIYA, NOON)) == {"retracted": 1}
    assert office.hear(openedx(PRIYA, NOON + HOUR)) == {"ready": 1}
    assert office.states() == ["ready"]


@pytest.mark.parametrize("at", [NOON - HOUR, NOON])
def test_a_completion_that_was_taken_back_before_it_came_is_for_a_person(
    office: Office, at: datetime
) -> None:
    office.hear(revoked(PRIYA, NOON))
    assert office.hear(openedx(PRIYA, at)) == {"review": 1}
    assert office.letter["reason"] == "completed_after_withdrawal"
    assert (office.credits, [row.state for row in office.completions]) == ([], ["retracted"])
    assert office.replay() == "ready"
    assert office.states() == ["ready"]


def test_of_two_completions_a_person_says_whether_the_later_one_stands(office: Office) -> None:
    late = revoked(PRIYA, NOON + HOUR)
    office.hear(openedx(PRIYA), openedx(PRIYA, NOON + DAY))
    assert office.hear(late) == {"review": 1}
    assert (office.letter["reason"], office.states()) == ("retracted_in_part", ["ready"])
    with office.ledger.begin() as db:  # nothing is sent meanwhile
        assert office.claims.claim(db, "main", [State.READY], 1, office.clock.now()) == []
    assert office.replay() == "retracted"
    assert office.states() == ["withdrawn"]


def test_what_was_taken_back_after_both_completions_is_taken_back(office: Office) -> None:
    office.hear(openedx(PRIYA), openedx(PRIYA, NOON + DAY), openedx(PRIYA, NOON + HOUR))
    assert office.hear(revoked(PRIYA, NOON + DAY)) == {"retracted": 1}
    assert (office.states(), office.letters) == (["withdrawn"], [])


def test_what_was_taken_back_before_sending_is_never_sent(office: Office) -> None:
    assert office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR)) == {"ready": 1, "retracted": 1}
    assert (office.states(), office.credit.credit_id) == (["withdrawn"], None)
    assert [row.state for row in office.completions] == ["retracted"]
    assert office.letters == []


def test_completed_anew_after_it_was_taken_back_counts_again(office: Office) -> None:
    office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    assert office.hear(openedx(PRIYA, NOON + 2 * HOUR)) == {"ready": 1}
    assert office.states() == ["ready"]
    # Emitted once more it is just that: the retraction before it is history.
    assert office.hear(openedx(PRIYA, NOON + 3 * HOUR)) == {"duplicate": 1}
    assert office.letters == []


@pytest.mark.parametrize("state", [State.READY, State.SUBMITTED])
def test_a_retraction_from_before_the_completion_takes_nothing_back_however_late_it_comes(
    office: Office, state: State
) -> None:
    office.hear(revoked(PRIYA, NOON), openedx(PRIYA, NOON + HOUR))
    if state is State.SUBMITTED:
        office.take_for_sent(state)
    assert office.hear(revoked(PRIYA, NOON)) == {"duplicate": 1}
    assert office.hear(openedx(PRIYA, NOON + 2 * HOUR)) == {"duplicate": 1}
    assert (office.states(), office.letters) == ([state], [])


def test_what_is_held_and_taken_back_stays_away_when_the_table_has_it(office: Office) -> None:
    office.put_learners(OTIS.row())
    office.look()
    office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    office.put_learners(PRIYA.row())
    assert not office.look()["ready"]
    assert (office.credits, [row.state for row in office.completions]) == ([], ["retracted"])


def test_what_was_refused_and_taken_back_needs_nobody(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"))
    office.look()
    office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    assert office.open_letters() == []
    assert [row.state for row in office.completions] == ["retracted"]


def test_a_credit_stays_while_another_account_stands_behind_it(office: Office) -> None:
    _same_course_on_both(office)
    office.hear(moodle(PRIYA), openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    assert office.states() == ["ready"]


def test_a_second_account_revives_what_the_first_took_back(office: Office) -> None:
    _same_course_on_both(office)
    office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    assert office.states() == ["withdrawn"]
    office.hear(moodle(PRIYA))
    assert office.states() == ["ready"]


def _same_course_on_both(office: Office) -> None:
    """The course of Open edX is the same activity as Moodle's."""
    renal = "course-v1:HarborCME+RENAL201+2026T2"
    office.put_activities(course(MOODLE, "101"), course("", renal))
    office.look()


@pytest.mark.parametrize("state", [State.SUBMITTED, State.ACCEPTED, State.REJECTED])
def test_taken_back_after_sending_is_for_a_person_who_withdraws_it(
    office: Office, state: State
) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(state)
    assert office.hear(revoked(PRIYA, NOON + HOUR)) == {"review": 1}
    assert office.letter["reason"] == "retracted_after_sending"
    assert office.states() == [state]
    assert office.replay() == "retracted"
    assert office.states() == ["withdrawing"]
    assert office.open_letters() == []


def test_an_unreadable_event_replayed_later_does_not_outrun_a_retraction(office: Office) -> None:
    house = office.service.premises.house
    good = openedx(PRIYA)
    office.service.premises._house = replace(house, payload_limit_bytes=10)
    office.hear(good)
    office.service.premises._house = house
    letter = office.letter["letter_id"]
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.replay(letter)
    assert office.states() == []
    assert office.letter["reason"] == "completed_after_withdrawal"


def test_an_unreadable_retraction_replayed_later_withdraws_nothing_by_itself(
    office: Office,
) -> None:
    house = office.service.premises.house
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.service.premises._house = replace(house, payload_limit_bytes=10)
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.service.premises._house = house
    office.replay()
    assert office.letter["reason"] == "retracted_after_sending"
    assert office.states() == ["accepted"]


@pytest.mark.parametrize("known", [True, False])
def test_an_unreadable_retraction_replayed_later_leaves_a_tombstone(
    office: Office, known: bool
) -> None:
    house = office.service.premises.house
    office.put_learners(OTIS.row())
    office.look()
    if known:
        office.hear(openedx(PRIYA))
    house = office.service.premises.house
    office.service.premises._house = replace(house, payload_limit_bytes=10)
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.service.premises._house = house
    assert office.replay() == "retracted"
    office.put_learners(PRIYA.row())
    office.look()
    office.hear(openedx(PRIYA, NOON + HOUR / 2))
    assert (office.credits, [row.state for row in office.completions]) == ([], ["retracted"])


# ---------------------------------------------------------------- all of it, or nothing


@contextmanager
def _disk_full(office: Office) -> Iterator[None]:
    """The ledger's file may not grow any more."""
    engine = office.ledger.engine

    def no_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    event.listen(engine, "begin", no_room)
    try:
        yield
    finally:
        event.remove(engine, "begin", no_room)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")


def test_a_full_disk_in_the_middle_leaves_nothing_and_loses_nothing(office: Office) -> None:
    office.hear(moodle(LENA))
    before = _everything(office)
    office.publisher.publish(_mixed(office, 40))
    with _disk_full(office):
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                office.intake.turn()
            assert _everything(office) == before
    office.publisher.publish([moodle(OTIS)])
    assert office.hear() == {"ready": 41, "refused": 40, "held": 40}
    assert office.ledger.remembered([STRAND]) == {STRAND: 122}


@pytest.mark.parametrize("table", ["letters", "credits", "completions", "outbox", "positions"])
def test_a_write_that_fails_takes_the_whole_batch_with_it(office: Office, table: str) -> None:
    office.hear(moodle(LENA))
    before = _everything(office)
    office.publisher.publish(_mixed(office, 3))
    with office.ledger.begin() as db:
        act = "UPDATE" if table == "positions" else "INSERT"
        db.execute(
            text(
                f"CREATE TRIGGER broken BEFORE {act} ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'corrupt'); END"
            )
        )
    with pytest.raises(IntegrityError):
        office.intake.turn()
    assert _everything(office) == before
    with office.ledger.begin() as db:
        db.execute(text("DROP TRIGGER broken"))
    office.start()
    assert office.hear() == {"ready": 3, "refused": 3, "held": 3}


def test_what_was_heard_and_where_to_go_on_are_one_transaction(office: Office) -> None:
    seen: list[tuple[int, int]] = []

    @event.listens_for(office.ledger.engine, "commit")
    def look(connection: Connection) -> None:
        heard = connection.exec_driver_sql("select count(*) from events").scalar_one()
        after = connection.exec_driver_sql("select sum(next_offset) from positions").scalar_one()
        seen.append((heard, after))

    office.start(intake={"batch_size": 2})
    office.hear(*(moodle(PRIYA, at=NOON + n * HOUR) for n in range(5)))
    assert seen == [(2, 2), (4, 4), (5, 5)]


def _mixed(office: Office, count: int) -> list[Any]:
    numbers = range(5000, 5000 + count)
    people = [replace(PRIYA, number=n, board_id=f"1{n:05d}") for n in numbers]
    office.put_learners(*(one.row() for one in [*people, *(LENA, OTIS)]))
    office.look()
    return [
        said for one in people for said in (moodle(one), raw(b"{"), moodle(one, f"99{one.number}"))
    ]


def _everything(office: Office) -> Mapping[str, Any]:
    with office.ledger.read() as db:
        names = db.execute(text("select name from sqlite_master where type = 'table'")).scalars()
        return {
            name: db.execute(text(f"select * from {name}")).all()  # noqa: S608  our own names
            for name in names
        }


# ---------------------------------------------------------------- where to go on


class Awkward:
    """A listener whose commits fail."""

    def __init__(self, listener: Listener, error: Exception) -> None:
        self._listener, self._error = listener, error

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        return self._listener.poll(limit, timeout_seconds)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        raise self._error

    def end_offsets(self) -> Mapping[Partition, int]:
        return self._listener.end_offsets()

    def committed(self) -> Mapping[Partition, int]:
        return self._listener.committed()

    def waiting_by_topic(self) -> Mapping[str, int]:
        return self._listener.waiting_by_topic()

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize("error", [CommitRefused("moved"), BusUnavailable("away")])
def test_a_commit_that_fails_loses_nothing_and_doubles_nothing(
    office: Office, error: Exception
) -> None:
    office.publisher.publish([moodle(PRIYA), moodle(OTIS), raw(b"{")])
    pump = _pump(office, lambda: Awkward(_listen(office), error))
    if isinstance(error, BusUnavailable):
        with pytest.raises(BusUnavailable):
            pump.turn()
    else:
        pump.turn()
    office.publisher.publish([moodle(LENA)])
    _let_go(office, pump)
    assert office.hear() == {"repeat": 3, "ready": 1}
    assert office.states() == ["ready"] * 3
    assert len(office.letters) == 1


def test_while_the_ledger_is_away_the_batch_is_kept_in_hand(office: Office) -> None:
    office.publisher.publish(_mixed(office, 40))
    with _disk_full(office):
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                office.intake.turn()
    # Not polled again: what came meanwhile is heard after it, in a batch of its own.
    office.publisher.publish([moodle(OTIS)])
    assert office.intake.turn() == 120
    assert "052441" not in office.board_ids("ready")
    assert office.intake.turn() == 1
    assert office.ledger.remembered([STRAND]) == {STRAND: 121}


def test_a_ledger_away_when_the_pump_starts_only_delays_it(office: Office) -> None:
    office.publisher.publish([moodle(PRIYA)])
    office.hear()
    office.start()
    hidden = office.ledger_path.with_name("hidden")
    office.ledger.engine.dispose()
    office.ledger_path.rename(hidden)
    office.ledger_path.mkdir()
    with pytest.raises(LedgerUnavailable):
        office.intake.turn()
    office.ledger_path.rmdir()
    hidden.rename(office.ledger_path)
    assert office.hear(moodle(OTIS)) == {"ready": 1}


def test_a_fresh_ledger_hears_the_whole_log_again(office: Office) -> None:
    office.hear(moodle(PRIYA), raw(b"{"), moodle(OTIS))
    letters = [row.id for row in office.letters]
    office.lose_ledger()
    assert office.hear(moodle(LENA)) == {"ready": 3, "refused": 1}
    assert [row.id for row in office.letters] == letters


def test_a_restored_ledger_hears_again_what_it_forgot(office: Office) -> None:
    office.hear(moodle(PRIYA))
    backup = office.folder / "backup.db"
    with closing(sqlite3.connect(office.ledger_path)) as db:
        db.execute("VACUUM INTO ?", (str(backup),))
    office.hear(moodle(OTIS), moodle(LENA))
    office.lose_ledger(backup)
    assert office.hear() == {"ready": 2}
    assert sorted(office.board_ids("ready")) == ["000963", "041327", "052441"]


def test_a_log_that_was_lost_is_heard_from_its_new_beginning(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.lose_bus()
    assert office.hear(moodle(LENA)) == {"ready": 1}
    assert office.hear(canvas(LENA)) == {"duplicate": 1}


def test_batches_bigger_than_the_limit_are_heard_in_order(office: Office) -> None:
    office.start(intake={"batch_size": 7})
    office.hear(*(moodle(PRIYA, at=NOON - n * DAY) for n in range(24)))
    assert office.fates == ["ready"] * 24
    assert office.credit.completed_on == date(2026, 10, 28)
    assert office.ledger.remembered([STRAND]) == {STRAND: 24}


def test_a_batch_of_the_greatest_size_is_one_transaction(office: Office) -> None:
    office.start(intake={"batch_size": 10_000})
    noise = raw(b'{"eventname": "\\\\core\\\\event\\\\course_viewed"}')
    office.publisher.publish([noise] * 9_999)
    office.publisher.publish([moodle(PRIYA)])
    assert office.intake.turn() == 10_000
    assert office.states() == ["ready"]


def _listen(office: Office) -> Listener:
    return office.service.bus.listen(office.ledger.remembered)


def _pump(office: Office, connect: Callable[[], Listener]) -> IntakePump:
    limits = office.settings.intake
    return IntakePump(
        connect, office.ledger, office.service.premises, 200, 0.001, 5, office.clock, limits
    )


def _let_go(office: Office, pump: IntakePump) -> None:
    pump.run(office.service.stop)


def _forget_positions(office: Office) -> None:
    office.start()
    with office.ledger.begin() as db:
        db.execute(text("delete from positions"))


def test_the_moment_it_was_heard_is_the_clocks(office: Office) -> None:
    office.hear(moodle(PRIYA))
    assert office.completions[0].heard_at == datetime(2026, 11, 22, 15, 15, tzinfo=UTC)
