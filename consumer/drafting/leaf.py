"""Leaves: the single values of sample events, each with its path and the words in its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from consumer.event import Envelope
from consumer.mapping.fault import missing

Steps = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Names written together: courseid, relateduserid, hostname.
_JOINED = re.compile(
    r"(related|created|modified|updated|assigned|external|actor)?"
    r"(user|learner|student|course|training|activity|person|employee|member|site|event|message"
    r"|host|object|domain)?(id|uuid|guid|key|number|name|by|type|time|date)?"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value's place, and what the samples have there; a sample without it has no value."""

    root: str
    steps: Steps
    values: tuple[Any, ...]
    samples: int

    @property
    def path(self) -> str:
        """As a mapping writes it."""
        return self.root + "".join(map(_step, self.steps))

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the whole path, in lower case."""
        return tuple(word for step in self.steps for word in _words(step))

    @property
    def last(self) -> tuple[str, ...]:
        """The words of its own name."""
        return _words(self.steps[-1]) if self.steps else ()

    @property
    def everywhere(self) -> bool:
        """Whether every sample has a value here."""
        return len(self.values) == self.samples


def leaves_of(samples: Sequence[Envelope]) -> list[Leaf]:
    """Every leaf, in the order of the events; lists of several items are left to a person."""
    found: dict[tuple[str, Steps], list[Any]] = {}
    for sample in samples:
        roots = (("body", sample.body), ("headers", dict(sample.headers)), ("key", sample.key))
        for root, value in roots:
            for steps, leaf in _walk(value, ()):
                found.setdefault((root, steps), []).append(leaf)
    return [Leaf(root, s, tuple(v), len(samples)) for (root, s), v in found.items() if v]


def _walk(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _walk(member, (*steps, name))
    elif isinstance(value, list):
        if len(value) == 1:
            yield from _walk(value[0], (*steps, 0))
    elif not missing(value):
        yield steps, value


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN.fullmatch(step):
        return f".{step}"
    quoted = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'."{quoted}"'


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, however it is written."""
    found: list[str] = []
    for word in _WORD.findall(name):
        lower = word.lower()
        joined = _JOINED.fullmatch(lower)
        found += [part for part in joined.groups() if part] if joined else [lower]
    # A login, and no name as people have them.
    return tuple(" ".join(found).replace("user name", "username").split())


def _words(step: str | int) -> tuple[str, ...]:
    return words_of(step) if isinstance(step, str) else ()
