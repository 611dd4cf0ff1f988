"""What people at the desk see and do: find anyone, understand a letter, send it round again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, insert

from consumer.credit import State
from consumer.desk.answering import Answering, NoQuestion
from consumer.desk.credits import CreditFilter, NoSuchCredit, list_credits, show_credit
from consumer.desk.deadletters import (
    AsksForDecision,
    LetterFilter,
    NoSuchLetter,
    NotOpen,
    list_letters,
    open_ids,
    reveal_letter,
    show_letter,
)
from consumer.ledger.claims import Settlement
from consumer.ledger.schema import audit, people, search_keys
from consumer.ledger.searching import found_by, search_digest
from consumer.reason import Reason, Stage
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    COURSES,
    DAY,
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
    raw,
    revoked,
)

MARKS = ("Priya", "Vantongeren", "041327", "4413307", "1971", "lakeside.example/")


def settle(office: Office, state: State, reason: Reason | None = None) -> None:
    """PARS, or the board, has decided about everything that was sent."""
    now = office.clock.now()
    reasons = (reason,) if reason else ()
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", [State.SUBMITTED], 9, now + DAY)
        done = [Settlement(claim, state, {}, reasons) for claim in claimed]
        office.claims.settle(db, done, now)


def rejected(office: Office) -> None:
    """One credit that the board rejected."""
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    settle(office, State.REJECTED, Reason(Stage.BOARD, "board_rejected"))


def answering(office: Office) -> Answering:
    """A coordinator who answers what was asked."""
    house = office.service.premises.house
    return Answering(office.ledger, house, office.clock, "mora", "as the learner says")


def refused(office: Office, **wrong: str) -> None:
    """One completion that broke a rule."""
    office.put_learners(PRIYA.row(**({"board_id": "41327"} | wrong)))
    office.look()
    office.hear(moodle(PRIYA))


def mend(office: Office) -> None:
    """The tables as they should be."""
    office.put_learners(*(person.row() for person in (PRIYA, OTIS, LENA)))
    office.put_activities(*COURSES)
    office.look()


# ---------------------------------------------------------------- letters


def test_open_letters_are_listed_newest_first_in_plain_words(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    office.clock.advance(60)
    refused(office)
    newest, oldest = office.open_letters()
    assert [oldest["reason"], newest["reason"]] == ["malformed_json", "board_id_form"]
    assert newest["what_happened"] == "the board ID does not have the board's form"
    assert newest["who_can_fix_it"] == "coordinator"
    assert (newest["status"], newest["stage"], newest["source"]) == ("open", "rules", "moodle")


def test_letters_are_filtered_by_status_stage_reason_and_source(office: Office) -> None:
    office.hear(raw(b"no JSON"), raw(b'{"tool": "quizzer"}'), raw(b"again no JSON"))
    refused(office)
    count = lambda **wanted: len(office.open_letters(**wanted))  # noqa: E731
    assert count() == 4
    assert (count(stage="decode"), count(stage="rules"), count(stage="pars")) == (2, 1, 0)
    assert (count(reason="malformed_json"), count(reason="unknown_event")) == (2, 1)
    assert (count(source="moodle"), count(source="canvas")) == (1, 0)
    assert (count(limit=3), count(stage="decode", reason="unknown_event")) == (3, 0)
    assert (count(status="resolved"), count(status="")) == (0, 4)
    assert len(open_ids(office.ledger, LetterFilter(stage="decode"))) == 2


def test_one_letter_is_shown_with_every_reason_and_no_content(office: Office) -> None:
    refused(office, npi="123", family_name=" ")
    shown = show_letter(office.ledger, str(office.letter["letter_id"]))
    codes = [reason["code"] for reason in shown["reasons"]]  # type: ignore[attr-defined]
    assert codes == ["name_missing", "board_id_form", "npi_form"]
    assert (shown["mapping"], shown["heard_at"]) == ("moodle/course_completed", "lms.events/0/0")
    told = orjson.dumps([shown, office.open_letters()]).decode()
    assert [mark for mark in MARKS if mark in told] == []


def test_a_letter_that_is_not_there_is_said_so(office: Office) -> None:
    for ask in (
        lambda: show_letter(office.ledger, "dl-none"),
        lambda: reveal_letter(office.ledger, "dl-none", "mora", office.clock),
        lambda: office.replay("dl-none"),
    ):
        with pytest.raises(NoSuchLetter, match="dl-none"):
            ask()
    assert office.rows(audit) == []


@pytest.mark.parametrize("value", [b"\xff\x00Vantongeren", b"", b"a" * 1_200_000])
def test_revealing_gives_the_bytes_and_is_remembered(office: Office, value: bytes) -> None:
    office.hear(raw(value))
    letter = str(office.letter["letter_id"])
    assert reveal_letter(office.ledger, letter, "mora", office.clock) == value
    (row,) = office.rows(audit)
    assert (row.who, row.what, row.subject) == ("mora", "letter.revealed", letter)
    assert row.at == office.clock.now()


def test_a_replay_is_remembered_with_who_and_why(office: Office) -> None:
    refused(office)
    letter = office.letter["letter_id"]
    mend(office)
    office.replay(letter, who="mora")
    (row,) = office.rows(audit)
    assert (row.who, row.what, row.subject) == ("mora", "letter.replayed", letter)
    assert row.why
    assert "corrected" not in row.why  # people name people here


# ---------------------------------------------------------------- replay


def test_the_second_of_two_people_is_told_that_it_is_done(office: Office) -> None:
    refused(office)
    letter = office.letter["letter_id"]
    mend(office)
    assert office.replay(letter, who="mora") == "ready"
    with pytest.raises(NotOpen, match="resolved"):
        office.replay(letter, who="ines")
    assert [row.who for row in office.rows(audit)] == ["mora"]
    assert office.states() == ["ready"]


def test_of_two_at_the_same_moment_one_replays_and_one_is_told(office: Office) -> None:
    rejected(office)
    letter = office.letter["letter_id"]
    fates: list[str] = []
    gate = threading.Barrier(2)

    def press(who: str) -> None:
        gate.wait()
        try:
            fates.append(office.replay(letter, who=who))
        except NotOpen:
            fates.append("told")

    threads = [threading.Thread(target=press, args=(who,)) for who in ("mora", "ines")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fates) == ["ready", "told"]
    assert (len(office.rows(audit)), office.letters[0].replays) == (1, 1)


def test_a_replay_that_fails_in_the_middle_changes_nothing(office: Office) -> None:
    refused(office)
    letter = office.letter["letter_id"]
    before = (office.letters, office.completions, office.queued)
    house = office.service.premises.house

    class Broken:
        def find(self, *_: str) -> Any:
            raise SystemExit

    tables = replace(house.tables, learners=Broken())  # type: ignore[arg-type]
    office.service.premises._house = replace(house, tables=tables)
    with pytest.raises(SystemExit):
        office.replay(letter)
    assert (office.letters, office.completions, office.queued) == before
    assert office.rows(audit) == []


def test_what_could_not_be_read_is_heard_when_it_can_be(office: Office) -> None:
    house = office.service.premises.house
    office.service.premises._house = replace(house, payload_limit_bytes=10)
    office.hear(moodle(PRIYA))
    office.service.premises._house = house
    assert office.replay() == "ready"
    assert ([row.status for row in office.letters], office.states()) == (["resolved"], ["ready"])


def test_what_still_cannot_be_read_is_the_same_letter_again(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    assert office.replay() == "refused"
    (letter,) = office.letters
    assert (letter.status, letter.failures, letter.replays) == ("open", 2, 1)


def test_a_letter_keeps_its_completion_while_nothing_can_be_read(office: Office) -> None:
    refused(office)
    house = office.service.premises.house
    office.service.premises._house = replace(house, payload_limit_bytes=10)
    assert office.replay() == "refused"
    assert office.letters[0].completion_id == office.completions[0].id
    office.service.premises._house = house
    mend(office)
    assert office.replay() == "ready"
    assert office.open_letters() == []


def test_an_internal_fault_once_mended_is_replayed_like_any_other(office: Office) -> None:
    house = office.service.premises.house
    office.service.premises._house = replace(house, providers={})
    assert office.hear(moodle(PRIYA)) == {"refused": 1}
    assert office.letter["reason"] == "internal"
    office.service.premises._house = house
    assert office.replay() == "ready"
    assert (office.states(), office.open_letters()) == (["ready"], [])


def test_a_rule_broken_and_mended(office: Office) -> None:
    refused(office)
    mend(office)
    assert office.replay() == "ready"
    assert office.board_ids("ready") == ["041327"]


def test_a_rule_broken_and_then_the_learner_missing_waits_without_a_letter(
    office: Office,
) -> None:
    refused(office)
    office.put_learners(OTIS.row())
    office.look()
    assert office.replay() == "held"
    assert office.open_letters() == []
    mend(office)
    assert office.board_ids("ready") == ["041327"]


@pytest.mark.parametrize(
    ("state", "then"), [(State.REJECTED, "withdrawing"), (State.ATTENTION, "ready")]
)
def test_what_pars_or_the_board_refused_goes_again(office: Office, state: State, then: str) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    settle(office, state, Reason(Stage.PARS, "identity_mismatch"))
    assert office.replay() == "ready"
    assert (office.states(), office.open_letters()) == ([then], [])


@pytest.mark.parametrize("state", [State.SUBMITTED, State.ACCEPTED])
def test_a_change_after_sending_replayed_sends_nothing_again(office: Office, state: State) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(state)
    office.hear(moodle(PRIYA, at=NOON - 2 * DAY))
    assert office.replay() == "duplicate"
    assert (office.states(), office.open_letters()) == ([state], [])


def test_a_retraction_replayed_withdraws(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    assert office.replay() == "retracted"
    assert (office.states(), [row.status for row in office.letters]) == (
        ["withdrawing"],
        ["resolved"],
    )


def test_a_retraction_declined_keeps_the_credit_and_says_who_and_why(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    letter = str(office.letter["letter_id"])
    answering(office).decline(letter)
    assert (office.states(), office.open_letters()) == (["accepted"], [])
    (row,) = office.rows(audit)
    assert (row.who, row.what, row.subject) == ("mora", "letter.declined", letter)
    assert office.ledger.seal.open(row.why.encode()) == b"as the learner says"
    # It counts as if it had never been taken back.
    assert office.hear(openedx(PRIYA, NOON + 2 * HOUR)) == {"duplicate": 1}
    with pytest.raises(NotOpen):
        answering(office).agree(letter)


def test_a_retraction_holds_what_was_not_sent_until_a_person_has_answered(
    office: Office,
) -> None:
    office.put_activities(course("", RENAL, credit_types="Medical Knowledge;Patient Safety"))
    office.look()
    office.hear(openedx(PRIYA))
    with office.ledger.begin() as db:
        now = office.clock.now()
        claimed = office.claims.claim(db, "main", [State.READY], 1, now)
        office.claims.settle(db, [Settlement(one, State.SUBMITTED, {}) for one in claimed], now)
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.take_for_sent()
    assert office.states() == ["submitted", "ready"]
    answering(office).decline(str(office.letter["letter_id"]))
    office.take_for_sent()
    assert office.states() == ["submitted", "submitted"]


def test_agreed_to_a_retraction_both_what_was_sent_and_what_was_not_are_withdrawn(
    office: Office,
) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    answering(office).agree(str(office.letter["letter_id"]))
    assert (office.states(), office.credit.accepted_too) == (["withdrawing"], True)
    assert [row.what for row in office.rows(audit)] == ["letter.agreed"]


def test_a_letter_that_asks_nothing_is_not_agreed_to(office: Office) -> None:
    rejected(office)
    with pytest.raises(NoQuestion, match="replay"):
        answering(office).agree(str(office.letter["letter_id"]))
    assert (office.states(), office.rows(audit)) == (["rejected"], [])


def test_a_credit_taken_back_and_reported_by_another_account_is_sent_when_a_person_says_so(
    office: Office,
) -> None:
    office.put_activities(course(MOODLE, "101"), course("", "course-v1:HarborCME+RENAL201+2026T2"))
    office.look()
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.replay()
    _deleted(office)
    office.hear(moodle(PRIYA))
    assert (office.states(), office.letter["reason"]) == (["withdrawn"], "reported_again")
    assert office.replay() == "ready"
    assert (office.states(), office.credit.revision) == (["ready"], 2)


def test_what_no_longer_follows_from_the_tables_can_be_answered(office: Office) -> None:
    office.hear(moodle(PRIYA, "103"))
    now = office.clock.now()
    with office.ledger.begin() as db:
        (claim,) = office.claims.claim(db, "main", [State.READY], 1, now)
        office.claims.settle(db, [Settlement(claim, State.ACCEPTED, {})], now)
    office.put_learners(PRIYA.row(board_id="041372"))
    office.look()
    assert office.letter["reason"] == "no_longer_derived"
    assert office.letter["credit_id"] == claim.credit_id
    with pytest.raises(AsksForDecision):
        office.replay()
    answering(office).decline(str(office.letter["letter_id"]))
    assert office.open_letters() == []
    assert office.board_ids("accepted") == ["041327"]
    assert office.board_ids("ready") == []


def test_a_refused_credit_that_two_accounts_stand_behind_is_never_forgotten(
    office: Office,
) -> None:
    office.hear(moodle(PRIYA), canvas(PRIYA))
    office.take_for_sent()
    settle(office, State.ATTENTION, Reason(Stage.PARS, "identity_mismatch"))
    # One account is corrected first, the other only later.
    office.put_learners(PRIYA.row(site="northgate-account", board_id="041372"), PRIYA.row())
    office.look()
    office.replay()
    assert office.board_ids("ready") == ["041372"]
    assert office.letter["reason"] == "identity_mismatch"
    office.replay()
    assert office.board_ids("ready") == ["041327", "041372"]
    assert office.open_letters() == []


def test_of_two_letters_the_answer_to_one_answers_not_the_other(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent()
    settle(office, State.REJECTED, Reason(Stage.BOARD, "board_rejected"))
    office.hear(revoked(PRIYA, NOON + HOUR))
    by_reason = {row["reason"]: row["letter_id"] for row in office.open_letters()}
    assert by_reason.keys() == {"board_rejected", "retracted_after_sending"}
    office.replay(by_reason["board_rejected"])
    assert office.letter["reason"] == "retracted_after_sending"
    office.replay()
    assert (office.states(), office.credit.resend) == (["withdrawing"], False)
    assert office.open_letters() == []


def test_a_broken_rule_takes_no_questions_place(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent()
    settle(office, State.ATTENTION, Reason(Stage.PARS, "identity_mismatch"))
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.put_learners(PRIYA.row(board_id="x"))
    office.look()
    office.replay(office.open_letters(stage="pars")[0]["letter_id"])
    reasons = {row["reason"] for row in office.open_letters()}
    assert reasons == {"board_id_form", "retracted_after_sending"}


def test_completed_again_before_anybody_answered_it_is_not_withdrawn_by_mistake(
    office: Office,
) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    old = office.letter["letter_id"]
    assert office.hear(openedx(PRIYA, NOON + 2 * HOUR)) == {"review": 1}
    assert office.letter["reason"] == "completed_after_withdrawal"
    with pytest.raises(NotOpen):
        office.replay(old)
    assert office.replay() == "duplicate"
    assert (office.states(), office.open_letters()) == (["accepted"], [])
    assert office.hear(openedx(PRIYA, NOON + 3 * HOUR)) == {"duplicate": 1}


def test_taken_back_again_a_question_about_a_completion_before_needs_no_answer(
    office: Office,
) -> None:
    office.hear(revoked(PRIYA, NOON + HOUR), openedx(PRIYA))
    assert office.letter["reason"] == "completed_after_withdrawal"
    office.hear(revoked(PRIYA, NOON + 2 * HOUR))
    assert office.open_letters() == []
    assert office.hear(openedx(PRIYA, NOON + 1.5 * HOUR)) == {"review": 1}
    assert office.states() == []


def _deleted(office: Office) -> None:
    now = office.clock.now()
    with office.ledger.begin() as db:
        claimed = office.claims.claim(db, "main", [State.WITHDRAWING], 9, now)
        gone = [Settlement(claim, State.WITHDRAWN, {}) for claim in claimed]
        office.claims.settle(db, gone, now)


# ---------------------------------------------------------------- finding people


TYPED = (
    "Otis otis OTIS oti Fjällström-Nwosu fjallstrom-nwosu Fjällström fjal Nwosu nwo 052441 4413308"
).split()


def test_anyone_is_found_by_what_people_type(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    for typed in [*TYPED, "Otis Nwosu", "nwosu otis", "  otis   fjäll "]:
        found = list_credits(office.ledger, CreditFilter(learner=typed))
        assert [row["id"] for row in found] == [f"c{office.completions[1].id}"], typed


def test_nobody_is_found_by_what_is_not_theirs(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    for typed in ["Priya Nwosu", "05244", "tis", "441330", "Otiss", "%", "_"]:
        assert list_credits(office.ledger, CreditFilter(learner=typed)) == [], typed


def test_whoever_waits_or_was_refused_is_found_by_their_account(office: Office) -> None:
    office.put_learners(OTIS.row(board_id=""), PRIYA.row(board_id="x"))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS))
    found = [
        list_credits(office.ledger, CreditFilter(learner=str(person.number)))[0]
        for person in (PRIYA, OTIS)
    ]
    assert [row["standing"] for row in found] == ["Needs attention", "Waiting for learner"]
    assert [row["reason"] for row in found] == ["board_id_form", "no_board_id"]


def found(office: Office, learner: str) -> list[str]:
    """The courses of the completions that a search gives."""
    return sorted(
        str(row["activity"]) for row in list_credits(office.ledger, CreditFilter(learner=learner))
    )


def test_what_a_learner_is_searched_by_stands_once_however_much_was_completed(
    office: Office,
) -> None:
    office.hear(moodle(PRIYA))
    once = office.rows(people)
    office.hear(moodle(PRIYA, "102"), moodle(PRIYA, "103"))
    assert office.rows(people) == once
    assert found(office, "vanto") == ["HF-UPDATE", "SAFETY", "SAFETY", "SEPSIS"]


def test_a_learner_whose_name_changes_is_found_by_either(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.put_learners(PRIYA.row(family_name="Ostrander"))
    office.look()
    assert found(office, "vantongeren") == found(office, "ostrander") == ["HF-UPDATE"]
    assert found(office, "priya") == ["HF-UPDATE"]


def test_what_an_earlier_version_made_searchable_is_found(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    with office.ledger.begin() as db:
        (number,) = db.scalars(found_by(office.ledger, "priya"))
        db.execute(delete(people))
        db.execute(delete(search_keys))
        # It kept the hashes of each completion's terms beside it, a person it did not know.
        for kind, term in (("user", "4413307"), ("name", "priya"), ("name", "pri")):
            row = {"digest": search_digest(office.ledger, kind, term), "completion_id": number}
            db.execute(insert(search_keys), row)
    assert [found(office, word) for word in ("4413307", "Pri", "otis")] == [["HF-UPDATE"]] * 2 + [
        []
    ]
    office.hear(moodle(PRIYA, "102"))
    assert found(office, "priya") == ["HF-UPDATE", "SEPSIS"]


def test_a_corrected_name_is_found_too(office: Office) -> None:
    office.put_learners(OTIS.row(family_name="Misspelt"))
    office.look()
    office.hear(moodle(OTIS))
    mend(office)
    assert list_credits(office.ledger, CreditFilter(learner="Nwosu"))


def test_credits_are_filtered_by_state_and_activity(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS, "102"), moodle(LENA, "999"))
    count: Callable[..., int] = lambda **w: len(list_credits(office.ledger, CreditFilter(**w)))  # noqa: E731
    assert (count(), count(state="ready"), count(state="held")) == (3, 2, 1)
    assert (count(activity="SEPSIS"), count(activity="999"), count(limit=2)) == (1, 1, 2)
    assert (count(state="held", learner="otis"), count(state="accepted")) == (0, 0)


def test_nothing_that_is_listed_names_anybody(office: Office) -> None:
    office.hear(moodle(PRIYA), canvas(PRIYA), moodle(PRIYA, "102"), moodle(PRIYA, "999"))
    office.take_for_sent()
    rows = list_credits(office.ledger, CreditFilter(learner="priya"))
    shown = [show_credit(office.ledger, str(row["id"])) for row in rows]
    told = orjson.dumps([rows, shown]).decode()
    assert [mark for mark in MARKS if mark in told] == []


# ---------------------------------------------------------------- one credit


def test_a_credits_timeline_tells_every_step(reporting: Office, pars: SimulatedPars) -> None:
    pars.weather({"kind": "cut_after_store"})
    reporting.hear(moodle(PRIYA), canvas(PRIYA))
    reporting.drive_to("accepted")
    shown = show_credit(reporting.ledger, reporting.credit.credit_id)
    assert (shown["standing"], shown["points"]) == ("Accepted by the board", "1.5")
    timeline: Any = shown["timeline"]
    steps = [(step["what"], step["outcome"]) for step in timeline]
    assert steps[:3] == [
        ("heard from Moodle: it can be reported", "ready"),
        ("heard from Canvas: nothing new in it", "duplicate"),
        ("sending it to PARS failed: the connection to PARS broke off", "cut"),
    ]
    assert steps[-1] == ("accepted by the board", "found_accepted")
    assert [step["at"] for step in timeline] == sorted(step["at"] for step in timeline)


def test_a_completion_without_a_credit_is_shown_by_its_number(office: Office) -> None:
    office.hear(moodle(PRIYA, "999"))
    number = office.completions[0].id
    shown = show_credit(office.ledger, f"c{number}")
    assert (shown["standing"], shown["reason"]) == ("Waiting for learner", "activity_not_found")
    assert shown["activity"] == "999"


def test_a_completion_is_shown_with_the_steps_of_all_its_credits(office: Office) -> None:
    office.hear(moodle(PRIYA, "103"))
    office.take_for_sent()
    ids = {row["id"] for row in list_credits(office.ledger, CreditFilter(activity="SAFETY"))}
    assert ids == {row.credit_id for row in office.credits}
    assert all(show_credit(office.ledger, str(one))["id"] == one for one in ids)


def test_a_credit_that_was_corrected_away_can_still_be_looked_up(office: Office) -> None:
    rejected(office)
    first = office.credit.credit_id
    office.put_learners(PRIYA.row(board_id="041372"))
    office.look()
    office.replay()
    shown = show_credit(office.ledger, first)
    assert (shown["id"], shown["standing"]) == (first, "Being withdrawn")


def test_an_earlier_revision_leads_to_the_credit(reporting: Office, pars: SimulatedPars) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    first = reporting.credit.credit_id
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    reporting.drive_to("accepted")
    shown = show_credit(reporting.ledger, first)
    assert shown["id"] == first.replace("-r1", "-r2")
    outcomes = [step["outcome"] for step in shown["timeline"]]  # type: ignore[attr-defined]
    assert {"found_rejected", "done", "found_accepted"} <= {*outcomes}


@pytest.mark.parametrize("unknown", ["c999", "c", "c²", "", "ccid:lakeside.example:none-r1", "x"])
def test_what_is_not_known_is_said_to_be_so(office: Office, unknown: str) -> None:
    office.hear(moodle(PRIYA))
    with pytest.raises(NoSuchCredit):
        show_credit(office.ledger, unknown)


def test_a_letters_list_is_bounded(office: Office) -> None:
    office.hear(*(raw(b"%d" % n) for n in range(120)))
    assert len(list_letters(office.ledger, LetterFilter())) == 100
    assert len(list_letters(office.ledger, LetterFilter(limit=500))) == 120
