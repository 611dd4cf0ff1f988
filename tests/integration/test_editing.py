"""Correcting what an event says: by field, by version, by one person at a time."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.credit import State
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.correcting import Correcting, Outcome
from consumer.desk.editing import Draft, Editing, EditProblems, EditRefused, Wanted
from consumer.ledger.schema import audit, letter_edits
from consumer.ledger.seal import unpack_original
from consumer.pumps.rejudging import rejudge
from tests.integration.edits import edits_of
from tests.integration.office import Office
from tests.integration.people import DAY, MOODLE, NOON, OTIS, PRIYA, moodle, raw
from tests.integration.test_letters import knowing_all, knowing_nothing, mend, refused, rejected

DAY_BEFORE = (NOON - DAY).isoformat()


def editing(office: Office, who: str = "mora") -> Editing:
    return Editing(office.ledger, office.service.premises.house, office.clock, who, "she called")


def early(office: Office) -> str:
    """A completion dated before its activity began; gives its letter's ID."""
    office.hear(moodle(PRIYA, at=NOON + 400 * DAY))
    return str(office.letter["letter_id"])


def value(office: Office) -> bytes | None:
    return unpack_original(office.ledger.seal.open(office.letters[0].original)).value


def test_a_date_is_corrected_replayed_and_the_bytes_stay(office: Office) -> None:
    letter, before = early(office), value(office)
    draft = editing(office).open(letter)
    assert (draft.version, draft.fields["course"], draft.fields["learner"]) == (0, "101", "••••07")
    desk, wanted = editing(office), Wanted({"completed": NOON.isoformat()})
    seen = desk.try_out(letter, wanted)
    assert (seen.fate, office.rows(letter_edits)) == ("ready", [])
    assert desk.save(letter, 0, wanted) == 1
    assert office.credits == []
    assert office.replay(letter) == "ready"
    assert str(office.credit.completed_on) == "2026-11-20"
    assert value(office) == before == moodle(PRIYA, at=NOON + 400 * DAY).value
    (kept,) = edits_of(office.ledger, letter)
    assert (kept["who"], kept["why"]) == ("mora", "she called")
    assert kept["fields"] == {"completed": NOON.isoformat()}
    assert [row.what for row in office.rows(audit)] == ["letter.edited", "letter.replayed"]


def test_said_once_more_by_the_lms_the_correction_stands(office: Office) -> None:
    letter = early(office)
    editing(office).save(letter, 0, Wanted({"completed": DAY_BEFORE}))
    office.replay(letter)
    assert office.hear(moodle(PRIYA, at=NOON + 400 * DAY, emitted=1)) == {"duplicate": 1}
    assert str(office.credit.completed_on) == "2026-11-19"
    rejudge(office.ledger, office.service.premises, office.clock)
    assert str(office.credit.completed_on) == "2026-11-19"


def test_an_earlier_day_said_once_more_does_not_undo_a_correction_to_a_later_one(
    office: Office,
) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    editing(office).save(letter, 0, Wanted({"completed": "2026-11-21"}))
    office.replay(letter)
    assert office.hear(moodle(PRIYA, emitted=1)) == {"duplicate": 1}
    assert str(office.credit.completed_on) == "2026-11-21"
    # What the LMS says otherwise than it ever did is news.
    assert office.hear(moodle(PRIYA, at=NOON - DAY)) == {"ready": 1}


def test_a_correction_outlives_a_refusal_by_the_board(office: Office) -> None:
    letter = rejected(office)
    editing(office).save(letter, 0, Wanted({"completed": DAY_BEFORE}))
    assert office.replay(letter) == "ready"
    record = office.ledger.seal.open_record(office.credit.record)
    assert (office.states(), str(record.completed_on)) == (["withdrawing"], "2026-11-19")


