"""Letters brought back from their topic: the ledger is lost, and none of them is."""

from __future__ import annotations

from collections import Counter

import pytest

from consumer.desk.recovering import Recovering, unsettled
from consumer.ledger.schema import audit, letters
from tests.integration.office import DEAD_LETTERS, Office, SimulatedPars
from tests.integration.people import (
    DAY,
    EVERYONE,
    HOUR,
    NOON,
    OTIS,
    PRIYA,
    moodle,
    openedx,
    raw,
    revoked,
)
from tests.integration.test_letters import closing, knowing_all, knowing_nothing, mend, refused

HUGE = b"a" * 1_200_000


def lose_everything(office: Office) -> None:
    """The ledger is gone, and the events are not on the bus any more; their letters are."""
    office.publish()
    office.lose_ledger()


def recover(office: Office) -> dict[str, str]:
    """Bring back what the topic has; gives each letter's fate."""
    found = unsettled(office.published(DEAD_LETTERS), office.ledger.seal)
    house = office.service.premises.house
    desk = Recovering(office.ledger, house, office.clock, "mora", "the disk broke")
    before = office.rows(letters)
    seen = desk.preview(found)
    assert office.rows(letters) == before
    gone = {one.letter_id: one.fate for one in desk.go(found)}
    assert Counter(gone.values()) == seen
    return gone


def test_letters_of_a_lost_ledger_are_back_with_their_bytes_and_dates(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    first = office.letters[0]
    office.clock.advance(3600)
    (rule, _) = refused(office, PRIYA)
    lose_everything(office)
    assert recover(office) == {first.id: "refused", rule: "refused"}
    assert sorted(row.id for row in office.letters) == sorted([first.id, rule])
    back = {row.id: row for row in office.letters}[first.id]
    assert back.first_failed_at == first.first_failed_at
    assert [row["reason"] for row in office.open_letters()].count("board_id_form") == 1
    assert [row.what for row in office.rows(audit)] == ["letter.recovered"] * 2
    mend(office)
    assert office.replay(rule) == "ready"


def test_once_more_it_changes_nothing(office: Office) -> None:
    office.hear(raw(b"no JSON"))
    refused(office, *EVERYONE)
    lose_everything(office)
    recover(office)
    before = (office.letters, office.completions, office.credits, office.rows(audit))
    assert {*recover(office).values()} == {"known"}
    office.publish()
    assert {*recover(office).values()} == {"known"}
    assert (office.letters, office.completions, office.credits, office.rows(audit)) == before


def test_what_was_mended_meanwhile_goes_at_once_and_pars_is_asked_first(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    lose_everything(office)
    mend(office)
    assert recover(office) == {letter: "ready"}
    assert (office.states(), office.open_letters()) == (["ready"], [])
    assert office.credit.restored_at is not None
    office.publish()
    assert unsettled(office.published(DEAD_LETTERS), office.ledger.seal) == []


def test_what_pars_has_had_is_not_credited_twice(reporting: Office, pars: SimulatedPars) -> None:
    office = reporting
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    office.hear(moodle(PRIYA, at=NOON - DAY))  # changed after sending: a question
    lose_everything(office)
    assert [*recover(office).values()] == ["ready"]
    office.drive(lambda: office.states() != ["ready"] and office.states() != ["submitting"])
    office.pass_time(86_400)
    assert (pars.totals["doubled"], len(pars.live)) == (0, 1)
    (question,) = office.open_letters()
    assert question["reason"] == "changed_after_sending"


def test_the_event_heard_again_from_its_own_topic_too_is_one(office: Office) -> None:
    knowing_nothing(office)
    office.hear(moodle(PRIYA), moodle(OTIS))
    lose_everything(office)
    knowing_all(office)
    assert {*recover(office).values()} == {"ready"}
    office.hear()  # the bus still had them: a fresh ledger hears it all again
    assert (len(office.completions), len(office.credits)) == (2, 2)
    assert {*recover(office).values()} <= {"known"}


def test_settled_and_closed_letters_stay_where_they_are(office: Office) -> None:
    ids = refused(office, *EVERYONE)
    closing(office).discard(ids[0])
    mend(office)
    office.replay(ids[1])
    lose_everything(office)
    assert [*recover(office)] == [ids[2]]


@pytest.mark.parametrize(
    ("value", "reason"), [(None, "null_value"), (HUGE, "original_lost"), (b"", "malformed_json")]
)
def test_what_has_no_bytes_on_the_topic_is_told(
    office: Office, value: bytes | None, reason: str
) -> None:
    office.hear(raw(value))
    lose_everything(office)
    (fate,) = recover(office).values()
    assert (fate, office.letter["reason"]) == ("refused", reason)
    assert {*recover(office).values()} == {"known"}


def test_a_question_about_what_pars_may_have_is_a_persons_still(office: Office) -> None:
    office.hear(openedx(PRIYA))
    office.take_for_sent()
    office.hear(revoked(PRIYA, NOON + HOUR))
    lose_everything(office)
    assert [*recover(office).values()] == ["asks"]
    assert office.letter["reason"] == "retracted_after_sending"


def test_other_messages_on_the_topic_are_passed_over(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    office.publish()
    office.publisher.publish([raw(b"{}", key=b"somebody's")])
    messages = [*office.published(DEAD_LETTERS), *office.published("lms.events")]
    assert [one.letter_id for one in unsettled(messages, office.ledger.seal)] == [letter]
