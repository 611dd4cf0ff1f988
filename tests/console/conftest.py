"""A genuine Chromium, and the office of the cases: opened once, looked at by every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from consumer.console.role import Role
from tests.conftest import do_without
from tests.console.cases import Cases
from tests.console.place import NAMES, PASSWORDS, Place, opened

NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 860}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; without it the test is skipped, in CI it fails."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        do_without("Chromium", FileNotFoundError("apt-get install chromium"))
    # Its sandbox cannot be set up by root, which containers run as.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=options)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The office, all its cases come to rest."""
    folder: Path = tmp_path_factory.mktemp("console")
    with opened(folder / "office", folder / "cache", Cases()) as there:
        yield there


@pytest.fixture
def page(browser: Browser, place: Place) -> Iterator[Page]:
    """A page nobody has signed in on; anything its scripts or its policy complain of fails it."""
    context = browser.new_context(base_url=place.address, viewport=WIDE)
    complaints: list[str] = []
    opened_page = context.new_page()
    opened_page.on("pageerror", lambda error: complaints.append(str(error)))
    opened_page.on(
        "console", lambda said: complaints.append(said.text) if "Refused" in said.text else None
    )
    yield opened_page
    context.close()
    assert not complaints


def sign_in(page: Page, role: Role) -> Page:
    """As whoever has this role; gives the page they land on."""
    page.goto("/sign-in")
    page.get_by_label("Name").fill(NAMES[role])
    page.get_by_label("Password").fill(PASSWORDS[role])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("/")
    return page
