"""Signing in at a provider: who comes in, and every lie that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from consumer.console.console import Console
from tests.fakes import FakeClock
from tests.integration.browser import ADDRESS, Browser, console_in
from tests.integration.office import Office
from tests.integration.signinprovider import CLIENT, SECRET, SignInProvider, providing
from tests.unit.test_log import logging_to

START, BACK = "/sign-in/provider", "/sign-in/provider/back"


@pytest.fixture
def provider(clock: FakeClock) -> Iterator[SignInProvider]:
    """The provider, which knows mora.silva of the CME desk."""
    with providing(clock) as opened:
        yield opened


@dataclass
class Desk:
    """A console that trusts the provider."""

    office: Office
    provider: SignInProvider

    def console(self, **changed: Any) -> Console:
        oidc = {
            "issuer": self.provider.address,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "roles": {"cme-desk": "coordinator", "cme-heads": "admin"},
        }
        self.office.start(console={"public_url": ADDRESS, "oidc": oidc | changed})
        return console_in(self.office)


@pytest.fixture
def desk(office: Office, provider: SignInProvider) -> Desk:
    return Desk(office, provider)


@pytest.fixture
def browser(desk: Desk) -> Iterator[Browser]:
    with Browser(desk.console()) as opened:
        yield opened


def come(browser: Browser, provider: SignInProvider, start: str = START) -> Any:
    """All the way there and back; the console's last answer."""
    return browser.get(provider.agree(browser.get(start).headers["location"]))


def is_in(browser: Browser) -> bool:
    return bool(browser.get("/me").status_code == 200)


def test_who_the_provider_knows_comes_in_by_their_role(
    browser: Browser, provider: SignInProvider
) -> None:
    led = browser.get("/me?x=1").headers["location"]
    page = browser.look(led).text
    start = page.partition('class="button main" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert come(browser, provider, start).headers["location"] == "/me?x=1"
    shown = browser.look("/me").text
    assert "You are signed in as mora.silva, a coordinator" in shown
    assert "kept elsewhere" in shown


def test_the_highest_role_counts_wherever_the_claim_is(
    desk: Desk, provider: SignInProvider
) -> None:
    provider.claims = {"groups": None, "realm_access": {"roles": ["cme-desk", "cme-heads"]}}
    with Browser(desk.console(roles_claim="realm_access.roles")) as browser:
        come(browser, provider)
        assert "You are signed in as mora.silva, an admin" in browser.look("/me").text


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": []},
        {"groups": None},
        {"groups": ["staff"]},
        {"groups": {"cme-desk": True}},
        {"groups": 7},
        {"preferred_username": None},
        {"preferred_username": "<b>mora"},
        {"preferred_username": ["mora"]},
    ],
    ids=repr,
)
def test_nobody_comes_in_without_a_name_and_a_role_that_are_known(
    browser: Browser, provider: SignInProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert come(browser, provider).status_code == 403
    assert not is_in(browser)


def lies(clock: FakeClock) -> dict[str, dict[str, Any]]:
    now = int(clock.now().timestamp())
    return {
        "another nonce": {"nonce": "0" * 64},
        "no nonce": {"nonce": None},
        "another audience": {"aud": "another console"},
        "no audience": {"aud": None},
        "several audiences, ours not meant": {"aud": [CLIENT, "other"], "azp": "other"},
        "several audiences, none meant": {"aud": [CLIENT, "other"]},
        "another party": {"azp": "other"},
        "another issuer": {"iss": "https://elsewhere.example"},
        "no issuer": {"iss": None},
        "expired": {"exp": now - 61},
        "no end": {"exp": None},
        "an end that is none": {"exp": "never"},
        "from the future": {"iat": now + 61},
        "not yet": {"nbf": now + 61},
        "no subject": {"sub": None},
    }


@pytest.mark.parametrize("lie", lies(FakeClock()))
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    browser: Browser, provider: SignInProvider, clock: FakeClock, lie: str
) -> None:
    provider.claims = lies(clock)[lie]
    answer = come(browser, provider)
    assert answer.status_code == 403
    assert "cannot be trusted" in answer.text
    assert not is_in(browser)


def test_clocks_may_differ_by_a_minute(
    browser: Browser, provider: SignInProvider, clock: FakeClock
) -> None:
    now = int(clock.now().timestamp())
    provider.claims = {"exp": now - 59, "iat": now + 59, "nbf": now + 59}
    assert come(browser, provider).status_code == 303


def unsigned(provider: SignInProvider) -> None:
    provider.unsigned = True


def by_a_key_of_nobodys(provider: SignInProvider) -> None:
    other = SignInProvider(provider.clock)
    other.use_other_key()
    provider.key = other.key


def by_the_public_key(provider: SignInProvider) -> None:
    provider.shared = True


