"""Ten things that somebody must look at, each mended in the browser; PARS's books are the judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from consumer.console.role import Role
from consumer.demo.scenario import CANVAS
from tests.console import cases
from tests.console.cases import HEART, KIDNEY, OLD, SAFETY, Cases
from tests.console.conftest import WIDE, sign_in
from tests.console.place import Place, opened
from tests.console.test_a_day import credited, find, stands_as

ACCEPTED = "Accepted by the board"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One office for all ten: what is done here stays done."""
    folder: Path = tmp_path_factory.mktemp("ten")
    with opened(folder / "office", folder / "cache", Cases(fine=20, waiting=0)) as there:
        yield there


@pytest.fixture(scope="module")
def mora(browser: Browser, place: Place) -> Iterator[Page]:
    """A page on which the coordinator has signed in."""
    context = browser.new_context(base_url=place.address, viewport=WIDE)
    yield sign_in(context.new_page(), Role.COORDINATOR)
    context.close()


def correct(page: Page, **fields: str) -> None:
    """Fill these into the person's row of the learners table, by the labels of the form."""
    page.get_by_role("link", name="Correct").first.click()
    page.get_by_role("button", name="Show names and numbers").click()
    edit(page, **fields)


def edit(page: Page, **fields: str) -> None:
    """Fill in and save the row that is open; labels with _ for a blank."""
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " ")).first.fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("One row was changed")


def send_what_was_refused(page: Page) -> None:
    """What came of a table leads to what needs attention about it."""
    page.get_by_role("button", name="See what sending it again would do").click()
    expect(page.get_by_role("cell", name="It goes to PARS")).to_be_visible()
    page.get_by_role("button", name="Send 1 again").click()
    expect(page.get_by_role("status").first).to_contain_text("Sent again")


def look_into(page: Page, words: str) -> None:
    """The record that needs attention of this person."""
    find(page, words)
    page.get_by_role("link", name="Look into it").click()
    expect(page.get_by_role("heading", name="What is wrong, and how to mend it")).to_be_visible()


def live(place: Place, board_id: str) -> list[tuple[str, str, str]]:
    """Activity, credit type and state of what PARS has of this person."""
    mine = (r for r in place.pars.records if r["board_id"] == board_id and r["state"] != "deleted")
    return [(one["activity"], one["credit_type"], one["state"]) for one in mine]


def test_a_credit_came_back_for_a_wrong_board_id(mora: Page, place: Place) -> None:
    one = cases.WRONG_ID
    assert credited(place, one.board_id) == 0
    find(mora, one.family_name)
    correct(mora, Board_ID=one.board_id)
    send_what_was_refused(mora)
    stands_as(mora, one.family_name, ACCEPTED)
    assert live(place, one.board_id) == [(HEART, "Medical Knowledge", "accepted")]
    assert credited(place, "310014") == 0


def test_a_consent_that_is_signed_now(mora: Page, place: Place) -> None:
    one = cases.NO_CONSENT
    assert credited(place, one.board_id) == 0
    find(mora, one.family_name)
    expect(mora.get_by_role("main")).to_contain_text("Waiting for learner")
    mora.get_by_role("link", name="Correct").click()
    edit(mora, Consent_needed="yes", Consent_on="2026-11-25", Consent_how="form on paper")
    stands_as(mora, one.family_name, ACCEPTED)
    assert credited(place, one.board_id) == 1


def course(page: Page, title: str, **fields: str) -> None:
    """Put the row of a course right, on the way that its record shows."""
    page.get_by_role("link", name="To the course's table row").click()
    row = page.get_by_role("row", name=title)
    row.get_by_role("link", name="Edit").click()
    edit(page, **fields)


def test_a_course_whose_type_of_credit_was_wrong(mora: Page, place: Place) -> None:
    one = cases.WRONG_TYPE
    look_into(mora, one.family_name)
    course(mora, "Safer Prescribing", Credit_types="Patient Safety")
    send_what_was_refused(mora)
    stands_as(mora, one.family_name, ACCEPTED)
    assert live(place, one.board_id) == [(SAFETY, "Patient Safety", "accepted")]


def test_a_second_account_gives_no_second_credit(mora: Page, place: Place) -> None:
    one = cases.TWO_ACCOUNTS
    find(mora, str(cases.SECOND_ACCOUNT))
    mora.get_by_role("button", name="Add the row").click()
    expect(mora.get_by_label("LMS user ID")).to_have_value(str(cases.SECOND_ACCOUNT))
    expect(mora.get_by_label("LMS", exact=True)).to_have_value(CANVAS)
    told = {"Given name": one.given_name, "Family name": one.family_name, "Consent needed": "yes"}
    told |= {"Birth date": one.birth_date, "Board ID": one.board_id}
    for label, text in told.items():
        mora.get_by_label(label).first.fill(text)
    mora.get_by_role("button", name="Add", exact=True).click()
    expect(mora.get_by_role("status").first).to_contain_text("One row was added")
    stands_as(mora, str(cases.SECOND_ACCOUNT), ACCEPTED)
    expect(mora.get_by_role("main")).to_contain_text("Moodle, Canvas")
    assert credited(place, one.board_id) == 1


