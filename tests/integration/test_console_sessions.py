"""Coming in and going out: passwords, cookies, how long a visit lasts, what ends it, guessing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from starlette.routing import request_response

from consumer.console.application import application
from consumer.console.console import Console
from consumer.console.gate import Gate
from consumer.console.page import page
from consumer.console.pages.signing import own_page
from consumer.console.role import Role
from consumer.ledger.ledger import LedgerRefused, LedgerUnavailable
from consumer.ledger.schema import audit
from tests.fakes import FakeClock
from tests.integration.browser import PASSWORD, Browser, browsing, console_in
from tests.integration.office import Office
from tests.unit.test_log import logging_to

MINUTE, HOUR = 60, 3600
OTHER = "five geese by the mill"


@pytest.fixture
def console(office: Office) -> Console:
    """A console with one user, mora."""
    made = console_in(office)
    made.users.put("mora", Role.COORDINATOR, PASSWORD)
    return made


@pytest.fixture
def mora(console: Console) -> Iterator[Browser]:
    """The browser in which mora has signed in."""
    with browsing(console, Role.COORDINATOR) as browser:
        yield browser


def is_in(browser: Browser) -> bool:
    return bool(browser.get("/me").status_code == 200)


def deeds(console: Console) -> list[tuple[str, str, str]]:
    with console.ledger.read() as db:
        rows = db.execute(select(audit).order_by(audit.c.id)).all()
    return [(row.who, row.what, row.subject) for row in rows]


# ---------------------------------------------------------------- coming in


def test_who_signs_in_lands_where_they_wanted_to_go(console: Console) -> None:
    with Browser(console) as browser:
        led = browser.get("/me").headers["location"]
        assert led == "/sign-in?next=%2Fme"
        assert 'name="next" value="/me"' in browser.look(led).text
        told = {"name": "Mora ", "password": PASSWORD, "next": "/me"}
        assert browser.fill("/sign-in", told).headers["location"] == "/me"
        assert is_in(browser)
    assert deeds(console) == [("mora", "user.signed_in", "mora")]


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/\t/evil.example",
     "/\n/evil.example", "/sign-out", "javascript:alert(1)"],
)  # fmt: skip
def test_nobody_is_led_to_another_site(elsewhere: str) -> None:
    assert own_page(elsewhere) == "/"


def test_the_answer_does_not_tell_whether_there_is_such_a_user(console: Console) -> None:
    with Browser(console) as browser, logging_to("info", as_json=True) as out:
        told = [browser.sign_in(name, "not the password") for name in ("mora", "nobody")]
        assert {one.status_code for one in told} == {401}
        assert len({one.text for one in told}) == 1
        # The same warning is written once a minute.
        assert out.getvalue().count("user.not_let_in") == 1
        assert "mora" not in out.getvalue()
        assert "nobody" not in out.getvalue()
    assert deeds(console) == []


def test_signing_in_begins_another_session(console: Console) -> None:
    with Browser(console) as browser:
        browser.look("/sign-in")
        before, token = browser.cookie, browser.token
        browser.sign_in("mora")
        assert browser.token != token
        with Browser(console, cookies={"moc_console": before}) as planted:
            assert not is_in(planted)


def test_another_site_cannot_sign_anybody_in(console: Console) -> None:
    with Browser(console) as browser, Browser(console) as attacker:
        attacker.look("/sign-in")
        told = {"name": "mora", "password": PASSWORD, "token": attacker.token}
        assert browser.post("/sign-in", data=told).status_code == 403


# ---------------------------------------------------------------- the cookie


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(console: Console) -> None:
    with Browser(console) as browser:
        told = browser.look("/sign-in").headers["set-cookie"]
        assert told.startswith("moc_console=")
        assert told.partition("; ")[2] == "HttpOnly; Path=/; SameSite=lax"


def test_where_browsers_come_by_https_the_cookie_goes_no_other_way(office: Office) -> None:
    office.start(console={"public_url": "https://cme.example.org"})
    # The proxy in front speaks plain HTTP to us.
    with Browser(console_in(office), "http://cme.example.org") as browser:
        answer = browser.look("/sign-in")
        told = answer.headers["set-cookie"]
        assert told.startswith("__Host-moc_console=")
        assert told.partition("; ")[2] == "HttpOnly; Path=/; SameSite=lax; Secure"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_behind_a_proxy_with_tls_forms_come_from_the_public_address(office: Office) -> None:
    office.start(console={"public_url": "https://cme.example.org"})
    console = console_in(office)
    console.users.put("mora", Role.COORDINATOR, PASSWORD)
    for origin, status in (("https://cme.example.org", 303), ("https://cme.example.com", 403)):
        with Browser(console, "http://127.0.0.1:8792") as browser:
            cookie = browser.look("/sign-in").headers["set-cookie"].partition(";")[0]
            told = {"name": "mora", "password": PASSWORD}
            heads = {"Origin": origin, "Cookie": cookie}
            assert browser.fill("/sign-in", told, headers=heads).status_code == status


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "WzEsMl0.oQGxLlVah19jxDuHIPVrmcXL4F5WaEKdsv1"])
def test_a_cookie_that_is_none_of_ours_is_nobodys(console: Console, cookie: str) -> None:
    with Browser(console, cookies={"moc_console": cookie}) as browser:
        assert not is_in(browser)


def test_a_changed_cookie_is_nobodys(mora: Browser) -> None:
    body, _, sign = mora.cookie.rpartition(".")
    for changed in (f"{body}x.{sign}", f"{body}.{sign[:-2]}xx", body):
        with Browser(mora.console, cookies={"moc_console": changed}) as browser:
            assert not is_in(browser)


# ---------------------------------------------------------------- how long it lasts


def test_who_does_nothing_for_an_hour_is_out(mora: Browser, clock: FakeClock) -> None:
    clock.advance(59 * MINUTE)
    assert is_in(mora)
    clock.advance(59 * MINUTE)
    assert is_in(mora)
    clock.advance(61 * MINUTE)
    assert not is_in(mora)


def test_after_twelve_hours_everybody_signs_in_anew(mora: Browser, clock: FakeClock) -> None:
    for _ in range(15):
        clock.advance(47 * MINUTE)
        assert is_in(mora)
    clock.advance(16 * MINUTE)
    assert not is_in(mora)


def test_signing_out_ends_copies_of_the_cookie_too(mora: Browser) -> None:
    with Browser(mora.console, cookies={"moc_console": mora.cookie}) as copy:
        assert is_in(copy)
        assert mora.fill("/sign-out").headers["location"] == "/sign-in"
        assert not is_in(mora)
        assert not is_in(copy)
    assert deeds(mora.console)[-1] == ("mora", "user.signed_out", "mora")


def test_signing_out_is_done_by_a_form_only(mora: Browser) -> None:
    assert mora.get("/sign-out").status_code == 405
    assert mora.post("/sign-out").status_code == 403
    assert is_in(mora)


def test_signing_out_here_leaves_other_computers_alone(mora: Browser, console: Console) -> None:
    with browsing(console, Role.COORDINATOR) as other:
        mora.fill("/sign-out")
        assert is_in(other)


def test_signing_out_everywhere_ends_all_visits_in_every_process(
    mora: Browser, office: Office, clock: FakeClock
) -> None:
    with browsing(console_in(office), Role.COORDINATOR) as other:
        clock.advance(1)
        assert mora.fill("/me/sign-out-everywhere").status_code == 303
        assert not is_in(mora)
        assert not is_in(other)
        clock.advance(1)
        other.sign_in("mora")
        assert is_in(other)


def test_another_role_or_password_or_none_ends_the_visit(mora: Browser, console: Console) -> None:
    cookie = mora.cookie
    console.users.set_role("mora", Role.VIEWER)
    assert not is_in(mora)
    mora.sign_in("mora")
    assert is_in(mora)
    console.users.set_password("mora", OTHER)
    assert not is_in(mora)
    mora.sign_in("mora", OTHER)
    assert is_in(mora)
    console.users.remove("mora")
    assert not is_in(mora)
    console.users.put("mora", Role.COORDINATOR, PASSWORD)
    with Browser(console, cookies={"moc_console": cookie}) as old:
        assert not is_in(old)


# ---------------------------------------------------------------- one's own password


def test_one_changes_ones_own_password(mora: Browser, console: Console) -> None:
    with browsing(console, Role.COORDINATOR) as elsewhere:
        told = {"old": PASSWORD, "new": OTHER, "again": OTHER}
        assert mora.fill("/me/password", told).headers["location"] == "/me"
        assert "Your password is changed" in mora.look("/me").text
        assert not is_in(elsewhere)
    assert console.users.check("mora", OTHER)
    assert not console.users.check("mora", PASSWORD)
    assert deeds(console)[-1] == ("mora", "user.password", "mora")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"old": "not mine at all", "new": OTHER, "again": OTHER}, "not your password"),
        ({"old": PASSWORD, "new": OTHER, "again": OTHER + "x"}, "not the same"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "12 to 128"),
        ({"old": PASSWORD, "new": "mora-mora-ward", "again": "mora-mora-ward"}, "name"),
    ],
)
def test_a_password_that_will_not_do_is_told_at_its_field(
    mora: Browser, told: dict[str, str], why: str
) -> None:
    answer = mora.fill("/me/password", told)
    assert answer.status_code == 422
    assert why in answer.text
    assert mora.console.users.check("mora", PASSWORD)


# ---------------------------------------------------------------- guessing


def test_guessing_at_one_name_is_slowed_down_wherever_it_comes_from(
    console: Console, clock: FakeClock
) -> None:
    for number in range(5):
        with Browser(console, peer=f"192.0.2.{number}") as browser:
            assert browser.sign_in("mora", "a guess").status_code == 401
    with Browser(console, peer="192.0.2.99") as browser:
        answer = browser.sign_in("mora")
        assert answer.status_code == 429, "not even the right one"
        assert answer.headers["retry-after"] == "6"
        assert "Too many tries" in answer.text
        clock.advance(5)
        assert browser.sign_in("mora", "a guess").status_code == 401
        clock.advance(5)
        assert browser.sign_in("mora").status_code == 429, "the wait has doubled"
        clock.advance(5)
        assert browser.sign_in("mora").status_code == 303


def test_a_name_that_nobody_has_is_slowed_down_alike(console: Console) -> None:
    with Browser(console) as browser:
        told = [browser.sign_in("nobody", "a guess").status_code for _ in range(6)]
    assert told == [401] * 5 + [429]


def test_guessing_at_many_names_from_one_place_is_slowed_down(console: Console) -> None:
    with Browser(console, peer="2001:db8::1") as browser:
        for number in range(30):
            browser.console.doors.throttle.try_now(f"user{number}", "2001:db8::/64")
        assert browser.sign_in("mora").status_code == 429
    with Browser(console, peer="2001:db8:0:1::1") as elsewhere:
        assert elsewhere.sign_in("mora").status_code == 303


# ---------------------------------------------------------------- names of this host


@pytest.mark.parametrize("host", ["127.0.0.1:8792", "localhost", "[::1]:1", "LOCALHOST:80"])
def test_it_answers_by_its_own_names(console: Console, host: str) -> None:
    with Browser(console) as browser:
        assert browser.get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8792", "", "10.0.0.1"],
)
@pytest.mark.parametrize("path", ["/sign-in", "/static/console.css", "/no-such-page"])
def test_a_name_that_leads_here_from_elsewhere_is_refused(
    console: Console, host: str, path: str
) -> None:
    with Browser(console) as browser:
        answer = browser.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "console.hosts" in answer.text


def test_the_settings_say_further_names(office: Office) -> None:
    office.start(console={"public_url": "http://localhost:1", "hosts": ["Cme.example.org"]})
    with Browser(console_in(office), "http://cme.example.org:8792") as browser:
        assert browser.get("/sign-in").status_code == 200


# ---------------------------------------------------------------- what fails


def failing(console: Console, error: Exception) -> Browser:
    """A browser before a console whose every page fails so."""

    def fail(_: object) -> object:
        raise error

    gate = Gate(console, "")
    app = application(console, gate=gate)
    for route in app.routes:
        if getattr(route, "path", "") == "/":

            async def enter(request: object) -> object:
                return await gate.enter(page("/", fail), request)  # type: ignore[arg-type]

            route.app = _asgi(enter)
    return Browser(console, app=app)


def _asgi(enter: object) -> object:
    return request_response(enter)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (LedgerUnavailable("database is locked"), 503, "The ledger does not answer"),
        (LedgerRefused("the ledger is newer"), 503, "cannot be used as it is"),
        (KeyError("Anna Kowalska"), 500, "Something is wrong with this page"),
    ],
)
def test_what_fails_says_so_calmly_by_a_number_that_is_in_the_log(
    console: Console, error: Exception, status: int, said: str
) -> None:
    with failing(console, error) as browser:
        browser.sign_in("mora")
        with logging_to("info", as_json=True) as out:
            answer = browser.get("/")
            assert answer.status_code == status
            assert said in answer.text
            assert "Traceback" not in answer.text
            (number,) = set(_numbers(answer.text))
            assert f'"number":"{number}"' in out.getvalue().replace('": "', '":"')
            assert "Kowalska" not in answer.text + out.getvalue()
            assert "mora" in answer.text, "whoever asks stays signed in"


def _numbers(text: str) -> list[str]:
    return re.findall(r"the number ([0-9A-F]{6})", text)


def test_a_part_that_fails_takes_the_place_of_the_page(console: Console) -> None:
    with failing(console, KeyError("x")) as browser:
        browser.sign_in("mora")
        answer = browser.get("/", headers={"HX-Request": "true"})
        assert answer.status_code == 500
        assert answer.headers["hx-retarget"] == answer.headers["hx-reselect"] == "#main"


def test_a_users_file_that_others_may_read_is_not_used(console: Console) -> None:
    os.chmod(console.settings.users_path, 0o644)  # noqa: PTH101
    with Browser(console) as browser, logging_to("info", as_json=True) as out:
        answer = browser.get("/sign-in")
        assert answer.status_code == 503
        assert "list of users cannot be read" in answer.text
        assert "chmod 600" in out.getvalue()
