"""`credit explain`: by which rows and rules a credit came about, and nothing of whom."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from consumer.desk.credits import NoSuchCredit
from consumer.desk.explaining import Explaining, Explanation
from consumer.ledger.schema import audit
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.mask import masked
from consumer.resources import shipped
from tests.integration.office import Office
from tests.integration.people import COURSES, MOODLE, PRIYA, course, moodle

COURSE = "mappings/moodle/course_completed.yaml"


def explain(office: Office, credit_id: str = "c1") -> Explanation:
    house = office.service.premises.house
    return Explaining(office.ledger, house, office.tables, office.clock).explain(credit_id)


def line_of(text: str) -> int:
    """The line of the shipped mapping that begins with this."""
    lines = (shipped("mappings").parent / COURSE).read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text))


def test_every_row_that_made_a_credit_is_named_by_file_and_line(office: Office) -> None:
    office.put_activities(course(MOODLE, "101", starts="2026-01-01", ends="2026-12-31"))
    office.look()
    office.hear(moodle(PRIYA))
    told = explain(office)
    assert (told.subject, told.standing) == ("c1", "Ready")
    (account,) = told.accounts
    assert account.file == COURSE
    assert "lms.events/0/0" in account.heard
    rows = {row.target: (line, row.path, row.verbs) for line, row in account.rows}
    assert rows["learner"] == (line_of("learner:"), "body.relateduserid", "")
    assert rows["completed"] == (
        line_of("completed:"),
        "body.timecompleted or body.timecreated",
        "first_of, instant: epoch_s",
    )
    assert account.tables == (
        "activities.csv line 2: HF-UPDATE, PARS activity 202600001, ABIM, Medical Knowledge,"
        " at most 1.5",
        "learners.csv line 2: ABIM, a board ID, consent",
    )
    assert account.remarks == ()
    assert told.rules == (
        "the time of completion is 2026-11-20 in America/Chicago, the activity's zone",
        "the activity runs from 2026-01-01 to 2026-12-31, and that day lies within",
        "everyone earns what is registered: 1.5 Medical Knowledge",
        "ABIM: the board ID must have six digits, and has",
        "to be reported by 2026-12-20; PARS closes that year on 2027-03-31",
    )


def test_what_a_completion_waits_for_is_told_with_the_row_that_lacks_it(office: Office) -> None:
    office.put_learners(PRIYA.row(consent="no"))
    office.put_activities(*COURSES[1:], course("", "101"))
    office.look()
    office.hear(moodle(PRIYA))
    told = explain(office)
    assert told.rules == ()
    lines = [line.partition(":")[0] for line in told.accounts[0].tables]
    assert lines == [f"activities.csv line {len(COURSES) + 1}", "learners.csv line 2"]
    assert told.accounts[0].tables[1].endswith("no consent")
    (wait,) = told.waits
    assert wait.startswith("no consent to share with the board is on file; ask the learner")


def test_an_event_that_no_mapping_reads_any_more_is_still_told_of(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.service.premises.put_mappings(Catalogue(()))
    (account,) = explain(office).accounts
    assert account.rows == ()
    assert account.remarks == ("today no mapping reads it: no mapping knows this event",)
    assert account.mapping.startswith("moodle/course_completed version ")


def test_nothing_personal_stands_outside_the_values_of_the_rows(office: Office) -> None:
    office.hear(moodle(PRIYA))
    told = explain(office)
    (account,) = told.accounts
    shown = " ".join([*told.rules, *told.waits, *account.tables, *account.remarks, account.heard])
    values = [row.value for _, row in account.rows if row.value]
    shown += " ".join(masked(value) for value in values)
    for secret in (PRIYA.family_name, PRIYA.given_name, PRIYA.board_id, str(PRIYA.number), "1971"):
        assert secret not in shown
    assert str(PRIYA.number) in values


def test_who_looked_at_the_values_is_remembered(office: Office) -> None:
    office.hear(moodle(PRIYA))
    house = office.service.premises.house
    desk = Explaining(office.ledger, house, office.tables, office.clock)
    desk.revealed(desk.explain("c1").subject, "mora")
    with office.ledger.read() as db:
        (row,) = db.execute(select(audit)).all()
    assert (row.who, row.what, row.subject) == ("mora", "credit.revealed", "c1")


def test_what_nobody_heard_of_is_said_to_be_unknown(office: Office) -> None:
    with pytest.raises(NoSuchCredit):
        explain(office, "c77")
