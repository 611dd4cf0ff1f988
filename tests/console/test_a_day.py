"""A coordinator's day in the browser, held against PARS's books."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from consumer.console.role import Role
from tests.console import cases
from tests.console.cases import Cases
from tests.console.conftest import WIDE, sign_in
from tests.console.place import Place, opened
from tests.end_to_end.patience import until

SOON_SECONDS = 30.0
ACCEPTED = "Accepted by the board"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An office of this day's own: what is done here stays done."""
    folder: Path = tmp_path_factory.mktemp("day")
    with opened(folder / "office", folder / "cache", Cases(fine=12)) as there:
        yield there


@pytest.fixture
def mora(browser: Browser, place: Place) -> Iterator[Page]:
    """A page on which the coordinator has signed in."""
    context = browser.new_context(base_url=place.address, viewport=WIDE)
    yield sign_in(context.new_page(), Role.COORDINATOR)
    context.close()


def find(page: Page, words: str) -> None:
    """The first person whom the search box finds."""
    box = page.get_by_label("Find a person or credit")
    box.fill(words)
    box.press("Enter")
    page.locator("tbody").get_by_role("link").first.click()


def correct(page: Page, **fields: str) -> None:
    """Fill these into the person's row of the learners table, and save."""
    page.get_by_role("link", name="Correct").click()
    if (covered := page.get_by_role("button", name="Show names and numbers")).count():
        covered.click()
    for name, text in fields.items():
        page.locator(f"[name={name}]").fill(text)
    page.get_by_role("button", name="Save").click()


def resend(page: Page) -> None:
    """Try what needs attention, then send it again."""
    page.get_by_role("link", name="Look into it").click()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="Tried, nothing was sent")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("It goes to PARS")
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_role("status")).to_contain_text("Sent again")


def stands_as(page: Page, words: str, standing: str) -> None:
    """Look the person up until their credit stands so."""

    def seen() -> bool:
        find(page, words)
        return page.locator("main .pill", has_text=standing).count() > 0

    until(seen, SOON_SECONDS, f"{standing}")


def credited(place: Place, board_id: str) -> int:
    """How many credits PARS's books show for this diplomate."""
    return sum(n for (one, _), n in place.pars.credited().items() if one == board_id)


def test_a_wrong_birth_date_with_a_slip_on_the_way(mora: Page, place: Place) -> None:
    person = cases.MISBORN
    assert credited(place, person.board_id) == 0
    find(mora, person.family_name)
    assert person.family_name not in mora.content()
    correct(mora, birth_date="1972-09-31")
    expect(mora.locator("#w-birth_date")).not_to_be_empty()
    mora.locator("[name=birth_date]").fill(person.birth_date)
    mora.get_by_role("button", name="Save").click()
    expect(mora.get_by_role("status").first).to_contain_text("One row was changed")
    find(mora, person.family_name)
    resend(mora)
    stands_as(mora, person.family_name, ACCEPTED)
    assert credited(place, person.board_id) == 1


def test_with_the_keyboard_alone(mora: Page) -> None:
    mora.keyboard.press("/")
    mora.keyboard.type(cases.WRONG_ID.family_name)
    mora.keyboard.press("Enter")
    expect(mora.get_by_role("heading", name="People")).to_be_visible()
    assert mora.locator("tbody").get_by_role("link").count() == 1


def test_what_was_done_stands_in_the_audit_trail(browser: Browser, place: Place) -> None:
    context = browser.new_context(base_url=place.address, viewport=WIDE)
    page = sign_in(context.new_page(), Role.ADMIN)
    page.get_by_role("link", name="Audit trail").click()
    told = page.locator("main")
    expect(told).to_contain_text("mora")
    expect(told).to_contain_text("sent a record again")
    expect(told).not_to_contain_text(cases.MISBORN.family_name)
    context.close()


def test_a_roster_frees_all_who_waited_for_it(mora: Page, place: Place) -> None:
    waiting = place.cases.roster_people
    assert sum(credited(place, one.board_id) for one in waiting) == 0
    mora.goto("/tables/learners")
    sheet = {"name": "roster.csv", "mimeType": "text/csv", "buffer": place.cases.roster_sheet()}
    mora.get_by_label("Excel or CSV file").set_input_files([sheet])  # type: ignore[list-item]
    mora.get_by_role("button", name="Upload and look").click()
    expect(mora.get_by_role("heading", name="What this upload would do")).to_be_visible()
    expect(mora.locator("main")).to_contain_text(re.compile(r"\b30\b"))
    mora.get_by_role("button", name="Put it in force").click()
    until(
        lambda: sum(credited(place, one.board_id) for one in waiting) == len(waiting),
        SOON_SECONDS,
        "all who waited are credited",
    )
    assert all(credited(place, one.board_id) == 1 for one in waiting)


def test_a_viewer_is_refused(browser: Browser, place: Place) -> None:
    context = browser.new_context(base_url=place.address, viewport=WIDE)
    page = sign_in(context.new_page(), Role.VIEWER)
    find(page, cases.WRONG_ID.family_name)
    for forbidden in ("Reveal", "Correct"):
        assert page.get_by_role("button", name=forbidden).count() == 0
    token = page.locator("form[action='/sign-out'] [name=token]").input_value()
    answer = page.request.post(f"{page.url}/reveal", form={"token": token})
    assert answer.status == 403
    assert cases.WRONG_ID.family_name not in answer.text()
    context.close()
