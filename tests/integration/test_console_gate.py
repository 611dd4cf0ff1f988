"""What each page of the table gives to nobody, to a viewer, and to a form that is not ours.

New pages are here by themselves; tests/integration/places.py fills in their addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consumer.console.application import application
from consumer.console.console import Console
from consumer.console.gate import Gate
from consumer.console.look import STATIC
from consumer.console.page import Page, action, page
from consumer.console.pages import PAGES
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.ledger.schema import metadata
from tests.fakes import FakeClock
from tests.integration.browser import NAMES, Browser, browsing, console_in
from tests.integration.office import Office
from tests.integration.places import place_of

LOOKS = [page for page in PAGES if page.method == "GET"]
ACTIONS = [page for page in PAGES if page.method == "POST"]
GUARDED = [page for page in PAGES if page.needs is not None]
FORGED = "0" * 64
HEADERS = {
    "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy",
}  # fmt: skip


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The console of an office at work; nothing here may change it."""
    office = Office(tmp_path_factory.mktemp("gate"), FakeClock())
    yield console_in(office)
    office.close()


@pytest.fixture(scope="module")
def nobody(console: Console) -> Iterator[Browser]:
    """A browser in which nobody has signed in."""
    with browsing(console) as browser:
        browser.look("/sign-in")
        yield browser


@pytest.fixture(scope="module")
def viewer(console: Console) -> Iterator[Browser]:
    """A viewer's browser."""
    with browsing(console, Role.VIEWER) as browser:
        yield browser


@pytest.fixture(scope="module")
def admin(console: Console) -> Iterator[Browser]:
    """An admin's browser, who may everything."""
    with browsing(console, Role.ADMIN) as browser:
        yield browser


def everything(console: Console) -> str:
    """All that the ledger, the tables and the users file hold."""
    with console.ledger.read() as db:
        told = [repr(db.execute(select(table)).all()) for table in metadata.sorted_tables]
    folders = (console.settings.tables_dir, console.settings.users_path)
    files = [f for one in folders for f in ([one] if one.is_file() else sorted(one.rglob("*")))]
    return "".join([*told, *(repr(f.read_bytes()) for f in files if f.is_file())])


def named(page: Page) -> str:
    return f"{page.method} {page.path}"


@pytest.mark.parametrize("page", GUARDED, ids=named)
def test_nobody_is_led_to_the_sign_in_form(nobody: Browser, page: Page) -> None:
    before = everything(nobody.console)
    answer = nobody.request(page.method, place_of(page), data={"token": nobody.token}
                            if page.method == "POST" else None)  # fmt: skip
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert answer.text == ""
    assert everything(nobody.console) == before


@pytest.mark.parametrize("page", GUARDED, ids=named)
def test_a_part_that_nobody_asks_for_sends_the_whole_page_to_the_form(
    nobody: Browser, page: Page
) -> None:
    here = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:8792/people?q=x"}
    answer = nobody.request(page.method, place_of(page), headers=here)
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fpeople%3Fq%3Dx"


@pytest.mark.parametrize("page", [p for p in GUARDED if p.needs != Role.VIEWER], ids=named)
def test_what_is_not_for_viewers_they_do_not_get(viewer: Browser, page: Page) -> None:
    before = everything(viewer.console)
    answer = viewer.request(page.method, place_of(page), data={"token": viewer.token}
                            if page.method == "POST" else None)  # fmt: skip
    assert answer.status_code == 403
    assert "You are signed in as vera" in answer.text
    assert everything(viewer.console) == before


@pytest.mark.parametrize("needs", [Role.COORDINATOR, Role.ADMIN])
@pytest.mark.parametrize("make", [page, action])
def test_each_role_may_what_it_may(console: Console, make: Any, needs: Role) -> None:
    """By pages of the test's own, whatever the table holds."""
    done: list[str] = []

    def act(visit: Visit) -> Response:
        done.append(visit.who)
        return Response()

    mine = make("/mine", act, needs=needs)
    app, gate = application(console), Gate(console, "")

    async def enter(request: Request) -> Response:
        return await gate.enter(mine, request)

    app.router.routes.append(Route("/mine", enter, methods=[mine.method]))
    for role in Role:
        with browsing(console, role, app=app) as browser:
            answer = browser.request(mine.method, "/mine", headers={"X-CSRF-Token": browser.token})
            assert answer.status_code == (200 if role >= needs else 403)
    assert done == [NAMES[role] for role in Role if role >= needs]


