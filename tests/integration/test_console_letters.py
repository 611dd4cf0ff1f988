"""What needs attention, in the console: tried, sent again, answered, closed."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.cli.letter_replay import _in_words
from consumer.console.role import Role
from consumer.credit import State
from consumer.decoding.schemas import SchemasAway
from consumer.ledger.letters import Status
from consumer.ledger.schema import audit
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import HOUR, NOON, OTIS, PRIYA, moodle, openedx, raw, revoked
from tests.integration.test_letters import everything, mend, refused, replaying
from tests.integration.visitor import Visitor, text_of

NONE = "/letters/dl-000000000000000000000000"


@pytest.fixture
def mora(office: Office) -> Visitor:
    return Visitor(office, Role.COORDINATOR)


def deeds(office: Office) -> list[tuple[str, str, str]]:
    """Who did what to what, but signing in."""
    told = [(row.who, row.what, row.subject) for row in office.rows(audit)]
    return [one for one in told if not one[1].startswith("user.")]


def asked_back(office: Office) -> str:
    """A certificate was revoked after the board had accepted its credit."""
    office.hear(openedx(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    return str(office.letter["letter_id"])


def test_the_event_is_shown_to_who_asks_and_that_is_remembered(
    office: Office, mora: Visitor
) -> None:
    (letter,) = refused(office, PRIYA)
    before = mora.see(f"/letters/{letter}")
    assert "board_id_form" not in before
    assert "Send it again" in before
    shown = mora.press("/reveal")
    assert str(PRIYA.number) in shown.text
    assert deeds(office) == [("mora", "letter.revealed", letter)]
    assert str(PRIYA.number) not in mora.get(f"/letters/{letter}").text


def test_trying_says_what_would_come_of_it_and_writes_nothing(
    office: Office, mora: Visitor
) -> None:
    (letter,) = refused(office, PRIYA)
    before = everything(office)
    mora.get(f"/letters/{letter}")
    told = mora.press("/try")
    assert "It would come back for the very reason it has now" in text_of(told)
    mend(office)
    told = mora.press("/try")
    assert "It goes to PARS." in text_of(told)
    assert "P••• V•••" in text_of(told).replace("P••• </dd> ", "P••• ")
    assert PRIYA.family_name not in told.text
    assert PRIYA.board_id not in told.text
    assert [len(one) for one in everything(office)] == [len(one) for one in before]
    assert (office.credits, deeds(office)) == ([], [])


def test_sent_again_it_goes_and_who_sent_it_is_remembered(office: Office, mora: Visitor) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    mora.get(f"/letters/{letter}")
    after = mora.press("/resend")
    assert "Sent again: it goes to PARS." in text_of(after)
    assert office.board_ids("ready") == [PRIYA.board_id]
    assert deeds(office) == [("mora", "letter.replayed", letter)]
    once_more = mora.send(f"/letters/{letter}/resend", {})
    assert once_more.status_code in (200, 409)
    assert (len(office.credits), office.open_letters()) == (1, [])


def test_the_third_time_it_asks_first(office: Office, mora: Visitor) -> None:
    (letter,) = refused(office, PRIYA)
    for _ in range(2):
        mora.get(f"/letters/{letter}")
        assert "Sent again" in text_of(mora.press("/resend"))
    third = mora.press("/resend")
    assert third.status_code == 409
    assert "It was sent again 2 times and came back each time" in text_of(third)
    assert "--" not in text_of(third)
    assert (office.letter["replays"], len(deeds(office))) == (2, 2)
    mora.press("/resend", again="yes")
    assert (office.letter["replays"], len(deeds(office))) == (3, 3)


def test_agreed_to_it_is_taken_back_and_declined_it_stays(office: Office, mora: Visitor) -> None:
    letter = asked_back(office)
    page = mora.see(f"/letters/{letter}")
    assert "If you agree, PARS is asked to delete the credit" in page
    assert "Send it again" not in page
    mora.press("/agree")
    assert "Answered: PARS is asked to delete the credit." in text_of(mora.page)
    assert (office.states(), office.open_letters()) == (["withdrawing"], [])
    assert deeds(office) == [("mora", "letter.agreed", letter)]
    late = mora.send(f"/letters/{letter}/decline", {"why": "changed my mind"})
    assert late.status_code == 409
    assert "dealt with already" in text_of(late)
    assert office.states() == ["withdrawing"]


def test_who_does_not_agree_says_why(office: Office, mora: Visitor) -> None:
    letter = asked_back(office)
    blank = mora.send(f"/letters/{letter}/decline", {"why": "  "})
    assert blank.status_code == 422
    assert "Say why" in text_of(blank)
    assert (len(office.open_letters()), deeds(office)) == (1, [])
    kept = mora.send(f"/letters/{letter}/decline", {"why": "she did attend"})
    assert "Answered: the credit stays as it is." in text_of(kept)
    assert (office.states(), office.open_letters()) == (["accepted"], [])
    assert deeds(office) == [("mora", "letter.declined", letter)]


def test_a_question_is_neither_sent_again_nor_corrected_nor_closed(
    office: Office, mora: Visitor
) -> None:
    letter = asked_back(office)
    for form in ("discard", "not-ours"):
        answer = mora.send(f"/letters/{letter}/{form}", {"why": "no"})
        assert answer.status_code == 409
        assert "asks for a decision" in text_of(answer)
    answer = mora.get(f"/letters/{letter}/edit")
    assert (answer.status_code, "asks for a decision" in text_of(answer)) == (409, True)
    assert (len(office.open_letters()), deeds(office)) == (1, [])


@pytest.mark.parametrize(
    ("form", "status", "what"),
    [
        ("discard", Status.DISCARDED, "letter.discarded"),
        ("not-ours", Status.NOT_OURS, "letter.not_ours"),
    ],
)
def test_closed_with_a_reason_and_opened_again(
    office: Office, mora: Visitor, form: str, status: Status, what: str
) -> None:
    (letter,) = refused(office, PRIYA)
    mora.get(f"/letters/{letter}")
    blank = mora.press(f"/{form}")
    assert (blank.status_code, "Say why" in text_of(blank)) == (422, True)
    assert (office.letters[0].status, deeds(office)) == (Status.OPEN, [])
    done = mora.press(f"/{form}", why="another office reports her")
    assert "Undo" in text_of(done)
    assert "another office reports her" in text_of(done)
    assert (office.letters[0].status, office.completions[0].state) == (status, "not_reportable")
    again = mora.send(f"/letters/{letter}/{form}", {"why": "once more"})
    assert (again.status_code, office.letters[0].status) == (409, status)
    mora.page = done
    assert "It is open again." in text_of(mora.press("/reopen"))
    assert (office.letters[0].status, office.completions[0].state) == (Status.OPEN, "refused")
    assert [one[1] for one in deeds(office)] == [what, "letter.reopened"]
    twice = mora.send(f"/letters/{letter}/reopen", {})
    assert (twice.status_code, len(deeds(office))) == (409, 2)


def test_what_nobody_could_read_has_no_person_and_is_closed_all_the_same(
    office: Office, mora: Visitor
) -> None:
    office.hear(raw(b"no event of ours"))
    letter = office.letter["letter_id"]
    page = mora.see(f"/letters/{letter}")
    assert "What it is about" not in page
    assert "no event of ours" in mora.press("/reveal").text
    assert mora.send(f"/letters/{letter}/try", {}).status_code == 200
    mora.get(f"/letters/{letter}")
    mora.press("/discard", why="a test of theirs")
    assert office.letters[0].status == Status.DISCARDED
    assert [one[1] for one in deeds(office)] == ["letter.revealed", "letter.discarded"]


def test_of_a_learner_who_is_in_no_table_the_page_is_there(office: Office, mora: Visitor) -> None:
    (letter,) = refused(office, PRIYA)
    office.put_learners(OTIS.row())
    office.look()
    page = mora.see(f"/letters/{letter}")
    assert "Name not known" in page
    assert "not in the learners table" in mora.see("/people/p1")


@pytest.mark.parametrize(
    "form",
    ["", "reveal", "try", "resend", "agree", "decline", "discard", "not-ours", "reopen", "edit"],
)
def test_one_that_is_none_is_not_found(office: Office, mora: Visitor, form: str) -> None:
    path, fields = f"{NONE}/{form}".rstrip("/"), {"why": "why not", "course": "7"}
    answers = [mora.send(path, fields)] if form else []
    if form in ("", "edit"):
        answers.append(mora.get(path))
    for answer in answers:
        assert (answer.status_code, "Nothing there" in text_of(answer)) == (404, True)
    assert deeds(office) == []


def test_a_viewer_sees_it_and_does_nothing(office: Office) -> None:
    (letter,) = refused(office, PRIYA)
    vera = Visitor(office, Role.VIEWER)
    assert "Send it again" not in vera.see(f"/letters/{letter}")
    for form in ("reveal", "try", "resend", "agree", "decline", "discard", "not-ours", "reopen"):
        answer = vera.send(f"/letters/{letter}/{form}", {"why": "me"})
        assert (answer.status_code, "For a coordinator" in text_of(answer)) == (403, True)
    assert deeds(office) == []


def test_what_says_how_events_are_written_may_be_away(
    office: Office, mora: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (letter,) = refused(office, PRIYA)

    def away(*_: Any) -> None:
        raise SchemasAway("the registry does not answer")

    monkeypatch.setattr("consumer.desk.trying.hear_again", away)
    answer = mora.send(f"/letters/{letter}/try", {})
    assert (answer.status_code, "try again in a minute" in text_of(answer)) == (503, True)


# ------------------------------------------------------------ what PARS refused


def refused_by_pars(office: Office, pars: SimulatedPars) -> str:
    pars.weather({"kind": "status", "status": 400})
    office.hear(moodle(PRIYA))
    office.drive_to("attention")
    return str(office.letter["letter_id"])


def test_exactly_as_pars_refused_it_is_said_until_something_differs(
    reporting: Office, pars: SimulatedPars
) -> None:
    letter, mora = refused_by_pars(reporting, pars), Visitor(reporting, Role.COORDINATOR)
    mora.get(f"/letters/{letter}")
    assert "goes to PARS exactly as PARS refused it" in text_of(mora.press("/try"))
    plan = mora.send("/work/attention/plan", {"letter": letter})
    assert "1 would be sent exactly as PARS refused it" in text_of(plan)
    asked = "1 would be sent exactly as PARS refused them: was that mended at PARS?"
    assert asked in _in_words(replaying(reporting, each=False).preview([letter]))
    reporting.put_learners(PRIYA.row(board_id=OTIS.board_id), OTIS.row(board_id=""))
    reporting.look()
    assert "exactly as" not in text_of(mora.send(f"/letters/{letter}/try", {}))
    plan = mora.send("/work/attention/plan", {"letter": letter})
    assert "exactly as" not in text_of(plan)
