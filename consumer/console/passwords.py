"""Passwords: which are good enough, and their argon2 hashes, a few at a time."""

from __future__ import annotations

import re
import threading
from functools import cache
from itertools import pairwise

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 128
_AT_ONCE = threading.BoundedSemaphore(2)
_PATIENCE_SECONDS = 3.0
_HASHER = argon2.PasswordHasher()
_FEWEST_SIGNS, _SHORTEST_TOLD = 5, 4
_NO_LETTER = re.compile(r"[\W\d_]")
# What most people try first; a long list of leaked ones would hold few of twelve characters.
_COMMON = re.compile(
    "(?:password|passwort|welcome|qwerty|uiop|letmein|admin|administrator|changeme|iloveyou"
    "|correcthorsebatterystaple|moc|consumer)*"
)


class WeakPassword(Exception):
    """The password will not do; the text says why, and never what it is."""


class TooBusy(Exception):
    """Too many passwords are being checked: each takes 64 MB for a moment."""


def check_strength(name: str, password: str) -> None:
    """Length is what makes a password good (NIST SP 800-63B). Raises WeakPassword."""
    small = password.lower()
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"A password has {SHORTEST} to {LONGEST} characters.")
    if len(name) >= _SHORTEST_TOLD and name.lower() in small:
        raise WeakPassword("The user's name must not stand in the password.")
    if len(set(small)) < _FEWEST_SIGNS or _is_a_run(small):
        raise WeakPassword("A password must not be the same few characters, or a row of them.")
    if _COMMON.fullmatch(_NO_LETTER.sub("", small)):
        raise WeakPassword(
            "Too many people have this password: take four words that do not belong together."
        )


def _is_a_run(password: str) -> bool:
    """Whether each character is the one after, or before, the last: 123456789012, abcdefghijkl."""
    steps = {(ord(b) - ord(a)) % 10 if (a + b).isdigit() else ord(b) - ord(a)
             for a, b in pairwise(password)}  # fmt: skip
    return len(steps) == 1


def hashed(password: str) -> str:
    """Its argon2id hash. Raises TooBusy."""
    with _Turn():
        return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is this password's hash; as slow where there is none. Raises TooBusy."""
    nobody = _nobody()
    with _Turn():
        try:
            _HASHER.verify(password_hash or nobody, password)
        except (VerificationError, InvalidHashError):
            return False
    return bool(password_hash)


def is_outdated(password_hash: str) -> bool:
    """Whether argon2's parameters are others by now."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")


class _Turn:
    """One of the few places where a password may be hashed: a flood must not eat the memory."""

    def __enter__(self) -> None:
        if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
            raise TooBusy

    def __exit__(self, *_: object) -> None:
        _AT_ONCE.release()