@pytest.mark.parametrize("forge", [unsigned, by_a_key_of_nobodys, by_the_public_key])
def test_a_token_that_the_provider_did_not_sign_is_refused(
    browser: Browser, provider: SignInProvider, forge: Callable[[SignInProvider], None]
) -> None:
    forge(provider)
    assert come(browser, provider).status_code == 403
    assert not is_in(browser)


def test_the_providers_new_key_is_fetched_but_not_for_every_forgery(
    browser: Browser, provider: SignInProvider, clock: FakeClock
) -> None:
    come(browser, provider)
    browser.fill("/sign-out", {"token": _token(browser)})
    provider.use_other_key()
    assert come(browser, provider).status_code == 403, "asked for a moment ago"
    clock.advance(31)
    assert come(browser, provider).status_code == 303
    assert provider.keys_asked == 2


def _token(browser: Browser) -> str:
    browser.look("/me")
    return browser.token


# ---------------------------------------------------------------- the attempt


@pytest.mark.parametrize("state", ["", "0" * 64, "ü"])
def test_a_forged_state_is_refused(browser: Browser, provider: SignInProvider, state: str) -> None:
    provider.agree(browser.get(START).headers["location"])
    answer = browser.get(BACK, params={"code": "code-0", "state": state})
    assert answer.status_code == 403
    assert "not begun in this browser" in answer.text
    assert provider.codes, "the code was not used"


def test_nobody_is_signed_in_by_anothers_way_back(
    browser: Browser, provider: SignInProvider
) -> None:
    way_back = provider.agree(browser.get(START).headers["location"])
    with Browser(browser.console) as victim:
        victim.look("/sign-in")
        assert victim.get(way_back).status_code == 403
        victim.get(START)
        assert victim.get(way_back).status_code == 403
        assert not is_in(victim)


def test_a_way_back_leads_in_once(browser: Browser, provider: SignInProvider) -> None:
    way_back = provider.agree(browser.get(START).headers["location"])
    assert browser.get(way_back).status_code == 303
    assert browser.get(way_back).status_code == 403
    assert is_in(browser)


def test_another_verifier_does_not_do(browser: Browser, provider: SignInProvider) -> None:
    way_back = provider.agree(browser.get(START).headers["location"])
    provider.codes["code-0"]["code_challenge"] = "x" * 43
    assert browser.get(way_back).status_code == 403


def test_who_takes_too_long_begins_anew(
    browser: Browser, provider: SignInProvider, clock: FakeClock
) -> None:
    way_back = provider.agree(browser.get(START).headers["location"])
    clock.advance(601)
    assert browser.get(way_back).status_code == 403


def test_who_says_no_there_does_not_come_in(browser: Browser) -> None:
    asked = parse_qs(urlsplit(browser.get(START).headers["location"]).query)
    told = {"error": "access_denied", "state": asked["state"][0]}
    answer = browser.get(BACK, params=told)
    assert (answer.status_code, "given up" in answer.text) == (403, True)


def test_another_issuers_answer_is_refused(browser: Browser, provider: SignInProvider) -> None:
    way_back = provider.agree(browser.get(START).headers["location"])
    assert browser.get(f"{way_back}&iss=https://elsewhere.example").status_code == 403


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example"])
def test_nobody_is_led_to_another_site_afterwards(
    browser: Browser, provider: SignInProvider, wanted: str
) -> None:
    assert come(browser, provider, f"{START}?next={wanted}").headers["location"] == "/"


# ---------------------------------------------------------------- the provider


def away(provider: SignInProvider) -> None:
    provider.away = True


def calls_itself_otherwise(provider: SignInProvider) -> None:
    provider.discovery = {"issuer": "https://elsewhere.example"}


def sends_codes_in_clear_text(provider: SignInProvider) -> None:
    provider.discovery = {"token_endpoint": "http://login.example.org/token"}


@pytest.mark.parametrize("fail", [away, calls_itself_otherwise, sends_codes_in_clear_text])
def test_a_provider_that_cannot_be_used_is_told_by_number(
    browser: Browser, provider: SignInProvider, fail: Callable[[SignInProvider], None]
) -> None:
    fail(provider)
    with logging_to("info", as_json=True) as out:
        answer = browser.get(START)
        assert answer.status_code == 503
        assert "does not answer as it should" in answer.text
        assert '"cause":"the provider' in out.getvalue().replace('": "', '":"')


def test_signing_out_here_leads_to_signing_out_there(
    browser: Browser, provider: SignInProvider
) -> None:
    come(browser, provider)
    answer = browser.fill("/sign-out", {"token": _token(browser)})
    assert f'href="{provider.address}/out?client_id=moc+console' in answer.text
    assert not is_in(browser)


def test_other_roles_at_the_provider_end_all_visits(
    desk: Desk, browser: Browser, provider: SignInProvider
) -> None:
    come(browser, provider)
    assert is_in(browser)
    kept = {"moc_console": browser.cookie}
    with Browser(desk.console(), cookies=kept) as same:
        assert is_in(same)
    with Browser(desk.console(roles={"cme-heads": "admin"}), cookies=kept) as other:
        assert not is_in(other)
