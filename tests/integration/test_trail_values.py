"""What the audit trail says that a change was before and after, in the change's own row."""

from __future__ import annotations

from consumer.desk.answering import Answering
from consumer.desk.correcting import Correcting, Wanted
from consumer.desk.trailreading import TrailFilter, TrailRow, list_trail, reveal_row
from consumer.desk.withdrawing import withdraw
from consumer.ledger.schema import audit
from tests.integration.office import Office
from tests.integration.people import HOUR, MOODLE, NOON, PRIYA, course, moodle, openedx, revoked


def last(office: Office) -> TrailRow:
    """What was done last, opened."""
    number = list_trail(office.ledger, TrailFilter(limit=1))[0]["number"]
    return reveal_row(office.ledger, int(str(number)), "lin", office.clock)


def correct(office: Office) -> None:
    office.look()
    desk = Correcting(office.ledger, office.service.premises.house, office.clock, who="mora")
    list(desk.correct(desk.select(Wanted(activity="HF-UPDATE"))))


def test_a_withdrawal_says_how_the_credit_stood(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    list(withdraw(office.ledger, [office.credit.credit_id], "mora", "twice", office.clock))
    row = last(office)
    assert (row.before, row.after) == (
        {"standing": "Sent to PARS"},
        {"standing": "Being withdrawn"},
    )


def test_a_correction_says_the_fields_that_differ_and_no_others(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    office.put_activities(course(MOODLE, "101", max_points="1.25"))
    office.put_learners(PRIYA.row(birth_date="1971-09-11"))
    correct(office)
    row = last(office)
    assert (row.what, row.subject) == ("credit.corrected", office.credit.credit_id)
    assert row.before == {"birth_date": "1971-09-10", "points": "1.5"}
    assert row.after == {"birth_date": "1971-09-11", "points": "1.25"}
    kept = office.rows(audit)[0].change
    assert b"1971" not in kept
    assert b"points" not in kept


def test_an_answer_says_what_was_answered(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent()
    office.hear(revoked(PRIYA, NOON + HOUR))
    letter = str(office.letter["letter_id"])
    house = office.service.premises.house
    Answering(office.ledger, house, office.clock, "mora", "a mistake").decline(letter)
    row = last(office)
    assert (row.what, row.subject, row.before["status"]) == ("letter.declined", letter, "open")
    assert row.after == {"status": "resolved", "answer": "the credit stays as it is"}
