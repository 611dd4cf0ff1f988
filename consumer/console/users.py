"""The users file: who may sign in, by which role, with argon2 hashes of their passwords."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from consumer.console.role import Role, User, role_named
from consumer.durable import write_whole

_HASHER = argon2.PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")


class UsersProblem(Exception):
    """The users file cannot be read; the text says what to mend."""


@dataclass(frozen=True, slots=True)
class Known:
    """One line of the file."""

    name: str
    role: Role
    password_hash: str


class Users:
    """The file, read again whenever it is asked: a user who was removed is out at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, Known]:
        """Every user by name; none if there is no file. Raises UsersProblem."""
        try:
            entries = tomllib.loads(self._path.read_text(encoding="utf-8"))
            return {name: self._known(name, entry) for name, entry in entries.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsersProblem(f"{self._path}: {error}") from None

    def find(self, name: str) -> User | None:
        """The user of this name. Raises UsersProblem."""
        known = self.all().get(name)
        return User(known.name, known.role) if known else None

    def check(self, name: str, password: str) -> User | None:
        """The user, if the password is theirs; as slow when nobody has the name."""
        known = self.all().get(name)
        try:
            _HASHER.verify(known.password_hash if known else _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return None
        return User(known.name, known.role) if known else None

    def put(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give one another role and password. Raises UsersProblem, OSError."""
        users = self.all()
        users[name] = Known(name, role, _HASHER.hash(password))
        self._write(users)

    def remove(self, name: str) -> bool:
        """Take a user out; whether there was one. Raises UsersProblem, OSError."""
        users = self.all()
        there = users.pop(name, None) is not None
        if there:
            self._write(users)
        return there

    def _known(self, name: str, entry: object) -> Known:
        if not isinstance(entry, dict) or entry.keys() != {"role", "password_hash"}:
            raise ValueError(f"[{name}] must have role and password_hash, and nothing else")
        return Known(name, role_named(str(entry["role"])), str(entry["password_hash"]))

    def _write(self, users: dict[str, Known]) -> None:
        lines = [
            f'["{one.name}"]\nrole = "{one.role.word}"\npassword_hash = "{one.password_hash}"\n'
            for _, one in sorted(users.items())
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, "\n".join(lines).encode())
