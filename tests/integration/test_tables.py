"""Tables that are brought while the service runs: what waited goes, what was sent stays sent."""

from __future__ import annotations

import csv
from pathlib import Path

from consumer.desk.tabling import TableDesk, Wish
from consumer.tables.boards import shipped_boards
from tests.integration.office import Office
from tests.integration.people import EVERYONE, MOODLE, Physician, moodle

THIRTY = [
    Physician(4420000 + n, f"Ada{n}", f"Quill{n}", f"19{50 + n}-03-17", f"{n + 100:06d}")
    for n in range(30)
]


def office_desk(office: Office) -> TableDesk:
    return TableDesk(office.tables, shipped_boards(), office.settings.profiles, office.clock, 20)


def roster(folder: Path, people: list[Physician], **changed: str) -> Path:
    """A spreadsheet of the office's, with headings of its own."""
    path = folder / "roster.csv"
    names = {"learner": "Moodle ID", "given_name": "First name", "family_name": "Last name",
             "birth_date": "DOB", "board_id": "ABIM #", "consent": "Consent"}  # fmt: skip
    with path.open("w", encoding="cp1252", newline="") as file:
        out = csv.DictWriter(file, [*names.values()], delimiter=";")
        out.writeheader()
        for one in people:
            row = one.row(**changed)
            out.writerow({heading: row[name] for name, heading in names.items()})
    return path


def test_an_import_frees_what_waited_and_its_undo_takes_nothing_back(
    office: Office, tmp_path: Path
) -> None:
    office.look()
    assert office.hear(*(moodle(one) for one in THIRTY)) == {"held": 30}
    desk = office_desk(office)
    preview = desk.preview_file("learners", roster(tmp_path, THIRTY), Wish())
    assert preview.counts() == {
        "rows": 30, "added": 30, "changed": 0, "removed": 0, "unchanged": 0, "not_in_file": 3,
        "wrong": 0,
    }  # fmt: skip
    assert office.look() == {}  # a preview changes nothing
    desk.apply(preview, "mora")
    assert office.look() == {"ready": 30}
    office.take_for_sent()
    assert office.states() == ["submitted"] * 30
    desk.apply(desk.preview_undo("learners"), "mora")
    assert office.look() == {}
    assert office.states() == ["submitted"] * 30
    assert office.letters == []
    assert office.hear(moodle(Physician(4429999, "Ada", "New", "1961-03-17", "000777"))) == {
        "held": 1
    }


def test_an_import_that_is_taken_back_before_sending_waits_again(
    office: Office, tmp_path: Path
) -> None:
    """Ready and not yet sent: without its learner there is nothing to send."""
    office.hear(moodle(THIRTY[0]))
    desk = office_desk(office)
    path = roster(tmp_path, THIRTY[:1])
    desk.apply(desk.preview_file("learners", path, Wish()), "mora")
    assert office.look() == {"ready": 1}
    desk.apply(desk.preview_undo("learners"), "mora")
    assert office.look() == {"held": 1}
    desk.apply(desk.preview_undo("learners"), "mora")
    assert office.look() == {"ready": 1}


def test_a_correction_of_one_learner_changes_nobody_else(office: Office, tmp_path: Path) -> None:
    one = EVERYONE[0]
    office.put_learners(*(each.row(site=MOODLE) for each in EVERYONE))
    office.look()
    desk = office_desk(office)
    path = roster(tmp_path, [one], consent="no")
    preview = desk.preview_file("learners", path, Wish(constants={"site": MOODLE}))
    assert (preview.counts()["changed"], preview.counts()["not_in_file"]) == (1, 2)
    desk.apply(preview, "mora")
    office.look()
    assert office.hear(*(moodle(each) for each in EVERYONE)) == {"held": 1, "ready": 2}
