"""Who may do what in the console: each role may all that the one before it may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a person may do, in the order of how much."""

    VIEWER = 1
    COORDINATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As it stands in files, settings and pages."""
        return self.name.lower()

    @property
    def one(self) -> str:
        """In a sentence: `an admin`."""
        return f"{'an' if self is Role.ADMIN else 'a'} {self.word}"

    @property
    def may(self) -> str:
        """In a sentence, for those who hand the role out."""
        return _MAY[self]


_MAY = {
    Role.VIEWER: "see everything but names and numbers of people, and change nothing",
    Role.COORDINATOR: "reveal people, correct, resend, release, and upload tables",
    Role.ADMIN: "also hold and let go of sources and activities, and read the whole audit trail",
}


def role_named(word: str) -> Role:
    """The role of this word. Raises ValueError, which names them all."""
    try:
        return Role[word.upper()]
    except KeyError:
        known = ", ".join(role.word for role in Role)
        raise ValueError(f"{word!r} is no role; there are {known}") from None


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has signed in."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether what needs `role` is allowed."""
        return self.role >= role