def test_another_learner_is_meant_and_the_first_one_gets_nothing(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    editing(office).save(letter, 0, Wanted({"learner": str(OTIS.number)}))
    assert office.replay(letter) == "ready"
    assert office.board_ids("ready") == [OTIS.board_id]
    assert office.open_letters() == []
    # The LMS says it once more, with the wrong learner: a person has corrected that.
    assert office.hear(moodle(PRIYA)) == {"duplicate": 1}
    office.look()
    assert office.board_ids("ready") == [OTIS.board_id]


def test_a_corrected_learner_who_has_the_credit_already_gets_no_second(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    office.hear(moodle(OTIS))
    editing(office).save(letter, 0, Wanted({"learner": str(OTIS.number)}))
    assert office.replay(letter) == "duplicate"
    assert office.board_ids("ready") == [OTIS.board_id]


def test_another_learners_credit_at_pars_is_asked_about(office: Office) -> None:
    letter = rejected(office)
    editing(office).save(letter, 0, Wanted({"learner": str(OTIS.number)}))
    assert office.replay(letter) == "ready"
    assert office.states() == ["withdrawing", "ready"]
    assert office.board_ids("ready") == [OTIS.board_id]


def test_what_nobody_could_read_is_told_in_full(office: Office) -> None:
    knowing_nothing(office)
    office.hear(moodle(PRIYA))
    letter = str(office.letter["letter_id"])
    fields = {"learner": str(PRIYA.number), "course": "101", "completed": "2026-11-20"}
    with pytest.raises(EditProblems) as wrong:
        editing(office).save(letter, 0, Wanted(fields))
    assert set(wrong.value.problems) == {"site", "source"}
    full = Wanted({**fields, "site": MOODLE, "source": "moodle"})
    editing(office).save(letter, 0, full)
    assert office.replay(letter) == "ready"
    knowing_all(office)
    # The event itself, heard once it can be read, is the completion that there is.
    assert office.hear(moodle(PRIYA, at=NOON, emitted=1)) in ({"duplicate": 1}, {"ready": 1})
    assert len(office.credits) == 1


def test_bytes_that_cannot_be_decoded_are_typed_anew_and_kept_as_they_came(office: Office) -> None:
    good = moodle(PRIYA).value or b""
    office.hear(raw(good + b","))
    letter = str(office.letter["letter_id"])
    editing(office).save(letter, 0, Wanted({}, value=good))
    assert value(office) == good + b","
    assert office.replay(letter) == "ready"
    kept = unpack_original(office.ledger.seal.open(office.completions[0].original))
    assert kept.value == good + b","


def test_bytes_that_can_be_read_are_not_typed_anew(office: Office) -> None:
    with pytest.raises(EditRefused):
        editing(office).save(early(office), 0, Wanted({}, value=b"{}"))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("completed", "20.11.2026"), ("completed", "2026-11-20T18:00"), ("points", "many"),
        ("learner", " "), ("course", "x" * 1001), ("colour", "red"), ("points", "NaN"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field_and_nothing_is_written(
    office: Office, field: str, text: str
) -> None:
    letter = early(office)
    with pytest.raises(EditProblems) as wrong:
        editing(office).save(letter, 0, Wanted({field: text, "site": MOODLE}))
    assert [*wrong.value.problems] == [field]
    assert text.strip() in {"", *()} or text not in wrong.value.problems[field]
    assert (office.rows(letter_edits), office.rows(audit)) == ([], [])


def test_who_saves_second_is_told_who_was_first_and_nothing_is_written(office: Office) -> None:
    letter = early(office)
    first: Draft = editing(office).open(letter)
    editing(office, "ines").save(letter, first.version, Wanted({"completed": DAY_BEFORE}))
    with pytest.raises(ChangedMeanwhile) as told:
        editing(office).save(letter, first.version, Wanted({"completed": "2026-11-18"}))
    assert (told.value.who, told.value.at) == ("ines", office.clock.now())
    assert editing(office).open(letter).fields["completed"] == DAY_BEFORE
    assert len(office.rows(letter_edits)) == 1


def test_a_correction_is_taken_back(office: Office) -> None:
    letter = early(office)
    before = editing(office).open(letter).fields
    editing(office).save(letter, 0, Wanted({"completed": DAY_BEFORE}))
    assert editing(office).take_back(letter, 1) == 2
    assert editing(office).open(letter).fields == before
    assert office.replay(letter) == "refused"
    assert [one["version"] for one in edits_of(office.ledger, letter)] == [1, 2]


def test_a_corrected_completion_that_was_sent_is_the_same_for_a_correction(office: Office) -> None:
    letter = early(office)
    editing(office).save(letter, 0, Wanted({"completed": DAY_BEFORE}))
    office.replay(letter)
    office.take_for_sent(State.ACCEPTED)
    house = office.service.premises.house
    desk = Correcting(office.ledger, house, office.clock, True, "mora", "")
    found: list[Any] = list(desk.preview([office.credit.id]))
    assert [one.outcome for one in found] == [Outcome.UNCHANGED]
