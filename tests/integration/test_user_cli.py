"""`user` and `check`: who may sign in, changed from the command line and remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumer.cli import main
from consumer.console.users import Users
from consumer.ledger.schema import audit
from tests.integration.browser import PASSWORD
from tests.integration.office import SEALING_KEY, SECRET, Office

OTHER = "five geese by the mill"
SETTINGS = """\
[profiles.main]
provider_id = "0009999"
name = "Example Academy of Medicine"
domain = "example.org"
url = "http://127.0.0.1:8790"
user = "demo"
password = "demo"
[console]
public_url = "https://cme.example.org"
[console.oidc]
issuer = "https://login.example.org"
client_id = "console"
client_secret = "never-to-be-shown"
roles = { "cme desk" = "coordinator" }
"""


class Desk:
    """Somebody who types in a folder of settings."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.chdir(folder)
        (folder / "moc-consumer.toml").write_text(SETTINGS)

    def run(self, *words: str, types: str = "") -> Result:
        return CliRunner().invoke(main, words, input=types)

    @property
    def users(self) -> Users:
        return Users(self.folder / "data" / "users.toml")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_users_are_added_and_changed_and_taken_out(desk: Desk) -> None:
    add = ("user", "add", "Mora", "--role", "viewer", "--password", PASSWORD)
    assert desk.run(*add).exit_code == 0
    again = desk.run(*add)
    assert (again.exit_code, "there already" in again.output) == (1, True)
    assert desk.run("user", "role", "mora", "admin").exit_code == 0
    assert desk.run("user", "password", "mora", "--password", OTHER).exit_code == 0
    (row,) = (json.loads(line) for line in desk.run("user", "list").stdout.splitlines())
    assert (row["name"], row["role"]) == ("mora", "admin")
    assert desk.users.check("mora", OTHER)
    assert desk.run("user", "remove", "mora").exit_code == 0
    assert desk.run("user", "remove", "mora").exit_code == 1
    assert desk.users.all() == {}


def test_a_password_is_asked_for_or_read_and_a_visible_one_is_warned_of(desk: Desk) -> None:
    (desk.folder / "secret").write_text(f"{OTHER}\n")
    add = ("user", "add", "mora", "--role", "viewer")
    told = desk.run(*add, types=f"{PASSWORD}\n{PASSWORD}\n")
    assert (told.exit_code, "warning" in told.output) == (0, False)
    assert desk.users.check("mora", PASSWORD)
    change = ("user", "password", "mora")
    assert desk.run(*change, "--password-file", "secret").exit_code == 0
    assert desk.users.check("mora", OTHER)
    assert desk.run(*change, "--password-file", "-", types=f"{PASSWORD}\n").exit_code == 0
    assert desk.users.check("mora", PASSWORD)
    told = desk.run(*change, "--password", OTHER)
    assert "warning: a password on the command line can be read by everybody" in told.stderr
    for words, why in (
        (("--password-file", "nowhere"), "--password-file: cannot be read: No such file"),
        (("--password-file", "secret", "--password", PASSWORD), "only one of them"),
    ):
        told = desk.run(*change, *words)
        assert (told.exit_code, why in told.output) == (2, True)
        assert PASSWORD not in told.output
    assert desk.users.check("mora", OTHER)


def test_what_will_not_do_is_told_and_nothing_is_changed(desk: Desk) -> None:
    for words, why in (
        (("mora", "--role", "viewer", "--password", "short"), "12 to 128"),
        (("a b", "--role", "viewer", "--password", PASSWORD), "small letters"),
    ):
        told = desk.run("user", "add", *words)
        assert (told.exit_code, why in told.output) == (2, True)
        assert "Traceback" not in told.output
    assert desk.run("user", "role", "mora", "admin").exit_code == 1
    assert desk.users.all() == {}


def test_with_a_ledger_every_change_is_in_the_audit(office: Office, desk: Desk) -> None:
    (desk.folder / "data" / "keys.toml").write_text(_keys())
    desk.run("user", "add", "mora", "--role", "viewer", "--password", PASSWORD)
    desk.run("user", "role", "mora", "admin")
    desk.run("user", "password", "mora", "--password", OTHER)
    desk.run("user", "add", "vera", "--role", "viewer", "--password", "short")
    desk.run("user", "remove", "vera")
    desk.run("user", "remove", "mora")
    told = [(row.what, row.subject) for row in office.rows(audit)]
    assert told == [
        ("user.added", "mora"),
        ("user.role", "mora"),
        ("user.password", "mora"),
        ("user.removed", "mora"),
    ]


def test_check_shows_the_settings_without_the_secret(desk: Desk) -> None:
    told = desk.run("check").output
    assert '"console.oidc.client_secret":"**********"' in told.replace('": "', '":"')
    assert "never-to-be-shown" not in told


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ('listen = "0.0.0.0:8792"', "can be reached by others"),
        ('public_url = "http://cme.example.org"', "must be https://"),
        ('proxy = { peers = ["proxy.example.org"] }', "IP addresses or networks"),
        ('proxy = { peers = ["10.0.0.7/8"] }', "IP addresses or networks"),
        ('proxy = { user_header = "X-User" }', "needs peers, groups_header and roles"),
        ('cert_file = "cert.pem"', "one is of no use without the other"),
        ('oidc = { issuer = "https://login.example.org" }', "needs client_id and roles"),
        ('oidc = { issuer = "http://login.example.org" }', "must be https://"),
        (
            'oidc = { issuer = "https://l.example.org", client_id = "x", roles = {a = "boss"} }',
            "'viewer', 'coordinator' or 'admin'",
        ),
        (
            'oidc = { issuer = "https://l.example.org", client_id = "x", roles = {a = "admin"} }',
            "public_url: needed with oidc.issuer",
        ),
    ],
)
def test_check_says_what_is_wrong_with_the_console(desk: Desk, setting: str, problem: str) -> None:
    before = SETTINGS.partition("[console]")[0]
    (desk.folder / "moc-consumer.toml").write_text(f"{before}[console]\n{setting}\n")
    told = desk.run("check")
    assert told.exit_code == 2
    assert problem in told.output


def _keys() -> str:
    return f'secret = "{SECRET.decode()}"\nsealing_key = "{SEALING_KEY.decode()}"\n'
