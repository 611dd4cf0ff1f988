"""What there is to look at: each page by its name, and how somebody gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

Way = Callable[[Page], None]


def _here(_: Page) -> None:
    """Nothing more to do."""


@dataclass(frozen=True, slots=True)
class View:
    """A page of the table: where the way begins, and what to click until it is there."""

    name: str
    path: str
    start: str = ""
    then: Way = field(default=_here)

    def open(self, page: Page) -> None:
        """Go there."""
        page.goto(self.start or self.path)
        self.then(page)


def _found(page: Page) -> None:
    box = page.get_by_label("Find a person or credit")
    box.fill("Rahmani")
    box.press("Enter")
    page.get_by_text("Who fits").wait_for()


def _first_in_the_table(page: Page) -> None:
    _found(page)
    page.locator("tbody a").first.click()


def _its_credit(page: Page) -> None:
    _first_in_the_table(page)
    page.get_by_role("heading", level=2).get_by_role("link").first.click()


def _its_letter(page: Page) -> None:
    _first_in_the_table(page)
    page.get_by_role("link", name="Look into it").click()


def _its_correction(page: Page) -> None:
    _its_letter(page)
    page.get_by_role("link", name="Correct what the event says").click()


VIEWS = [
    View("overview", "/"),
    View("account", "/me"),
    View("people", "/people", "/people", _found),
    View("person", "/people/{key}", "/people", _first_in_the_table),
    View("attention", "/work/{list}", "/work/attention"),
    View("waiting", "/work/{list}", "/work/waiting"),
    View("letter", "/letters/{id}", "/people", _its_letter),
    View("correction", "/letters/{id}/edit", "/people", _its_correction),
    View("credit", "/credits/{name}", "/people", _its_credit),
]
