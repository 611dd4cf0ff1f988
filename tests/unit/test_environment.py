"""Names in the environment: every setting's is known, and a misspelt one is refused by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.cli import main
from consumer.environment import ELSEWHERE, names_of, near, unknown_names
from consumer.settings import Settings, SettingsProblems, load_settings
from tests.commands import below

ROOT = Path(__file__).parents[2]
NAMES = sorted(names_of(Settings))


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set where the tests run is not theirs."""
    for name in [name for name in os.environ if name.upper().startswith("MOC_")]:
        monkeypatch.delenv(name)


def variable(name: str) -> str:
    return "MOC_" + name.replace("*", "main").replace(".", "__").upper()


def test_every_name_of_a_setting_is_found() -> None:
    assert {"bus", "intake.group", "profiles.*.password", "profiles.*.credential_fields.user"} <= {
        *NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_known_in_the_environment(name: str) -> None:
    assert (
        unknown_names(Settings, dict.fromkeys([variable(name), variable(name).lower()], "")) == []
    )


def options(command: click.Command) -> Iterator[click.Parameter]:
    yield from command.params
    if isinstance(command, click.Group):
        for _, one in below(command):
            yield from options(one)


def test_what_single_commands_read_is_known() -> None:
    read = {one.envvar for one in options(main) if one.envvar}
    assert read == ELSEWHERE
    assert unknown_names(Settings, dict.fromkeys(ELSEWHERE, "")) == []


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "docker-compose.yml", "README.md"])
def test_what_is_documented_and_shipped_is_known(file: str) -> None:
    names = {*re.findall(r"\bMOC_\w+", (ROOT / file).read_text(encoding="utf-8"))}
    names -= {"MOC_SENDNG__WORKERS"}  # shown as a mistake
    assert names
    assert unknown_names(Settings, dict.fromkeys(names, "")) == []


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("MOC_SENDNG__WORKERS", "MOC_SENDING__WORKERS"),
        ("MOC_SENDING_WORKERS", "MOC_SENDING__WORKERS"),
        ("moc_buss", "MOC_BUS"),
        ("MOC_KAFKA_BOOTSTRAP_SERVERS", "MOC_KAFKA__BOOTSTRAP_SERVERS"),
        ("MOC_PROFILE__MAIN__PASSWORD", "MOC_PROFILES__MAIN__PASSWORD"),
        ("MOC_PROFILE__NORTH__URL", "MOC_PROFILES__NORTH__URL"),
        ("MOC_TABLES_DIRS", "MOC_TABLES_DIR"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(wrong: str, meant: str) -> None:
    (told,) = unknown_names(Settings, {wrong: "zebra-hunter2"})
    assert told == f"environment: {wrong} is no setting; did you mean {meant}?"


@pytest.mark.parametrize("name", ["MOC_", "MOC_COLOUR", "MOC_BUS__KIND", "MOC_DATA_DIR__X__Y"])
def test_a_name_like_none_is_told_too(name: str) -> None:
    (told,) = unknown_names(Settings, {name: "zebra-hunter2"})
    assert told.startswith(f"environment: {name} is no setting; ")
    assert "zebra" not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOC_SERVICE_HOST", "10.0.0.7"),
        ("MOC_CONSUMER_SERVICE_PORT_METRICS", "9100"),
        ("MOC_CONSUMER_PORT", "tcp://10.0.0.7:9100"),
        ("MOC_CONSUMER_PORT_9100_TCP", "tcp://10.0.0.7:9100"),
        ("MOC_CONSUMER_PORT_9100_TCP_ADDR", "10.0.0.7"),
        ("MOCHA", "1"),
        ("PATH", "/bin"),
    ],
)
def test_what_a_cluster_sets_by_itself_and_what_is_not_ours_is_let_be(
    name: str, value: str
) -> None:
    assert unknown_names(Settings, {name: value}) == []


def test_all_are_told_at_once_with_everything_else_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOC_SENDNG__WORKERS", "3")
    monkeypatch.setenv("MOC_COLOUR", "red")
    monkeypatch.setenv("MOC_LOG__LEVVEL", "debug")
    with pytest.raises(SettingsProblems) as found:
        load_settings(None)
    assert [problem.partition(";")[0] for problem in found.value.problems] == [
        "environment: MOC_COLOUR is no setting",
        "environment: MOC_SENDNG__WORKERS is no setting",
        "log.levvel: no such setting",
    ]
    assert "did you mean log.level?" in str(found.value)


def test_a_misspelt_name_alone_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = {"provider_id": "0009999", "name": "A", "domain": "example.org", "user": "u"}
    settings = {"main": profile | {"url": "https://pars.example.org", "password": "p"}}
    assert load_settings(None, profiles=settings)
    monkeypatch.setenv("MOC_SENDNG__WORKERS", "3")
    with pytest.raises(SettingsProblems):
        load_settings(None, profiles=settings)


@given(st.sampled_from([name for name in NAMES if len(name) > 6]), st.data())
def test_law_one_letter_less_leads_back(name: str, data: st.DataObject) -> None:
    whole = name.replace("*", "main")
    place = data.draw(st.integers(0, len(whole) - 1))
    worse = whole[:place] + whole[place + 1 :]
    assert near(Settings, worse)
