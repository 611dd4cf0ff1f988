"""What people do about dead letters: try, replay by the hundred, close for good, take that back."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from consumer.credit import State
from consumer.desk.answering import Answering
from consumer.desk.casepage import show_case
from consumer.desk.closing import Closing, NotClosed, WhyMissing
from consumer.desk.credits import CreditFilter, list_credits
from consumer.desk.deadletters import (
    AsksForDecision,
    LetterFilter,
    NotOpen,
    ReplayedTooOften,
    open_ids,
    replay_letter,
    show_letter,
)
from consumer.desk.letterstats import letter_stats
from consumer.desk.lists import LISTS, Wanted
from consumer.desk.looking import Desk
from consumer.desk.overview import overview
from consumer.desk.replaying import Replaying
from consumer.desk.trying import Trial, try_letter
from consumer.desk.worklists import work_list
from consumer.ledger.claims import Settlement
from consumer.ledger.letters import Status
from consumer.ledger.schema import audit, completions, events, positions
from consumer.mapping.catalogue import Catalogue
from consumer.reason import Reason, Stage
from tests.integration.office import Office, catalogue
from tests.integration.people import (
    DAY,
    EVERYONE,
    HOUR,
    LENA,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    moodle,
    openedx,
    raw,
    revoked,
)

MARKS = ("Priya", "Vantongeren", "041327", "4413307", "1971")


def refused(office: Office, *people: Physician) -> list[str]:
    """Their completions broke a rule: a board ID that is none. Gives the letters' IDs."""
    office.put_learners(*(one.row(board_id="41327") for one in people))
    office.look()
    office.hear(*(moodle(one) for one in people))
    return [str(row["letter_id"]) for row in office.open_letters()]


def mend(office: Office) -> None:
    """The tables as they should be."""
    office.put_learners(*(person.row() for person in EVERYONE))
    office.look()


def rejected(office: Office) -> str:
    """One credit that the board rejected; gives its letter's ID."""
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    now = office.clock.now()
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", [State.SUBMITTED], 9, now + DAY)
        why = (Reason(Stage.BOARD, "board_rejected"),)
        done = [Settlement(claim, State.REJECTED, {}, why) for claim in claimed]
        office.claims.settle(db, done, now)
    return str(office.letter["letter_id"])


def trial(office: Office, letter_id: str) -> Trial:
    return try_letter(office.ledger, office.service.premises.house, letter_id, office.clock)


def replaying(office: Office, **more: Any) -> Replaying:
    house = office.service.premises.house
    return Replaying(office.ledger, house, office.clock, "mora", "mended", **more)


def closing(office: Office, why: str = "she has left the practice") -> Closing:
    return Closing(office.ledger, office.clock, "mora", why)


def everything(office: Office) -> list[Any]:
    """All that a trial might leave behind."""
    tables = (completions, events, audit)
    return [*map(office.rows, tables), office.letters, office.credits, office.queued]


def knowing_nothing(office: Office) -> None:
    """The office's mappings are away: no event is known."""
    office.service.premises.put_mappings(Catalogue(()))


def knowing_all(office: Office) -> None:
    office.service.premises.put_mappings(catalogue())


def _count(office: Office, **wanted: Any) -> int:
    return len(office.open_letters(**wanted))


def _codes(office: Office, **wanted: Any) -> list[str]:
    return sorted(row["reason"] for row in office.open_letters(**wanted))


# ---------------------------------------------------------------- what is listed


