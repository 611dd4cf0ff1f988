"""Every page as people see it: light and dark, wide and narrow, and what a screen reader needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from consumer.console.pages import PAGES
from consumer.console.role import Role
from tests.console.conftest import NARROW, WIDE, sign_in
from tests.console.office_views import OFFICE
from tests.console.place import Place
from tests.console.views import VIEWS, View

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@pytest.fixture(scope="module", params=["light", "dark"])
def signed_in(request: pytest.FixtureRequest, browser: Browser, place: Place) -> Iterator[Page]:
    """A page on which an admin has signed in, in each of the two schemes."""
    context = browser.new_context(
        base_url=place.address, viewport=WIDE, color_scheme=request.param, reduced_motion="reduce"
    )
    yield sign_in(context.new_page(), Role.ADMIN)
    context.close()


@pytest.mark.parametrize("view", [*VIEWS, *OFFICE], ids=lambda view: view.name)
def test_it_reads_well(
    signed_in: Page, view: View, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page = signed_in
    page.set_viewport_size(WIDE)
    view.open(page)
    assert page.locator("h1").count() == 1
    pictures = Path(os.environ.get("CONSOLE_PICTURES", tmp_path))
    scheme = "dark" if "dark" in request.node.name else "light"
    page.screenshot(path=pictures / f"{view.name}-{scheme}.png")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size(NARROW)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROW["width"], f"{wide} pixels wide on a phone"


def test_every_page_is_looked_at() -> None:
    looked_at = {view.path for view in (*VIEWS, *OFFICE)}
    pages = {page.path for page in PAGES if page.method == "GET"}
    assert pages - looked_at - set(NOT_TO_LOOK_AT) == set()


NOT_TO_LOOK_AT = (
    "/sign-in",
    "/sign-in/provider",
    "/sign-in/provider/back",
    "/tables/{table}/template",
)
"""What test_signing.py sees, and what is a file to download."""
