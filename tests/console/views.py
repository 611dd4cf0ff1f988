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


def _first_in_the_table(page: Page) -> None:
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
    View("people", "/people", "/people?q=HF-UPDATE"),
    View("person", "/people/{key}", "/people?q=Rahmani", _first_in_the_table),
    View("attention", "/work/{list}", "/work/attention"),
    View("waiting", "/work/{list}", "/work/waiting"),
    View("letter", "/letters/{id}", "/people?q=Rahmani", _its_letter),
    View("correction", "/letters/{id}/edit", "/people?q=Rahmani", _its_correction),
    View("credit", "/credits/{name}", "/people?q=Rahmani", _its_credit),
]
