"""What a proxy in front may say, what nobody else may, and who is counted as whom behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from starlette.requests import Request

from consumer.console.application import application
from consumer.console.console import Console
from consumer.console.peers import Peers, counted_as
from consumer.console.role import Role
from consumer.ledger.schema import audit
from tests.integration.browser import PASSWORD, Browser, console_in
from tests.integration.office import Office

PROXY, STRANGER = "10.0.0.7", "10.0.9.9"
SAYS = {
    "peers": ["10.0.0.0/28", "127.0.0.1"],
    "user_header": "X-Forwarded-User",
    "groups_header": "X-Forwarded-Groups",
    "roles": {"cme-desk": "coordinator", "cme-heads": "admin", "everybody": "viewer"},
    "sign_out_url": "/oauth2/sign_out",
}


@pytest.fixture
def open_console(office: Office) -> Callable[..., Console]:
    """A console behind a proxy; other settings may be said."""

    def opened(**changed: Any) -> Console:
        office.start(console={"proxy": SAYS | changed})
        return console_in(office)

    return opened


@pytest.fixture
def console(open_console: Callable[..., Console]) -> Console:
    return open_console()


def told(name: str = "mora.silva", groups: str = "staff,cme-desk") -> dict[str, str]:
    return {"X-Forwarded-User": name, "X-Forwarded-Groups": groups}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ("cme-desk", "coordinator"),
        ("everybody, cme-heads ,cme-desk", "admin"),
        ("everybody", "viewer"),
    ],
)
def test_who_the_proxy_names_is_in_by_the_highest_role_of_their_groups(
    console: Console, groups: str, role: str
) -> None:
    with Browser(console, peer=PROXY) as browser:
        shown = browser.get("/me", headers=told(groups=groups))
        assert shown.status_code == 200
        assert f'mora.silva <span class="quiet">{role}</span>' in shown.text


def test_the_audit_has_one_sign_in_a_visit(console: Console) -> None:
    with Browser(console, peer=PROXY) as browser:
        for name in ("mora", "mora", "vera", "vera"):
            browser.get("/me", headers=told(name))
    with console.ledger.read() as db:
        rows = db.execute(select(audit.c.who, audit.c.what)).all()
    assert [tuple(row) for row in rows] == [
        ("mora", "user.signed_in"),
        ("vera", "user.signed_in"),
    ]


@pytest.mark.parametrize("groups", ["", "staff", "CME-DESK", "cme-desk;cme-heads"])
def test_nobody_is_in_without_a_role(console: Console, groups: str) -> None:
    with Browser(console, peer=PROXY) as browser:
        assert browser.get("/me", headers=told(groups=groups)).status_code == 403


@pytest.mark.parametrize("name", ["a<b", "x" * 101, "a\x00b", "-"])
def test_a_name_that_is_none_is_refused(console: Console, name: str) -> None:
    with Browser(console, peer=PROXY) as browser:
        assert browser.get("/me", headers=told(name)).status_code == 403


def test_two_names_at_once_are_refused(console: Console) -> None:
    with Browser(console, peer=PROXY) as browser:
        heads = [("X-Forwarded-User", "vera"), *told().items()]
        answer = browser.get("/me", headers=heads)
        assert answer.status_code == 403
        assert "two names at once" in answer.text


@pytest.mark.parametrize("peer", [STRANGER, "10.0.0.16", "::ffff:10.0.9.9", "testclient", ""])
@pytest.mark.parametrize(
    "forwarded", [{}, {"X-Forwarded-For": PROXY}, {"Forwarded": f"for={PROXY}"}]
)
def test_what_anybody_else_says_of_who_they_are_is_refused(
    console: Console, peer: str, forwarded: dict[str, str]
) -> None:
    with Browser(console, peer=peer) as browser:
        answer = browser.get("/me", headers=told() | forwarded)
        assert answer.status_code == 403
        assert "Only the proxy may say" in answer.text
        with console.ledger.read() as db:
            assert not db.execute(select(audit)).all()


def test_the_proxys_word_ends_when_the_proxy_ends_it(console: Console) -> None:
    with Browser(console, peer=PROXY) as browser:
        assert browser.get("/me", headers=told()).status_code == 200
        assert browser.get("/me").status_code == 303
        cookie = {"moc_console": browser.cookie}
    with Browser(console, peer=STRANGER, cookies=cookie) as thief:
        assert thief.get("/me").status_code == 303


def test_a_form_behind_the_proxy_needs_its_token_too(console: Console) -> None:
    with Browser(console, peer=PROXY) as browser:
        browser.look("/me", headers=told())
        assert browser.post("/me/sign-out-everywhere", headers=told()).status_code == 403
        other = told("vera")
        assert browser.fill("/me/sign-out-everywhere", headers=other).status_code == 403
        browser.look("/me", headers=told())
        assert browser.fill("/me/sign-out-everywhere", headers=told()).status_code == 303


def test_signing_out_leads_to_where_the_proxy_signs_out(console: Console) -> None:
    with Browser(console, peer=PROXY) as browser:
        browser.look("/me", headers=told())
        answer = browser.fill("/sign-out", headers=told())
        assert 'href="/oauth2/sign_out"' in answer.text


def test_without_a_user_header_a_proxy_only_forwards(office: Office) -> None:
    office.start(console={"proxy": {"peers": [PROXY]}})
    console = console_in(office)
    console.users.put("mora", Role.COORDINATOR, PASSWORD)
    with Browser(console, peer=PROXY) as browser:
        assert browser.get("/me", headers=told()).status_code == 303
        assert browser.sign_in("mora").status_code == 303


def test_where_the_network_listens_in_nobody_comes_past_the_proxy(console: Console) -> None:
    console.users.put("mora", Role.COORDINATOR, PASSWORD)
    app = application(console, "0.0.0.0:8792")
    for peer, status in ((PROXY, 200), ("127.0.0.1", 200), (STRANGER, 403)):
        with Browser(console, peer=peer, app=app) as browser:
            assert browser.get("/sign-in").status_code == status


# ---------------------------------------------------------------- who is counted as whom


def request(peer: str, *forwarded: str) -> Request:
    heads = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": heads})


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("203.0.113.5",), "192.0.2.1"),
        (PROXY, ("203.0.113.5",), "203.0.113.5"),
        (PROXY, ("198.51.100.9, 203.0.113.5",), "203.0.113.5"),
        (PROXY, ("198.51.100.9", "203.0.113.5, 10.0.0.8"), "203.0.113.5"),
        (PROXY, (), PROXY),
        (PROXY, ("nonsense",), PROXY),
        (PROXY, ("10.0.0.8",), "10.0.0.8"),
    ],
)
def test_the_browser_is_what_our_proxies_saw_and_nothing_it_wrote_itself(
    peer: str, forwarded: tuple[str, ...], origin: str
) -> None:
    assert Peers(["10.0.0.0/28"]).origin(request(peer, *forwarded)) == origin


def test_tries_are_counted_by_address_or_by_the_network_of_a_subscriber() -> None:
    assert counted_as("192.0.2.1") == "192.0.2.1"
    assert (
        counted_as("2001:db8:0:1:2:3:4:5") == counted_as("2001:db8:0:1::9") == "2001:db8:0:1::/64"
    )
    assert counted_as("") == ""
