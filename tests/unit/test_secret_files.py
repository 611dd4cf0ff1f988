"""Secrets that stand in files: read without their last newline, and refused by name alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.environment import names_of
from consumer.settings import Settings, SettingsProblems, load_settings
from consumer.settings.secretfiles import NoSecret, read_secret

SECRET = "zebra-hunter2"
WEBHOOK = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cy1hbG9uZQ=="
PROFILE = """
[profiles.main]
provider_id = "0009999"
name = "Example Academy of Medicine"
domain = "example.org"
url = "https://pars.example.org"
user = "reporter"
"""
SECRETS = {
    "profiles.main.password": (SECRET, {}),
    "ledger_url": ("postgresql://moc:zebra-hunter2@db.example.org/moc", {}),
    "kafka.password": (
        SECRET,
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "username": "moc"},
    ),
    "registry.password": (SECRET, {"url": "https://registry.example.org", "user": "moc"}),
    "console.oidc.client_secret": (SECRET, {}),
    "tracing.authorization": (
        "Bearer zebra-hunter2",
        {"endpoint": "https://collector.example.org/v1/traces"},
    ),
    "webhooks.crm.url": ("https://crm.example.org/zebra-hunter2", {"secret": WEBHOOK}),
    "notices.to.sre.webhook": ("https://chat.example.org/zebra-hunter2", {}),
}
"""Every secret that a file beside it may hold, a good value, and what it does not go without."""


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set where the tests run is not theirs."""
    for name in [name for name in os.environ if name.upper().startswith("MOC_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return file


def toml(folder: Path, text: str = "", profile: str = f'password = "{SECRET}"') -> Path:
    config = folder / "moc.toml"
    config.write_text(f"{text}\n{PROFILE}{profile}\n")
    return config


def variable(name: str) -> str:
    return "MOC_" + name.replace(".", "__").upper()


def value_of(settings: Any, name: str) -> str:
    for part in name.split("."):
        settings = settings[part] if isinstance(settings, dict) else getattr(settings, part)
    return str(settings.get_secret_value())


def problems(config: Path | None) -> tuple[str, ...]:
    with pytest.raises(SettingsProblems) as found:
        load_settings(config)
    assert SECRET not in str(found.value)
    return found.value.problems


def test_these_are_all_the_secrets_there_are() -> None:
    names = {*names_of(Settings)}
    beside = {one for one in names if one.removesuffix("_file") in names - {one}}
    stars = {"profiles.main": "profiles.*", "webhooks.crm": "webhooks.*", "to.sre": "to.*"}
    tested = {one.replace(*named) for one in SECRETS for named in stars.items()} & names
    own = {"notices.mail.password", "webhooks.*.secret", "gateway.sources.*.secret"}
    assert beside == {f"{one}_file" for one in tested | own}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: str
) -> None:
    value, needs = SECRETS[name]
    file = tmp_path / "secret"
    file.write_bytes(f"{value}{end}".encode())
    profile = "" if name.startswith("profiles") else f'password = "{SECRET}"'
    monkeypatch.setenv(variable(f"{name}_file"), str(file))
    for other, said in needs.items():
        monkeypatch.setenv(variable(f"{name.rpartition('.')[0]}.{other}"), said)
    settings = load_settings(toml(tmp_path, profile=profile))
    assert value_of(settings, name) == value
    assert SECRET not in repr(settings)


def test_a_secret_is_read_from_the_file_that_the_settings_name(
    tmp_path: Path, secret: Path
) -> None:
    config = toml(tmp_path, profile=f'password_file = "{secret}"')
    assert value_of(load_settings(config), "profiles.main.password") == SECRET


def test_the_environment_comes_before_the_file_of_settings(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOC_PROFILES__MAIN__PASSWORD_FILE", str(secret))
    config = toml(tmp_path, profile='password = "another"')
    assert value_of(load_settings(config), "profiles.main.password") == SECRET


def test_the_value_and_its_file_are_one_too_many(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = f'password = "{SECRET}"\npassword_file = "{secret}"'
    told = "profiles.main.password_file: password is said too: only one of them"
    assert problems(toml(tmp_path, profile=both)) == (told,)
    monkeypatch.setenv("MOC_PROFILES__MAIN__PASSWORD", SECRET)
    monkeypatch.setenv("MOC_PROFILES__MAIN__PASSWORD_FILE", str(secret))
    assert problems(toml(tmp_path)) == (told,)


UNREADABLE = {
    "none": (None, "cannot be read: No such file or directory"),
    "blank": (b" \n", "is empty"),
    "two lines": (b"zebra-hunter2\nzebra-hunter2\n", "must hold the secret alone, on one line"),
    "no text": (b"zebra-hunter2\xff", "must be text in UTF-8"),
    "endless": (b"zebra-hunter2" * 6000, "must hold the secret alone, on one line"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_holds_no_secret_is_refused_by_its_setting(tmp_path: Path, case: str) -> None:
    raw, why = UNREADABLE[case]
    file = tmp_path / "secret"
    if raw is not None:
        file.write_bytes(raw)
    config = toml(tmp_path, profile=f'password_file = "{file}"')
    assert problems(config) == (f"profiles.main.password_file: {why}",)


def test_a_secret_in_place_of_its_files_name_is_not_shown(tmp_path: Path) -> None:
    config = toml(tmp_path, profile=f'password_file = "{SECRET}"')
    (told,) = problems(config)
    assert told == "profiles.main.password_file: cannot be read: No such file or directory"


def test_what_else_is_wrong_is_told_with_it(tmp_path: Path) -> None:
    config = toml(tmp_path, "[sending]\nworkers = 0", 'password_file = "nowhere"')
    assert [one.partition(":")[0] for one in problems(config)] == [
        "profiles.main.password_file",
        "sending.workers",
    ]


def test_what_is_no_secret_is_read_from_no_file(tmp_path: Path, secret: Path) -> None:
    (told,) = problems(toml(tmp_path, profile=f'user_file = "{secret}"\npassword = "{SECRET}"'))
    assert told.startswith("profiles.main.user_file: no such setting")


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60))
def test_a_secret_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, it: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(f"{it}\n".encode())
    assert read_secret(file) == it


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(NoSecret, match="directory"):
        read_secret(tmp_path)
