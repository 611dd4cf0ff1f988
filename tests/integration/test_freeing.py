"""A table's change, tried before it is made: how many would go, and why the others stay."""

from __future__ import annotations

import csv
from pathlib import Path

from consumer.desk.freeing import freed_by
from consumer.desk.tabling import Preview, TableDesk, Wish
from consumer.tables.boards import shipped_boards
from tests.integration.office import Office
from tests.integration.people import (
    COURSES,
    EVERYONE,
    LENA,
    MOODLE,
    OTIS,
    PRIYA,
    canvas,
    course,
    moodle,
)


def preview(office: Office, table: str, *rows: dict[str, str]) -> Preview:
    """What bringing these rows would do."""
    path: Path = office.folder / "brought.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    desk = TableDesk(office.tables, shipped_boards(), office.settings.profiles, office.clock, 5)
    return desk.preview_file(table, path, Wish())


def test_a_course_that_was_missing_lets_most_go_and_says_why_the_others_stay(
    office: Office,
) -> None:
    office.put_activities(*COURSES[1:])
    office.put_learners(PRIYA.row(), OTIS.row(), LENA.row(consent=""))
    office.look()
    office.hear(*(moodle(one) for one in EVERYONE), canvas(PRIYA, "999"))
    seen = preview(office, "activities", course(MOODLE, "101"))
    before = office.completions
    told = freed_by(office.ledger, office.service.premises.house, seen, office.clock.now())
    assert (told.waiting, told.looked, len(told.numbers), told.letters) == (4, 4, 2, ())
    assert told.stay == (("no consent to share with the board is on file", 1),)
    assert office.completions == before
    # And so it comes when it is done.
    office.put_activities(*COURSES)
    office.look()
    assert office.states() == ["ready", "ready"]


def test_a_learner_that_is_corrected_makes_a_letter_replayable(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="41327"), OTIS.row(consent=""))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS))
    told = freed_by(
        office.ledger,
        office.service.premises.house,
        preview(office, "learners", PRIYA.row()),
        office.clock.now(),
    )
    assert (told.numbers, told.stay) == ((), ())
    assert told.letters == (office.letter["letter_id"],)
