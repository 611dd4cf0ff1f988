"""The users file: who may sign in, which names and passwords will do."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.console.passwords import WeakPassword, check_strength
from consumer.console.role import Role
from consumer.console.users import BadName, Users, UsersProblem

GOOD, OTHER = "four ducks on the pond", "five geese by the mill"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    """An empty users file's keeper."""
    return Users(tmp_path / "data" / "users.toml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "users.toml"


def test_who_was_added_may_come_in_by_that_password_only(users: Users) -> None:
    users.put("Mora.Silva", Role.COORDINATOR, GOOD)
    known = users.check("mora.silva", GOOD)
    assert known
    assert known.user.role == Role.COORDINATOR
    assert users.check(" MORA.Silva", GOOD)
    assert users.check("mora.silva", GOOD + " ") is None
    assert users.check("mora", GOOD) is None
    assert users.check("", "") is None


def test_no_password_stands_in_the_file_and_nobody_else_reads_it(users: Users, file: Path) -> None:
    users.put("mora", Role.VIEWER, GOOD)
    assert "ducks" not in file.read_text()
    assert "$argon2id$" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o644, 0o666])
def test_a_file_that_others_may_read_or_change_is_not_used(
    users: Users, file: Path, mode: int
) -> None:
    users.put("mora", Role.VIEWER, GOOD)
    os.chmod(file, mode)  # noqa: PTH101
    with pytest.raises(UsersProblem, match=f"chmod 600 {file}"):
        users.all()
    os.chmod(file, 0o640)  # noqa: PTH101
    assert users.find("mora"), "a group may read it, as secrets are mounted"


def test_what_another_process_changes_counts_at_once(users: Users, file: Path) -> None:
    users.put("mora", Role.VIEWER, GOOD)
    other = Users(file)
    assert users.find("mora")
    other.remove("mora")
    assert users.find("mora") is None
    other.put("vera", Role.VIEWER, GOOD)
    assert users.find("vera")
    file.unlink()
    assert users.all() == {}


def test_the_mark_changes_with_role_and_password_and_nothing_else(users: Users) -> None:
    users.put("mora", Role.VIEWER, GOOD)
    marks = [users.all()["mora"].mark]
    users.put("vera", Role.VIEWER, GOOD)
    assert users.all()["mora"].mark == marks[0]
    assert users.all()["vera"].mark != marks[0]
    for change in (
        lambda: users.set_role("mora", Role.ADMIN),
        lambda: users.set_password("mora", OTHER),
        lambda: users.put("mora", Role.ADMIN, OTHER),
    ):
        change()
        marks.append(users.all()["mora"].mark)
    assert len(set(marks)) == len(marks)


def test_a_role_that_was_changed_by_hand_ends_visits_too(users: Users, file: Path) -> None:
    users.put("mora", Role.ADMIN, GOOD)
    before = users.all()["mora"].mark
    file.write_text(file.read_text().replace("admin", "viewer"))
    assert users.all()["mora"].mark != before


def test_a_hash_of_older_parameters_is_made_anew_and_ends_no_visit(
    users: Users, file: Path
) -> None:
    users.put("mora", Role.VIEWER, GOOD)
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024).hash(GOOD)
    known = users.all()["mora"]
    file.write_text(file.read_text().replace(known.password_hash, old))
    assert users.check("mora", OTHER) is None
    assert old in file.read_text(), "only who knows the password has it made anew"
    assert users.check("mora", GOOD)
    assert old not in file.read_text()
    assert users.check("mora", GOOD)
    assert users.all()["mora"].mark == known.mark


def test_of_somebody_who_is_not_there_nothing_is_changed(users: Users) -> None:
    for change in (
        lambda: users.set_role("mora", Role.ADMIN),
        lambda: users.set_password("mora", GOOD),
    ):
        with pytest.raises(UsersProblem, match="there is no user mora"):
            change()
    assert not users.remove("mora")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-a", ".a", 'a"b', "a\nb", "a]b", "é", "a/b", "x" * 65]
)
def test_nobody_is_called_that(users: Users, name: str) -> None:
    with pytest.raises(BadName):
        users.put(name, Role.VIEWER, GOOD)
    assert users.all() == {}


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevensigns", "12 to 128"),
        ("x" * 129, "12 to 128"),
        ("i am mora silva", "name"),
        ("MORA and ducks", "name"),
        ("aaaaaaaaaaaaaaa", "same few"),
        ("abababababab", "same few"),
        ("123456789012", "row"),
        ("abcdefghijklm", "row"),
        ("987654321098", "row"),
        ("password1234", "Too many people"),
        ("Password-2026!", "Too many people"),
        ("passwordpassword", "Too many people"),
        ("correct horse battery staple", "Too many people"),
        ("83917 26405 11", "Too many people"),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused(users: Users, password: str, why: str) -> None:
    with pytest.raises(WeakPassword, match=why):
        users.put("mora", Role.VIEWER, password)
    assert users.all() == {}


@given(st.text(max_size=200))
def test_law_no_refusal_repeats_the_password(password: str) -> None:
    said = ""
    try:
        check_strength("mora", password)
    except WeakPassword as weak:
        said = str(weak)
    assert bool(said) or 12 <= len(password) <= 128
    assert len(password) < 12 or password not in said


@pytest.mark.parametrize(
    "text",
    ["mora = 1", "[mora]\nrole = 'viewer'", "[mora]\nrole = 'boss'\npassword_hash = 'x'", "[",
     "[Mora]\nrole = 'viewer'\npassword_hash = 'x'",
     "[mora]\nrole = 'viewer'\npassword_hash = 'x'\nmore = 'y'"],
)  # fmt: skip
def test_a_file_that_is_wrong_lets_nobody_in(users: Users, file: Path, text: str) -> None:
    users.put("vera", Role.VIEWER, GOOD)
    file.write_text(text)
    with pytest.raises(UsersProblem, match=str(file)):
        users.check("vera", GOOD)


def test_a_hash_that_is_none_is_nobodys_password(users: Users, file: Path) -> None:
    users.put("mora", Role.VIEWER, GOOD)
    file.write_text("[mora]\nrole = 'viewer'\npassword_hash = ''\n")
    assert users.check("mora", "") is None
    assert users.check("mora", "nobody has this password") is None