@pytest.mark.parametrize("token", [None, "", FORGED, "ü"], ids=["none", "blank", "forged", "odd"])
@pytest.mark.parametrize("page", ACTIONS, ids=named)
def test_a_form_without_our_token_does_nothing(
    admin: Browser, page: Page, token: str | None
) -> None:
    before = everything(admin.console)
    answer = admin.post(place_of(page), data={} if token is None else {"token": token})
    assert answer.status_code == 403
    assert "did not come from this console" in answer.text
    assert everything(admin.console) == before
    assert admin.get("/me").status_code == 200, "still signed in"


@pytest.mark.parametrize(
    "told",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("page", ACTIONS, ids=named)
def test_another_sites_form_does_nothing_whatever_token_it_has(
    admin: Browser, page: Page, told: dict[str, str]
) -> None:
    before = everything(admin.console)
    assert admin.fill(place_of(page), headers=told).status_code == 403
    assert everything(admin.console) == before


@pytest.mark.parametrize("page", ACTIONS, ids=named)
def test_another_sessions_token_does_nothing(admin: Browser, viewer: Browser, page: Page) -> None:
    assert admin.post(place_of(page), data={"token": viewer.token}).status_code == 403


@pytest.mark.parametrize("page", ACTIONS, ids=named)
def test_a_form_that_is_too_large_is_not_read(admin: Browser, page: Page) -> None:
    told = {"Content-Length": str(page.largest_bytes + 1), "X-CSRF-Token": admin.token}
    told["Content-Type"] = "application/x-www-form-urlencoded"
    answer = admin.post(place_of(page), content=b"token=x", headers=told)
    assert answer.status_code == 413
    assert "more than fits here" in answer.text


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_another_method_is_refused_and_harmless(admin: Browser, page: Page) -> None:
    before = everything(admin.console)
    have = {one.method for one in PAGES if one.path == page.path}
    for method in {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET", "POST"} - have:
        answer = admin.request(method, place_of(page))
        # A path that another page's variable part covers is that page's.
        assert answer.status_code in (404, 405) or any(
            re.fullmatch(re.sub(r"\{\w+(:\w+)?\}", "[^/]+", one.path), place_of(page))
            for one in PAGES
            if one.method == method
        ), f"{method} {page.path}"
    assert everything(admin.console) == before


@pytest.mark.parametrize("page", LOOKS, ids=named)
def test_looking_changes_nothing_and_never_breaks(admin: Browser, page: Page) -> None:
    before = everything(admin.console)
    for method in ("GET", "HEAD"):
        answer = admin.request(method, place_of(page))
        assert answer.status_code < 500, answer.text
        assert answer.headers.keys() >= HEADERS
    assert everything(admin.console) == before


@pytest.mark.parametrize("page", LOOKS, ids=named)
def test_no_page_brings_a_script_or_style_of_its_own(admin: Browser, page: Page) -> None:
    answer = admin.get(place_of(page))
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert_nothing_inline(answer.text)


@pytest.mark.parametrize(
    "file", sorted((STATIC.parent / "templates").glob("*")), ids=lambda f: f.name
)
def test_no_template_has_a_script_or_style_of_its_own(file: Path) -> None:
    written = file.read_text(encoding="utf-8")
    assert_nothing_inline(re.sub(r"{%.*?%}|{{.*?}}", "", written, flags=re.DOTALL))


def assert_nothing_inline(html: str) -> None:
    """Nothing that the policy would stop a browser from doing."""
    assert not re.search(r"<style\b", html, re.IGNORECASE)
    assert not re.search(r"\sstyle\s*=", html, re.IGNORECASE)
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", html, re.IGNORECASE)
    assert not re.search(r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", html, re.IGNORECASE)
    assert not re.search(r"hx-(?:on|vars)\b|hx-vals=['\"]?js:", html, re.IGNORECASE)
    assert all("src=" in tag for tag in re.findall(r"<script\b[^>]*>", html, re.IGNORECASE))


@pytest.mark.parametrize("file", sorted(STATIC.iterdir()), ids=lambda f: f.name)
def test_assets_are_for_everybody_and_careful_too(nobody: Browser, file: Path) -> None:
    answer = nobody.get(f"/static/{file.name}")
    assert (answer.status_code, answer.content) == (200, file.read_bytes())
    assert answer.headers.keys() >= HEADERS
    assert "set-cookie" not in answer.headers


def test_nothing_beside_the_assets_is_an_asset(nobody: Browser) -> None:
    for path in ("/static/../gate.py", "/static/%2e%2e/gate.py", "/static/"):
        assert nobody.get(path).status_code in (404, 405)


def test_an_address_that_is_none_says_so_in_the_frame_of_who_asks(
    nobody: Browser, admin: Browser
) -> None:
    for browser, name in ((nobody, ""), (admin, "abel")):
        answer = browser.get("/no-such-page")
        assert answer.status_code == 404
        assert answer.headers.keys() >= HEADERS
        assert "There is no such page" in answer.text
        assert name in answer.text