def test_a_question_names_its_credit_activity_and_day(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    letter = office.letter
    assert letter["credit_id"] == office.credit.credit_id
    assert (letter["activity"], letter["board"]) == ("RENAL", "ABIM")
    assert letter["completed_on"] == "2026-11-20"
    house = office.service.premises.house
    desk = Answering(office.ledger, house, office.clock, "mora", "")
    about = desk.about(str(letter["letter_id"]))
    assert about == f"{office.credit.credit_id}, RENAL, completed 2026-11-20"


def test_a_completion_without_credit_is_named_by_its_number_course_and_day(office: Office) -> None:
    refused(office, PRIYA)
    letter = office.letter
    told = (letter["credit_id"], letter["activity"], letter["completed_on"])
    assert told == (f"c{office.completions[0].id}", "101", "2026-11-20")


def test_letters_are_found_by_activity_board_day_and_deadline(office: Office) -> None:
    rejected(office)
    office.clock.advance(2 * 86_400)
    office.hear(raw(b"no JSON"))
    now = office.clock.now()
    assert (
        _count(office),
        _count(office, activity="HF-UPDATE"),
        _count(office, activity="RENAL"),
    ) == (2, 1, 0)
    assert (_count(office, board="ABIM"), _count(office, board="ABP")) == (1, 0)
    assert (
        _count(office, since=now - DAY),
        _count(office, until=now - DAY),
        _count(office, since=now + DAY),
    ) == (1, 1, 0)
    report_by = office.credit.report_by
    assert _count(office, due_before=report_by) == 0
    assert _count(office, due_before=report_by + timedelta(1)) == 1


def test_an_activity_finds_the_question_about_its_completion(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    assert len(office.open_letters(activity="RENAL", board="ABIM")) == 1
    assert office.open_letters(activity="HF-UPDATE") == []


def test_what_no_mapping_knew_is_listed_beside_any_source(office: Office) -> None:
    office.hear(raw(b'{"tool": "quizzer"}'))
    refused(office, PRIYA)
    assert _codes(office, source="moodle", or_unrecognised=True) == [
        "board_id_form",
        "unknown_event",
    ]
    assert _codes(office, source="moodle") == ["board_id_form"]
    assert _codes(office, source="unrecognised") == ["unknown_event"]


# ---------------------------------------------------------------- try


def test_a_trial_tells_what_pars_would_be_told_masked_and_leaves_nothing(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    before = everything(office)
    seen = trial(office, letter)
    assert (seen.fate, seen.says, seen.complaints) == ("ready", "it goes to PARS", ())
    (record,) = seen.records
    assert (record["family_name"], record["board_id"]) == ("V•••", "••••27")
    assert (record["points"], record["completed_on"]) == ("1.5", "2026-11-20")
    assert [mark for mark in MARKS if mark in str(seen)] == []
    assert everything(office) == before


def test_a_trial_tells_which_rules_are_still_broken(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    seen = trial(office, letter)
    assert (seen.fate, seen.same, seen.records) == ("refused", True, ())
    assert [(one["field"], one["reason"]) for one in seen.complaints] == [
        ("board_id", "board_id_form")
    ]


def test_a_trial_sees_what_only_the_ledger_knows(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    office.put_learners(PRIYA.row(), OTIS.row(learner="77", board_id=PRIYA.board_id))
    office.look()
    office.hear(moodle(Physician(77, "O", "N", "1965-02-28", ""), objectid=1))
    assert trial(office, letter).fate == replay_letter(
        office.ledger, office.service.premises.house, letter, "mora", "", office.clock
    )


@pytest.mark.parametrize("mended", [True, False])
def test_a_trial_of_what_nobody_could_read(office: Office, mended: bool) -> None:
    knowing_nothing(office)
    office.hear(moodle(PRIYA))
    if mended:
        knowing_all(office)
    seen = trial(office, str(office.letter["letter_id"]))
    assert (seen.fate, seen.same) == (("ready", False) if mended else ("refused", True))
    assert office.credits == []


# ---------------------------------------------------------------- replay


def test_a_plan_counts_by_reason_and_fate_and_leaves_what_would_come_back(office: Office) -> None:
    ids = refused(office, *EVERYONE)
    office.put_learners(PRIYA.row(), OTIS.row(), LENA.row(board_id="41327"))
    office.look()
    desk = replaying(office, each=False)
    plan = desk.preview(ids)
    assert plan.counts == {("board_id_form", "ready"): 2, ("board_id_form", "refused"): 1}
    assert (len(plan.going), plan.as_they_are) == (2, 1)
    assert Counter(one.fate for one in desk.go(ids)) == {"ready": 2, "refused": 1}
    assert len(office.open_letters()) == 1
    assert office.open_letters()[0]["replays"] == 0


def test_stopped_in_the_middle_the_same_wish_goes_on_with_what_is_left(office: Office) -> None:
    ids = refused(office, *EVERYONE)
    mend(office)
    first = replaying(office).go(ids)
    gone = next(first)
    del first  # as Ctrl-C would
    assert (gone.fate, len(office.open_letters())) == ("ready", 2)
    left = replaying(office).preview(list(open_ids(office.ledger, LetterFilter())))
    assert sorted(left.going) == sorted({*ids} - {gone.letter_id})
    assert [one.fate for one in replaying(office).go(ids)].count("ready") == 2
    assert [row.replays for row in office.letters] == [1, 1, 1]
    assert len(office.credits) == 3


def test_a_letter_that_cannot_go_is_told_and_the_others_go(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    gone = list(replaying(office).go(["dl-none", letter, letter]))
    assert [(one.fate, one.failed) for one in gone] == [
        ("unknown", True), ("ready", False), ("resolved", False),
    ]  # fmt: skip


def test_the_third_round_asks(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    assert [replaying(office).replay(letter).fate for _ in range(3)] == [
        "refused", "refused", "too_often",
    ]  # fmt: skip
    house = office.service.premises.house
    with pytest.raises(ReplayedTooOften, match="2 times"):
        replay_letter(office.ledger, house, letter, "mora", "", office.clock, again=False)
    assert office.letters[0].replays == 2
    assert [row.what for row in office.rows(audit)] == ["letter.replayed"] * 2
    mend(office)
    plan = replaying(office).preview([letter])
    assert (plan.going, plan.too_often) == ([], 1)
    assert replaying(office, again=True).preview([letter]).going == [letter]
    assert replaying(office, again=True).replay(letter).fate == "ready"


def test_a_question_is_told_and_not_sent_round(office: Office) -> None:
    office.hear(moodle(PRIYA, "103"))
    now = office.clock.now()
    with office.ledger.begin() as db:
        (claim,) = office.claims.claim(db, "main", [State.READY], 1, now)
        office.claims.settle(db, [Settlement(claim, State.ACCEPTED, {})], now)
    office.put_learners(PRIYA.row(board_id="041372"))
    office.look()
    letter = str(office.letter["letter_id"])
    assert office.letter["reason"] == "no_longer_derived"
    assert trial(office, letter).fate == "asks"
    assert replaying(office).preview([letter]).unanswered == 1
    assert replaying(office).replay(letter).failed
    assert len(office.open_letters()) == 1


# ---------------------------------------------------------------- closed for good


def test_discarded_it_is_off_the_list_and_the_completion_says_why(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    closing(office).discard(letter)
    assert office.open_letters() == []
    (row,) = list_credits(office.ledger, CreditFilter(learner="4413307"))
    assert (row["standing"], row["what_happened"]) == (
        "Not reportable",
        "Discarded: she has left the practice",
    )
    shown = show_letter(office.ledger, letter)
    assert (shown["status"], shown["closed"]) == (
        "discarded",
        "Discarded: she has left the practice",
    )
    (told,) = office.rows(audit)
    assert (told.who, told.what, told.subject) == ("mora", "letter.discarded", letter)
    assert b"practice" not in office.letters[0].closing
    with pytest.raises(NotOpen):
        closing(office).discard(letter)


def test_a_rejected_credit_that_is_closed_is_nobodys_work_until_it_is_open_again(
    office: Office,
) -> None:
    letter = rejected(office)
    at = Desk(office.ledger, office.service.premises.house.tables, office.clock)
    assert [len(work_list(at, Wanted(one)).items) for one in ("rejected", "attention")] == [1, 0]
    assert overview(at).lists["rejected"] == 1
    closing(office).discard(letter)
    assert [len(work_list(at, Wanted(one)).items) for one in LISTS] == [0] * len(LISTS)
    assert not any(overview(at).lists.values())
    told = show_case(at, str(office.credit.credit_id)).told
    assert (told.standing, told.next.what, told.at_risk) == (
        "Closed",
        "nothing to do. Discarded: she has left the practice",
        "",
    )
    closing(office).undo(letter)
    assert overview(at).lists["rejected"] == 1


def test_a_discarded_completion_said_once_more_stays_closed_said_otherwise_it_is_judged(
    office: Office,
) -> None:
    (letter,) = refused(office, PRIYA)
    closing(office).discard(letter)
    assert office.hear(moodle(PRIYA)) == {"duplicate": 1}
    office.look()
    assert office.open_letters() == []
    assert office.hear(moodle(PRIYA, at=NOON - DAY)) == {"refused": 1}
    assert office.letter["letter_id"] == letter
    assert show_letter(office.ledger, letter)["closed"] == ""


def test_mended_afterwards_a_discarded_completion_does_not_go_by_itself(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    closing(office).not_ours(letter)
    mend(office)
    assert office.credits == []
    assert show_letter(office.ledger, letter)["status"] == "not_ours"
    (row,) = list_credits(office.ledger, CreditFilter(learner="4413307"))
    assert row["what_happened"] == "Not ours: she has left the practice"


def test_taken_back_it_needs_attention_as_before_and_can_be_replayed(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    closing(office).discard(letter)
    closing(office, "it was the other one").undo(letter)
    assert (office.letter["letter_id"], office.completions[0].state) == (letter, "refused")
    assert [row.what for row in office.rows(audit)] == ["letter.discarded", "letter.reopened"]
    mend(office)
    assert office.replay(letter) == "ready"


def test_what_came_of_it_since_is_not_taken_back(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    closing(office).discard(letter)
    mend(office)
    assert office.hear(moodle(PRIYA, at=NOON - DAY)) == {"ready": 1}
    with pytest.raises(NotClosed):
        closing(office).undo(letter)
    assert office.states() == ["ready"]


def test_bytes_that_nobody_can_read_can_be_closed_too(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    letter = str(office.letter["letter_id"])
    assert closing(office).discard(letter) == "it is off the list; its bytes are kept"
    assert office.open_letters() == []
    closing(office).undo(letter)
    assert len(office.open_letters()) == 1


def test_a_rejected_credit_is_off_the_list_and_stays_as_the_board_left_it(office: Office) -> None:
    letter = rejected(office)
    closing(office).discard(letter)
    assert (office.states(), office.open_letters()) == (["rejected"], [])
    (row,) = list_credits(office.ledger, CreditFilter(learner="4413307"))
    assert row["standing"] == "Rejected by the board"
    assert row["what_happened"] == "Discarded: she has left the practice"


def test_nobody_discards_without_a_reason_nor_a_question(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    with pytest.raises(WhyMissing):
        closing(office, " ").discard(letter)
    mend(office)
    office.replay(letter)
    office.take_for_sent(State.ACCEPTED)
    office.hear(moodle(PRIYA, at=NOON - DAY))
    with pytest.raises(AsksForDecision):
        closing(office).discard(str(office.letter["letter_id"]))
    assert len(office.open_letters()) == 1


# ---------------------------------------------------------------- sent once more by any tool


@pytest.mark.parametrize("headers", [(), (("moc-status", b"open"), ("moc-letter-id", b"dl-x"))])
@pytest.mark.parametrize("named", [False, True])
def test_the_bytes_of_a_letter_sent_once_more_settle_it(
    office: Office, headers: Any, named: bool
) -> None:
    knowing_nothing(office)
    said = moodle(PRIYA)
    office.hear(said)
    letter = str(office.letter["letter_id"])
    knowing_all(office)
    key = letter.encode() if named else None
    assert office.hear(raw(said.value, key=key, headers=headers)) == {"ready": 1}
    assert office.open_letters() == []
    assert (len(office.credits), show_letter(office.ledger, letter)["status"]) == (1, "resolved")
    assert office.hear(raw(said.value, key=key, headers=headers)) == {"duplicate": 1}
    assert len(office.credits) == 1


def test_still_unreadable_they_are_the_same_letter_again(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    before = office.letters[0]
    office.hear(raw(b"no JSON", key=before.id.encode()))
    (letter,) = office.letters
    assert (letter.failures, letter.status) == (2, Status.OPEN)
    assert letter.original == before.original


def test_the_same_bytes_under_another_key_are_an_event_of_their_own(office: Office) -> None:
    office.hear(raw(b"no JSON"), raw(b"no JSON", key=b"somebody else"))
    office.hear(raw(b"no JSON", key=b"a third"))
    assert len(office.open_letters()) == 3


def test_the_same_bytes_that_say_something_else_settle_nothing(office: Office) -> None:
    knowing_nothing(office)
    office.hear(openedx(PRIYA))
    knowing_all(office)
    # Created and revoked differ in a header alone.
    value, headers = openedx(PRIYA).value, revoked(PRIYA, NOON + HOUR).headers
    office.hear(raw(value, headers=headers))
    assert len(office.open_letters()) == 1
    assert office.replay() != "refused"


def test_a_letter_heard_again_at_its_own_place_is_not_settled_by_itself(office: Office) -> None:
    knowing_nothing(office)
    office.hear(moodle(PRIYA))
    knowing_all(office)
    office.start()
    with office.ledger.begin() as db:
        db.execute(positions.delete())  # as if neither had kept where it was
    assert office.hear() == {"repeat": 1}
    assert [row.status for row in office.letters] == [Status.OPEN]


@pytest.mark.parametrize("named", ["key", "header", "not"])
def test_a_refused_credits_bytes_go_round_when_they_name_their_letter(
    office: Office, named: str
) -> None:
    letter = rejected(office)
    value = moodle(PRIYA).value
    key = letter.encode() if named == "key" else None
    headers = (("moc-letter-id", letter.encode()),) if named == "header" else ()
    fates = office.hear(raw(value, key=key, headers=headers))
    if named == "not":
        # The LMS says it once more: what the board said stands.
        assert (fates, office.states()) == ({"duplicate": 1}, ["rejected"])
        return
    assert (fates, office.states()) == ({"ready": 1}, ["withdrawing"])
    assert (office.open_letters(), len(office.credits)) == ([], 1)


def test_another_events_bytes_do_not_answer_a_letter_that_they_name(office: Office) -> None:
    letter = rejected(office)
    office.hear(raw(moodle(OTIS).value, key=letter.encode()))
    assert office.states() == ["rejected", "ready"]
    assert len(office.open_letters()) == 1


# ---------------------------------------------------------------- counted


def test_letters_are_counted_by_reason_source_age_and_replays(office: Office) -> None:
    office.hear(raw(b"no JSON"), raw(b"again no JSON"))
    office.clock.advance(8 * 86_400)
    (letter, *_) = refused(office, PRIYA)
    office.replay(letter)
    rows = letter_stats(office.ledger, LetterFilter(), office.clock.now())
    told = {(row["by"], row["what"]): row["letters"] for row in rows}
    assert told == {
        ("reason", "malformed_json"): 2, ("reason", "board_id_form"): 1,
        ("source", "unrecognised"): 2, ("source", "moodle"): 1,
        ("age", "under 30 days"): 2, ("age", "under a day"): 1,
        ("replays", "never"): 2, ("replays", "once"): 1,
    }  # fmt: skip
