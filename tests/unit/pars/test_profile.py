"""A provider's profile: what it refuses, what it never shows; and how Retry-After is read."""

from __future__ import annotations

import pytest

from consumer.pars.client import retry_after
from tests.fakes import FakeClock
from tests.unit.pars.samples import PASSWORD, profile


@pytest.mark.parametrize(
    "address",
    ["https://pars.example.org/stem", "http://127.0.0.1:80", "http://localhost", "http://[::1]:9"],
)
def test_https_anywhere_and_http_to_this_machine(address: str) -> None:
    assert profile(address).base_url == address


@pytest.mark.parametrize(
    "address",
    [
        "http://pars.example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "ftp://localhost",
        "pars.example.org",
        "https://",
        "",
        "https://user:hidden@pars.example.org",
        "https://pars.example.org?hidden=1",
        "https://pars.example.org:hidden",
        "https://hidden..example.org",
        "https://xn--a",
        "https://" + "hidden" * 11 + ".org",
    ],
)
def test_any_other_address_is_refused_without_being_quoted(address: str) -> None:
    with pytest.raises(ValueError, match="base_url") as refused:
        profile(address)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("secret", ["", "näive", "two\nlines", "nul\0", " spaced", "\ud800"])
@pytest.mark.parametrize("name", ["user", "password", "provider_id"])
def test_credentials_that_no_header_can_hold_are_refused_unseen(name: str, secret: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be printable") as refused:
        profile("https://pars.example.org", **{name: secret})
    assert not secret or secret not in str(refused.value)


def test_credentials_are_in_no_representation() -> None:
    one = profile("https://pars.example.org")
    assert PASSWORD not in f"{one!r} {one}"
    assert "reporter" not in repr(one)


def test_addresses_are_joined_whatever_the_slashes() -> None:
    one = profile("https://pars.example.org/stem/", save_path="/Save")
    assert one.url(one.save_path) == "https://pars.example.org/stem/Save"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("9" * 400, 86_400.0),
        ("-5", None),
        ("1.5", None),
        ("\u0663", None),
        ("soon", None),
        ("Sun, 22 Nov 2026 15:15:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 15:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2099 15:00:00 GMT", 86_400.0),
        ("Sun, 99 Nov 2026 15:15:30 GMT", None),
        ("Sun, 22 Nov 2026 15:15:30 -0000", 30.0),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(header, FakeClock()) == seconds
