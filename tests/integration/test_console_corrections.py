"""Correcting what an event says, in the console: by field, by version, by one person at a time."""

from __future__ import annotations

import pytest

from consumer.console.role import Role
from consumer.ledger.schema import letter_edits
from tests.integration.edits import edits_of
from tests.integration.office import Office
from tests.integration.people import LENA, NOON, OTIS, PRIYA, raw
from tests.integration.test_console_letters import deeds
from tests.integration.test_editing import early
from tests.integration.test_letters import everything, mend, refused
from tests.integration.visitor import Visitor, text_of

RIGHT = NOON.isoformat()


@pytest.fixture
def mora(office: Office) -> Visitor:
    return Visitor(office, Role.COORDINATOR)


def test_a_day_is_corrected_tried_kept_and_sent(office: Office, mora: Visitor) -> None:
    letter = early(office)
    page = mora.see(f"/letters/{letter}/edit")
    assert "Now ••••07" in page
    assert str(PRIYA.number) not in mora.page.text
    before = everything(office)
    tried = mora.send(f"/letters/{letter}/edit/try", held(mora) | {"completed": RIGHT})
    assert "It goes to PARS" in text_of(tried)
    assert f'value="{RIGHT}"' in tried.text
    assert (everything(office), office.rows(letter_edits)) == (before, [])
    mora.press("/edit", completed=RIGHT, why="she called")
    assert "Kept." in text_of(mora.page)
    assert office.credits == []
    (kept,) = edits_of(office.ledger, letter)
    assert (kept["fields"], kept["who"], kept["why"]) == (
        {"completed": RIGHT},
        "mora",
        "she called",
    )
    mora.press("/resend")
    assert str(office.credit.completed_on) == "2026-11-20"
    assert [one[1] for one in deeds(office)] == ["letter.edited", "letter.replayed"]


def held(mora: Visitor) -> dict[str, str]:
    """What the form of the last page holds, as a browser would send it."""
    return mora.held("/edit")


@pytest.mark.parametrize("button", ["", "/try"])
def test_what_is_wrong_is_told_at_its_field_and_what_was_filled_in_stays(
    office: Office, mora: Visitor, button: str
) -> None:
    letter = early(office)
    mora.get(f"/letters/{letter}/edit")
    fields = held(mora) | {"completed": "some day in May", "course": "102"}
    answer = mora.send(f"/letters/{letter}/edit{button}", fields)
    assert answer.status_code == 422
    assert 'id="h-completed" class="wrong"' in answer.text
    assert 'value="some day in May"' in answer.text
    assert 'name="course" type="text" value="102"' in answer.text
    assert (office.rows(letter_edits), deeds(office)) == ([], [])


def test_of_two_at_once_the_second_is_told_and_nothing_of_theirs_is_kept(
    office: Office, mora: Visitor
) -> None:
    letter = early(office)
    nora = Visitor(office, Role.COORDINATOR, "nora")
    mora.get(f"/letters/{letter}/edit")
    nora.get(f"/letters/{letter}/edit")
    nora.press("/edit", completed=RIGHT)
    late = mora.press("/edit", course="102")
    assert late.status_code == 409
    assert "nora corrected this meanwhile" in text_of(late)
    assert len(edits_of(office.ledger, letter)) == 1
    # What mora did not touch stays as nora corrected it.
    mora.press("/edit")
    assert "Kept." in text_of(mora.page)
    assert edits_of(office.ledger, letter)[1]["fields"] == {"completed": RIGHT, "course": "102"}


def test_corrections_are_taken_back(office: Office, mora: Visitor) -> None:
    letter = early(office)
    mora.get(f"/letters/{letter}/edit")
    done = mora.press("/edit", completed=RIGHT)
    assert "Undo" in text_of(done)
    mora.press("/as-sent")
    assert "says again what the LMS sent" in text_of(mora.page)
    assert RIGHT not in mora.get(f"/letters/{letter}/edit").text
    assert [one["fields"] for one in edits_of(office.ledger, letter)] == [{"completed": RIGHT}, {}]


