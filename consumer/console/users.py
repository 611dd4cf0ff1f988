"""The users file: who may sign in, by which role, with argon2 hashes of their passwords."""

from __future__ import annotations

import re
import secrets
import stat
import threading
import tomllib
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from consumer.console.passwords import check_strength, hashed, is_outdated, matches
from consumer.console.role import Role, User, role_named
from consumer.durable import write_whole

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_KEYS = {"role", "password_hash"}
_NOT_FOR_OTHERS = stat.S_IWGRP | stat.S_IRWXO


class UsersProblem(Exception):
    """The users file cannot be used, or does not hold that user; the text says what to mend."""


class BadName(Exception):
    """Nobody can be called that; the text says why."""


@dataclass(frozen=True, slots=True)
class Known:
    """One entry of the file; `since` changes whenever who signed in before must do so again."""

    name: str
    role: Role
    password_hash: str
    since: str = ""

    @property
    def user(self) -> User:
        """As pages know them."""
        return User(self.name, self.role)

    @property
    def mark(self) -> str:
        """What a session of theirs carries: another one as soon as role or password changed."""
        return sha256(f"{self.since}:{self.role.word}".encode()).hexdigest()[:16]


def plain_name(name: str) -> str:
    """The name as it stands in the file: small letters."""
    return name.strip().lower()


class Users:
    """The file, read again whenever it changed: a user who was removed is out at once."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._known: dict[str, Known] = {}

    def all(self) -> dict[str, Known]:
        """Every user by name; none if there is no file. Raises UsersProblem."""
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
            with self._lock:
                if seen != self._seen:
                    self._known, self._seen = self._read(found.st_mode), seen
                return self._known
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsersProblem(f"{self._path}: {error}") from None

    def find(self, name: str) -> User | None:
        """The user of this name. Raises UsersProblem."""
        known = self.all().get(name)
        return known.user if known else None

    def check(self, name: str, password: str) -> Known | None:
        """The user, if the password is theirs; as slow when nobody has the name.

        A hash made with older parameters is made anew. Raises UsersProblem, TooBusy.
        """
        known = self.all().get(plain_name(name))
        if not matches(known.password_hash if known else None, password) or known is None:
            return None
        if is_outdated(known.password_hash):
            self._put(replace(known, password_hash=hashed(password)))
        return known

    def put(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give one another role and password.

        Raises BadName, WeakPassword, UsersProblem, OSError.
        """
        name = plain_name(name)
        if not _NAME.fullmatch(name):
            raise BadName(
                "A name has 1 to 64 small letters, digits and . _ @ + -, as in mora.silva"
            )
        check_strength(name, password)
        self._put(Known(name, role, hashed(password), _fresh()))

    def set_password(self, name: str, password: str) -> None:
        """Another password; who is signed in with the old one is out.

        Raises WeakPassword, UsersProblem, OSError.
        """
        known = self._one(name)
        check_strength(known.name, password)
        self._put(replace(known, password_hash=hashed(password), since=_fresh()))

    def set_role(self, name: str, role: Role) -> None:
        """Another role, from the next sign-in on. Raises UsersProblem, OSError."""
        self._put(replace(self._one(name), role=role, since=_fresh()))

    def remove(self, name: str) -> bool:
        """Take a user out; whether there was one. Raises UsersProblem, OSError."""
        users = dict(self.all())
        there = users.pop(plain_name(name), None) is not None
        if there:
            self._write(users)
        return there

    def _one(self, name: str) -> Known:
        known = self.all().get(plain_name(name))
        if known is None:
            raise UsersProblem(f"there is no user {name}; moc-consumer user list shows them")
        return known

    def _put(self, known: Known) -> None:
        self._write(self.all() | {known.name: known})

    def _read(self, mode: int) -> dict[str, Known]:
        if mode & _NOT_FOR_OTHERS:
            raise ValueError(f"others may read or change it: chmod 600 {self._path}")
        entries = tomllib.loads(self._path.read_text(encoding="utf-8"))
        return {name: _known(name, entry) for name, entry in entries.items()}

    def _write(self, users: dict[str, Known]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, "\n".join(map(_entry, sorted(users.values(), key=_name))).encode())


def _known(name: str, entry: object) -> Known:
    if not isinstance(entry, dict) or not _KEYS <= entry.keys() <= _KEYS | {"since"}:
        raise ValueError(f"[{name}] must have role and password_hash, and nothing else but since")
    if not _NAME.fullmatch(name):
        raise ValueError(f"[{name}]: names have small letters, digits and . _ @ + - only")
    role, hash_ = role_named(str(entry["role"])), str(entry["password_hash"])
    return Known(name, role, hash_, str(entry.get("since", "")))


def _entry(one: Known) -> str:
    return (
        f'["{one.name}"]\nrole = "{one.role.word}"\n'
        f'password_hash = "{one.password_hash}"\nsince = "{one.since}"\n'
    )


def _name(one: Known) -> str:
    return one.name


def _fresh() -> str:
    return secrets.token_hex(8)
