"""Coming in and going out, in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from consumer.console.role import Role
from tests.console.conftest import sign_in
from tests.console.place import NAMES


def test_whoever_comes_for_a_page_signs_in_and_lands_there(page: Page) -> None:
    page.goto("/tables")
    page.get_by_label("Name").fill("mora")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    assert page.get_by_label("Password").input_value() == ""


def test_signed_out_nothing_is_seen_any_more(page: Page) -> None:
    sign_in(page, Role.COORDINATOR)
    page.get_by_text(NAMES[Role.COORDINATOR]).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("signed out")
    page.goto("/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