def test_the_learner_is_shown_to_who_asks_and_stays_as_it_is_unless_changed(
    office: Office, mora: Visitor
) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    mora.get(f"/letters/{letter}/edit")
    shown = mora.send(f"/letters/{letter}/edit/reveal", held(mora))
    assert f'name="learner" type="text" value="{PRIYA.number}"' in shown.text
    assert deeds(office) == [("mora", "letter.revealed", letter)]
    again = mora.press("/edit")
    assert "Nothing differs" in text_of(again)
    assert f'name="learner" type="text" value="{PRIYA.number}"' in again.text
    wrong = mora.press("/edit", completed="never")
    assert f'name="learner" type="text" value="{PRIYA.number}"' in wrong.text
    mora.press("/edit", completed="2026-11-19")
    assert edits_of(office.ledger, letter)[0]["fields"] == {"completed": "2026-11-19"}


def test_another_learner_is_filled_in_without_seeing_the_first(
    office: Office, mora: Visitor
) -> None:
    (letter,) = refused(office, PRIYA)
    mend(office)
    mora.get(f"/letters/{letter}/edit")
    mora.press("/edit", learner=str(OTIS.number))
    assert str(OTIS.number) not in mora.get(f"/letters/{letter}/edit").text
    mora.get(f"/letters/{letter}")
    mora.press("/resend")
    assert office.board_ids("ready") == [OTIS.board_id]


def test_blank_fields_change_nothing(office: Office, mora: Visitor) -> None:
    letter = early(office)
    mora.get(f"/letters/{letter}/edit")
    answer = mora.press("/edit")
    assert (answer.status_code, "Nothing differs" in text_of(answer)) == (200, True)
    assert office.rows(letter_edits) == []


def test_what_cannot_be_corrected_says_why(office: Office, mora: Visitor) -> None:
    (letter,) = refused(office, LENA)
    mend(office)
    office.replay(letter)
    for answer in (
        mora.get(f"/letters/{letter}/edit"),
        mora.send(f"/letters/{letter}/edit", {"seen": "0", "course": "102", "was-course": "101"}),
        mora.send(f"/letters/{letter}/edit/try", {"course": "102", "was-course": "101"}),
        mora.send(f"/letters/{letter}/as-sent", {}),
    ):
        assert (answer.status_code, "dealt with already" in text_of(answer)) == (409, True)


def test_a_version_that_is_none_is_like_an_old_one(office: Office, mora: Visitor) -> None:
    letter = early(office)
    for seen in ("", "x", "-1", "9" * 40, "²"):
        fields = {"seen": seen, "course": "102", "was-course": "101"}
        answer = mora.send(f"/letters/{letter}/edit", fields)
        assert answer.status_code == 409
    assert office.rows(letter_edits) == []


def test_what_nobody_could_read_is_asked_for_in_full(office: Office, mora: Visitor) -> None:
    office.hear(raw(b"no JSON"))
    letter = office.letter["letter_id"]
    mora.get(f"/letters/{letter}/edit")
    answer = mora.press("/edit", course="101")
    assert answer.status_code == 422
    for name in ("learner", "completed", "site", "source"):
        assert f'id="h-{name}" class="wrong"' in answer.text, name
    assert 'name="course" type="text" value="101"' in answer.text


def test_a_viewer_corrects_nothing(office: Office) -> None:
    letter = early(office)
    vera = Visitor(office, Role.VIEWER)
    assert vera.get(f"/letters/{letter}/edit").status_code == 403
    for form in ("edit", "edit/reveal", "edit/try", "as-sent"):
        fields = {"seen": "0", "completed": RIGHT, "was-completed": ""}
        assert vera.send(f"/letters/{letter}/{form}", fields).status_code == 403
    assert (office.rows(letter_edits), deeds(office)) == ([], [])
