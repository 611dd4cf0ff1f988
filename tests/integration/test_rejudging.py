"""What waits goes by itself when the office's tables change; what was sent stays as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from consumer.credit import State
from consumer.ledger.claims import Settlement
from consumer.ledger.ledger import LedgerUnavailable
from tests.integration.office import Office
from tests.integration.people import (
    CANVAS,
    COURSES,
    DAY,
    EVERYONE,
    HOUR,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    RENAL,
    canvas,
    course,
    moodle,
    openedx,
    revoked,
)

Change = Callable[[Office], None]


def _learners(**changed: str) -> Change:
    return lambda office: office.put_learners(PRIYA.row(**changed))


def _activities(*rows: dict[str, str]) -> Change:
    return lambda office: office.put_activities(*rows)


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        (lambda office: office.put_learners(OTIS.row()), "learner_not_found"),
        (_learners(site=CANVAS), "learner_not_found"),
        (_activities(course(CANVAS, "731")), "activity_not_found"),
        (_learners(board_id=""), "no_board_id"),
        (_learners(consent=""), "no_consent"),
        (_learners(consent="no"), "no_consent"),
        (_learners(birth_date=""), "no_birth_date"),
        (_learners(birth_date="09/10"), "no_birth_year"),
    ],
)
def test_what_waits_goes_by_itself_when_the_table_has_it(
    office: Office, lacking: Change, reason: str
) -> None:
    lacking(office)
    office.look()
    assert office.hear(moodle(PRIYA)) == {"held": 1}
    assert reason in office.completions[0].reasons
    assert office.look() == {}
    office.put_learners(PRIYA.row())
    office.put_activities(*COURSES)
    assert office.look() == {"ready": 1}
    assert (office.states(), office.letters) == (["ready"], [])
    assert office.completions[0].reasons == "[]"


def test_what_still_waits_says_what_for(office: Office) -> None:
    office.put_learners(OTIS.row())
    office.look()
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row(board_id="", consent=""))
    assert office.look() == {"held": 1}
    assert "no_board_id" in office.completions[0].reasons
    office.put_learners(PRIYA.row(consent=""))
    assert office.look() == {"held": 1}
    assert "no_consent" in office.completions[0].reasons


def test_what_waits_and_then_breaks_a_rule_becomes_a_letter(office: Office) -> None:
    office.put_learners(OTIS.row())
    office.look()
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row(board_id="4132x"))
    assert office.look() == {"refused": 1}
    assert office.letter["reason"] == "board_id_form"
    office.put_learners(PRIYA.row())
    office.look()
    assert office.replay() == "ready"
    assert (office.states(), office.open_letters()) == (["ready"], [])


@pytest.mark.parametrize("broken", ["learner,given_name\n1", "\x00", 'learner,"x\n', "\xff"])
def test_a_broken_table_is_refused_and_the_old_one_stays_in_force(
    office: Office, broken: str
) -> None:
    office.look()
    office.tables.joinpath("learners.csv").write_bytes(broken.encode("latin-1"))
    assert office.look() == {}
    assert office.hear(moodle(PRIYA)) == {"ready": 1}
    office.put_learners(OTIS.row())
    assert office.look() == {"held": 1}
    assert office.hear(moodle(LENA)) == {"held": 1}


def test_a_table_that_is_away_for_a_moment_changes_nothing(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.look()
    file = office.tables / "learners.csv"
    file.rename(office.folder / "aside")
    assert office.look() == {}
    assert office.states() == ["ready"]
    (office.folder / "aside").rename(file)
    assert office.look() == {"duplicate": 1}
    assert office.states() == ["ready"]


def test_one_broken_table_keeps_both_old_ones(office: Office) -> None:
    office.look()
    office.put_learners(OTIS.row())
    office.tables.joinpath("activities.csv").write_text("course\n")
    assert office.look() == {}
    assert office.hear(moodle(PRIYA)) == {"ready": 1}


def test_everything_that_waits_is_judged_at_every_start_and_once_a_day(office: Office) -> None:
    office.hear(moodle(replace(PRIYA, number=9)))
    assert office.look() == {"held": 1}
    assert office.look() == {}
    office.clock.advance(86_399)
    assert office.look() == {}
    office.clock.advance(1)
    assert office.look() == {"held": 1}
    assert office.look() == {}
    office.start()
    assert office.look() == {"held": 1}


def test_a_table_that_changed_while_nobody_ran_is_taken_up_at_the_start(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id=""))
    office.look()
    office.hear(moodle(PRIYA))
    office.stop()
    office.put_learners(PRIYA.row())
    office.start()
    office.look()
    assert office.states() == ["ready"]


def test_a_fault_half_way_is_made_good_at_the_next_look(office: Office) -> None:
    people = [replace(PRIYA, number=n, board_id=f"1{n:05d}") for n in range(5000, 5450)]
    office.put_learners(OTIS.row())
    office.look()
    office.hear(*map(moodle, people))
    office.put_learners(*(one.row() for one in people))
    commits = 0

    def fail(_: Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    event.listen(office.ledger.engine, "commit", fail)
    with pytest.raises(LedgerUnavailable):
        office.look()
    assert len(office.credits) == 200
    assert office.look()["ready"] == 250
    assert office.states() == ["ready"] * 450
    assert {row.state for row in office.completions} == {"credited"}


def test_a_credit_not_yet_sent_follows_a_corrected_board_id(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="041372"))
    office.look()
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row())
    assert office.look() == {"ready": 1}
    assert office.states() == ["withdrawn", "ready"]
    assert [row.credit_id for row in office.credits] == [None, None]
    assert (office.board_ids("withdrawn"), office.board_ids("ready")) == (["041372"], ["041327"])


def test_a_name_or_title_corrected_before_sending_is_sent_corrected(office: Office) -> None:
    office.put_learners(PRIYA.row(family_name="Vantongren"))
    office.look()
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row())
    office.put_activities(course(MOODLE, "101", title="Heart Failure 2026", max_points="2"))
    office.look()
    record = office.ledger.seal.open_record(office.credit.record)
    assert (record.family_name, record.title) == ("Vantongeren", "Heart Failure 2026")
    assert (office.credit.points, office.states()) == ("2", ["ready"])


@pytest.mark.parametrize(
    ("zone", "at", "day"), [("Asia/Tokyo", NOON, 21), ("Pacific/Pago_Pago", NOON - 8 * HOUR, 19)]
)
def test_a_zone_corrected_before_sending_moves_the_day_either_way(
    office: Office, zone: str, at: datetime, day: int
) -> None:
    office.hear(moodle(PRIYA, at=at))
    assert office.credit.completed_on.day == 20
    office.put_activities(course(MOODLE, "101", zone=zone, title="Heart Failure 2026"))
    office.look()
    record = office.ledger.seal.open_record(office.credit.record)
    assert record.completed_on == office.credit.completed_on == date(2026, 11, day)
    assert (record.title, office.states()) == ("Heart Failure 2026", ["ready"])


def test_when_the_first_of_two_accounts_takes_it_back_the_others_day_counts(
    office: Office,
) -> None:
    office.put_activities(course(MOODLE, "101"), course("", RENAL))
    office.look()
    office.hear(openedx(PRIYA), moodle(PRIYA, at=NOON + DAY), revoked(PRIYA, NOON + HOUR))
    office.clock.advance(86_400)
    office.look()
    assert (office.states(), office.credit.completed_on) == (["ready"], date(2026, 11, 21))


def test_a_renewed_pars_id_makes_no_second_credit(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.put_activities(course(MOODLE, "101", pars_activity_id="202700001"))
    office.look()
    assert (office.states(), office.credit.pars_activity_id) == (["ready"], "202700001")


def test_two_accounts_found_to_be_one_physician_merge_into_one_credit(office: Office) -> None:
    office.put_learners(PRIYA.row(site=MOODLE), PRIYA.row(site=CANVAS, board_id="041372"))
    office.look()
    office.hear(moodle(PRIYA), canvas(PRIYA))
    assert office.states() == ["ready", "ready"]
    office.put_learners(PRIYA.row())
    office.look()
    assert (office.board_ids("ready"), office.board_ids("withdrawn")) == (["041327"], ["041372"])
    assert [row.state for row in office.completions] == ["credited", "credited"]


def test_one_account_found_to_be_two_physicians_splits_its_credit(office: Office) -> None:
    office.hear(moodle(PRIYA), canvas(PRIYA))
    assert office.states() == ["ready"]
    office.put_learners(PRIYA.row(site=MOODLE), OTIS.row(site=CANVAS, learner=str(PRIYA.number)))
    office.look()
    assert sorted(office.board_ids("ready")) == ["041327", "052441"]


@pytest.mark.parametrize(
    "mistaken",
    [
        lambda office: office.put_learners(OTIS.row()),
        _learners(board_id="041372"),
        _learners(board_id="4132x"),
        _learners(consent="no"),
        _activities(course(CANVAS, "731")),
    ],
)
def test_a_mistake_in_a_table_that_is_undone_costs_nobody_a_credit(
    office: Office, mistaken: Change
) -> None:
    office.hear(moodle(PRIYA))
    mistaken(office)
    office.look()
    assert office.board_ids("ready") != ["041327"]
    office.put_learners(*(person.row() for person in EVERYONE))
    office.put_activities(*COURSES)
    office.look()
    # By itself, unless a rule was broken meanwhile: a person was asked to correct that.
    letters = office.open_letters()
    assert {row["stage"] for row in letters} <= {"rules"}
    for letter in letters:
        office.replay(letter["letter_id"])
    assert office.board_ids("ready") == ["041327"]


def test_a_course_marked_not_ours_by_mistake_is_reported_once_it_is_ours(office: Office) -> None:
    office.put_activities(course(MOODLE, "101", profile="not ours"))
    office.look()
    assert office.hear(moodle(PRIYA)) == {"not_reportable": 1}
    office.put_activities(course(MOODLE, "101"))
    office.look()
    assert office.states() == ["ready"]


def test_a_completion_taken_back_is_not_reported_when_its_course_becomes_ours(
    office: Office,
) -> None:
    renal = "course-v1:HarborCME+RENAL201+2026T2"
    office.put_activities(course("", renal, profile="not ours"))
    office.look()
    office.hear(openedx(PRIYA), revoked(PRIYA, NOON + HOUR))
    office.put_activities(course("", renal))
    office.look()
    assert office.states() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda office, _: office.put_learners(PRIYA.row(board_id="041372")),
        lambda office, rows: office.put_learners(
            *(row | {"board_id": f"9{row['board_id'][1:]}"} for row in rows)
        ),
        lambda office, rows: office.put_learners(
            *(row | {"family_name": "Other", "birth_date": "1970-01-01"} for row in rows)
        ),
        lambda office, _: office.put_activities(
            course(MOODLE, "101", max_points="2", zone="Asia/Tokyo")
        ),
        lambda office, _: office.put_activities(course(CANVAS, "731")),
    ],
)
def test_what_was_sent_is_not_touched_by_a_table(
    office: Office, change: Callable[[Office, list[dict[str, str]]], None]
) -> None:
    sent = [state for state in State if state is not State.READY]
    people = [replace(PRIYA, number=n, board_id=f"2{n:05d}") for n in range(700, 700 + len(sent))]
    rows = [one.row() for one in people]
    office.put_learners(*rows)
    office.look()
    for one, state in zip(people, sent, strict=True):
        office.hear(moodle(one))
        office.take_for_sent(state)
    before = (office.credits, office.completions)
    change(office, rows)
    assert office.look() == {}
    assert (office.credits, office.completions) == before
    assert office.letters == []


def test_of_two_credits_the_sent_one_stays_and_the_other_follows_the_table(office: Office) -> None:
    office.hear(moodle(PRIYA, "103"))
    _send_one(office)
    assert office.states() == ["submitted", "ready"]
    office.put_learners(PRIYA.row(board_id="041372"))
    office.look()
    assert office.board_ids("submitted") == ["041327"]
    assert office.board_ids("ready") == ["041372", "041372"]
    # PARS has one that nothing leads to any more: only a person may take it back.
    assert office.letter["reason"] == "no_longer_derived"


def _send_one(office: Office) -> None:
    now = office.clock.now()
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", [State.READY], 1, now)
        done = [Settlement(claim, State.SUBMITTED, {"due_at": now}) for claim in claimed]
        office.claims.settle(db, done, now)


def test_a_stop_is_heeded_between_two_chunks_of_a_large_ledger(office: Office) -> None:
    people = [replace(PRIYA, number=n, board_id=f"1{n:05d}") for n in range(5000, 5450)]
    office.put_learners(OTIS.row())
    office.look()
    office.hear(*map(moodle, people))
    office.put_learners(*(one.row() for one in people))
    stop = threading.Event()
    event.listen(office.ledger.engine, "commit", lambda _: stop.set())
    assert office.rejudging.turn(stop)["ready"] == 200
    office.start()
    assert office.look()["ready"] == 250
    assert office.states() == ["ready"] * 450