def test_a_credit_that_somebody_entered_in_pars_by_hand(mora: Page, place: Place) -> None:
    one = cases.BY_HAND
    look_into(mora, one.family_name)
    mora.get_by_role("link", name="Say that it was entered by hand").click()
    mora.get_by_text("Done in PARS by hand").click()
    mora.get_by_label("Why").first.fill("typed in on Monday")
    mora.get_by_role("button", name="Ask PARS").click()
    expect(mora.get_by_role("status").first).to_contain_text("PARS was asked, and it is so")
    stands_as(mora, one.family_name, ACCEPTED)
    mine = [r["credit_id"] for r in place.pars.records if r["board_id"] == one.board_id]
    assert mine == [cases.ENTERED_ID]


def test_too_late_and_closed_for_good(mora: Page, place: Place) -> None:
    one = cases.LATE
    look_into(mora, one.family_name)
    mora.get_by_text("Discard it").first.click()
    mora.get_by_label("Why").first.fill("ACCME will not open it")
    mora.get_by_role("button", name="Discard it").click()
    expect(mora.get_by_role("status").first).to_contain_text("Closed")
    find(mora, one.family_name)
    expect(mora.get_by_role("main")).to_contain_text("Discarded: ACCME will not open it")
    mora.get_by_role("link", name="Needs attention").first.click()
    expect(mora.get_by_role("heading", name="Needs attention")).to_be_visible()
    expect(mora.get_by_role("main")).not_to_contain_text("Lipids")
    assert live(place, one.board_id) == []


def test_a_course_whose_number_pars_did_not_know(mora: Page, place: Place) -> None:
    one = cases.UNREGISTERED
    look_into(mora, one.family_name)
    course(mora, "Kidney Care", PARS_activity_ID=KIDNEY)
    send_what_was_refused(mora)
    stands_as(mora, one.family_name, ACCEPTED)
    assert live(place, one.board_id) == [(KIDNEY, "Medical Knowledge", "accepted")]


def test_somebody_whom_the_table_knew_by_another_name(mora: Page, place: Place) -> None:
    one = cases.NAME_CHANGE
    find(mora, "bergstrom")
    correct(mora, Family_name=one.family_name)
    send_what_was_refused(mora)
    stands_as(mora, one.family_name, ACCEPTED)
    assert credited(place, one.board_id) == 1


def test_a_rejection_is_read_and_sent_again_once_the_board_has_mended_it(
    mora: Page, place: Place
) -> None:
    one = cases.REJECTED
    assert live(place, one.board_id) == [(HEART, "Medical Knowledge", "rejected")]
    look_into(mora, one.family_name)
    mora.get_by_role("button", name="Show what PARS said").click()
    expect(mora.get_by_role("main")).to_contain_text("“Diplomate is not enrolled in MOC”")
    enrol(place)
    mora.get_by_role("link", name="Look into it").click()
    mora.get_by_role("button", name="Send it again").click()
    expect(mora.get_by_role("status").first).to_contain_text("Sent again")
    stands_as(mora, one.family_name, ACCEPTED)
    assert live(place, one.board_id) == [(HEART, "Medical Knowledge", "accepted")]


def enrol(place: Place) -> None:
    """What the board does on its side: nobody is refused any more."""
    people = [asdict(one) | {"board_rejects": ""} for one in place.cases.roster()]
    answer = httpx.put(f"{place.pars.address}/_roster", json=people, trust_env=False)
    answer.raise_for_status()


def test_what_an_lms_said_again_is_credited_once(mora: Page, place: Place) -> None:
    mora.get_by_role("link", name="Sources").click()
    moodle = mora.get_by_role("row", name="Moodle")
    expect(moodle.get_by_role("cell").last).to_have_text("20")
    assert all(credited(place, one.board_id) == 1 for one in place.cases.fine_people)


def test_in_the_end_nobody_was_credited_twice(place: Place) -> None:
    assert place.pars.simulator.books()["totals"]["doubled"] == 0
    assert {activity for _, activity in place.pars.credited()} >= {HEART, SAFETY, KIDNEY}
    assert OLD not in {activity for _, activity in place.pars.credited()}
    assert len([one for one in place.pars.credited() if one[0]]) == len(place.cases.fine_people) + 8
    assert Counter(standings(place))["attention"] == 2


def standings(place: Place) -> list[str]:
    """The state of every credit of the ledger: the one closed, and the one nobody has mended."""
    return [state for (state,) in place.office.ledger("SELECT state FROM credits")]
