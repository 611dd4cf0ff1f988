"""`source add`: what it prints is enough for the gateway to take what the LMS posts."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from consumer.cli import main
from consumer.gateway.introducing import Kind
from consumer.gateway.proof import Post, proof_of
from consumer.settings.gateway import GatewaySource
from tests.fakes import FakeClock

SETTINGS = """
data_dir = "data"
[profiles.main]
provider_id = "0009999"
name = "Example Academy of Medicine"
domain = "example.org"
url = "http://127.0.0.1:9"
user = "demo"
password = "demo"
[gateway]
public_url = "https://hooks.example.org"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, in which commands are given."""
    (tmp_path / "moc-consumer.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def add(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["source", "add", *arguments])


def made(*arguments: str) -> dict[str, Any]:
    result = add(*arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = orjson.loads(result.stdout)
    return found


def test_the_first_one_is_let_in_where_the_gateway_is_to_listen_already(folder: Path) -> None:
    (folder / "moc-consumer.toml").write_text(f'{SETTINGS}listen = "127.0.0.1:8793"\n')
    checked = CliRunner().invoke(main, ["check"])
    assert checked.exit_code == 2
    assert "moc-consumer source add NAME makes one" in checked.stderr
    told = made("riverside", "--kind", "generic")
    assert (folder / told["secret_file"]).exists()


@pytest.mark.parametrize("kind", list(Kind))
def test_what_it_prints_are_settings_that_its_secret_opens(folder: Path, kind: Kind) -> None:
    told = made("riverside", "--kind", kind.value)
    secret = (folder / told["secret_file"]).read_text().strip()
    assert told["url"] == "https://hooks.example.org/in/riverside"
    assert any(told["url"] in line for line in told["enter"])
    pasted = tomllib.loads(SETTINGS + told["settings"])["gateway"]["sources"]["riverside"]
    proof = proof_of("riverside", GatewaySource(**pasted))
    assert len(secret) >= 40
    assert secret not in orjson.dumps(told).decode()
    if kind is Kind.MOODLE:
        body = orjson.dumps({"token": secret})
        assert proof.check(Post({}, body, body), FakeClock().now()) == b"{}"


def test_the_secret_is_its_owners_alone_and_another_each_time(folder: Path) -> None:
    files = [folder / made(name, "--kind", "moodle")["secret_file"] for name in ("one", "two")]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700
    assert files[0].read_text() != files[1].read_text()


def test_a_secret_that_is_there_is_never_replaced(folder: Path) -> None:
    file = folder / made("one", "--kind", "moodle")["secret_file"]
    before = file.read_text()
    again = add("one", "--kind", "xapi")
    assert (again.exit_code, file.read_text()) == (1, before)
    assert "is there already" in again.stderr


def test_a_source_that_is_in_the_settings_is_told(folder: Path) -> None:
    told = made("one", "--kind", "docebo")
    (folder / "moc-consumer.toml").write_text(SETTINGS + told["settings"])
    again = add("one", "--kind", "docebo")
    assert (again.exit_code, again.stderr) == (
        1, "error: gateway.sources.one is in the settings already\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["One", "1", "a/b", "..", "a b", "x" * 41])
def test_a_name_that_is_no_address_is_refused(folder: Path, name: str) -> None:
    assert add(name, "--kind", "moodle").exit_code == 2
    assert not (folder / "data" / "secrets").exists()


def test_an_address_on_which_others_read_along_is_refused(folder: Path) -> None:
    result = add("one", "--kind", "moodle", "--url", "http://hooks.example.org")
    assert (result.exit_code, "https" in result.stderr) == (2, True)
    assert not (folder / "data" / "secrets").exists()
