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


VIEWS = [
    View("overview", "/"),
    View("account", "/me"),
]
