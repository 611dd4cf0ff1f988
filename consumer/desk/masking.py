"""What a person is told of somebody before they ask to see it: enough to tell two apart.

Masked is the default of everything the desk shows; a reveal names who looked, and is remembered.
How long a value was is not told: a name of two letters is rarer than the name itself.
"""

from __future__ import annotations

import re

_HIDDEN = "•••"
_WORD = re.compile(r"[^\s\-]+")
_TOLD_DIGITS, _SHORTEST = 2, 6


def masked_name(name: str) -> str:
    """Each word's first letter: `A••• K•••`; a hyphenated name shows the first of each part."""
    return _WORD.sub(lambda word: word[0][0] + _HIDDEN, " ".join(name.split()))


def masked_id(value: str) -> str:
    """The last two signs of an ID that has six or more: `••••56`; of a shorter one nothing."""
    if not value:
        return ""
    return "••••" + (value[-_TOLD_DIGITS:] if len(value) >= _SHORTEST else "")


def masked_email(address: str) -> str:
    """The first letter, and where the mail goes to: `a•••@e•••.org`; of what is none, nothing."""
    name, at, domain = address.strip().rpartition("@")
    if not (name and at and domain):
        return _HIDDEN if address.strip() else ""
    host, dot, end = domain.rpartition(".")
    return f"{name[0]}{_HIDDEN}@{(host or end)[0]}{_HIDDEN}" + (dot + end if host else "")


def masked_date(day: str) -> str:
    """Whether there is one."""
    return _HIDDEN if day else ""
