"""A provider's profile: what it refuses, what it never shows; and how Retry-After is read."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.pars.contract import CompletedForm, Operation, Placement, Transport, UniqueIDForm
from consumer.pars.webservice import retry_after
from consumer.parts import pars_profile
from consumer.settings import Settings, SettingsProblems, load_settings
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
    one = profile("https://pars.example.org/stem/", paths={Operation.SAVE: "/Save"})
    assert one.url(Operation.SAVE) == "https://pars.example.org/stem/Save"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"transport": Transport.JSON, "credentials_in": Placement.BODY}, "GET without a body"),
        ({"unique_id_form": UniqueIDForm.OBJECT}, "only the json transport"),
        ({"cme_mirror": True}, "must be off"),
        ({"credential_fields": ("Org", "User", "user")}, "differ from each other"),
        ({"credential_fields": ("Org", "User", "Content-Type")}, "request's own"),
        ({"credential_fields": ("Org", "CreditId", "Password")}, "request's own"),
        ({"credential_fields": ("Org", "User", "hidden:x")}, "must be names"),
        ({"credential_fields": ("Org", "User", "")}, "must be names"),
        ({"credential_fields": ("Org", "1st", "Password")}, "must be names"),
        ({"paths": {Operation.SAVE: "a?hidden=1"}}, "paths.save must be a plain path"),
        ({"paths": {Operation.SAVE: "a#hidden"}}, "paths.save must be a plain path"),
        ({"paths": {Operation.STATUS: "hidden me"}}, "paths.status must be a plain path"),
        ({"paths": {Operation.STATUS: "//hidden"}}, "paths.status must be a plain path"),
        ({"paths": {Operation.STATUS: ""}}, "paths.status must be a plain path"),
        ({"activity_url": "http://pars.example.org"}, "activity_url must be https"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        profile("https://pars.example.org", **changes)
    assert "hidden" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


# ------------------------------------------------------------------ from the settings

MAIN = {
    "provider_id": "0009999",
    "name": "Example Academy of Medicine",
    "domain": "example.org",
    "url": "https://pars.example.org",
    "user": "reporter",
    "password": PASSWORD,
}


def loaded(**changes: Any) -> Settings:
    return load_settings(None, profiles={"main": MAIN | changes})


def test_the_defaults_are_the_dossier_s() -> None:
    settings = loaded()
    one = pars_profile("main", settings.profiles["main"], settings)
    assert (one.transport, one.credentials_in) == (Transport.XML, Placement.HEADERS)
    assert (one.completed, one.unique_id_form) == (CompletedForm.DATE, UniqueIDForm.LIST)
    assert one.credentials == {"ProviderId": "0009999", "User": "reporter", "Password": PASSWORD}
    assert [one.url(operation).rpartition("/")[2] for operation in Operation] == [
        "SaveLearnerActivity",
        "GetLearnerStatusByCreditId",
        "GetLearnerStatusByLearner",
        "GetLearnerMatch",
        "GetActivity",
        "SaveActivity",
    ]
    as_json = loaded(transport="json")
    other = pars_profile("main", as_json.profiles["main"], as_json)
    assert other.completed is CompletedForm.NOON
    assert other.url(Operation.SAVE).endswith("/learner-activities")
    assert other.url(Operation.STATUS) == other.url(Operation.STATUS_BY_LEARNER)


def test_every_setting_reaches_the_client() -> None:
    settings = loaded(
        transport="json",
        credentials_in="query",
        credential_fields={"provider_id": "Org", "user": "Login", "password": "Secret"},
        paths={"save": "v2/save"},
        completed_form="date",
        unique_id_form="object",
    )
    one = pars_profile("main", settings.profiles["main"], settings)
    assert (one.transport, one.credentials_in) == (Transport.JSON, Placement.QUERY)
    assert one.credentials == {"Org": "0009999", "Login": "reporter", "Secret": PASSWORD}
    assert one.url(Operation.SAVE) == "https://pars.example.org/v2/save"
    assert (one.completed, one.unique_id_form) == (CompletedForm.DATE, UniqueIDForm.OBJECT)


def test_settings_that_cannot_be_are_refused_without_the_password() -> None:
    with pytest.raises(SettingsProblems, match="paths"):
        loaded(paths={"sav": "x"})
    settings = loaded(cme_mirror=True)
    with pytest.raises(ValueError, match="cme_mirror") as refused:
        pars_profile("main", settings.profiles["main"], settings)
    assert PASSWORD not in str(refused.value)


# ------------------------------------------------------------------ Retry-After


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
