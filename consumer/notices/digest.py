"""What a notice says: matters grouped, counted, new ones told apart, mended ones taken leave of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import orjson

from consumer.notices.matter import Kind, Matter

Told = Collection[tuple[str, str]]
"""Kind and subject of everything that the last digest told of."""

MOST_LINES = 12
"""Lines of one section: a phone shows that much, the console shows all."""

_NAMES: dict[Kind, tuple[str, str]] = {
    Kind.STOPPED: ("profile that PARS refuses", "profiles that PARS refuses"),
    Kind.SURGE: ("source held after a surge", "sources held after a surge"),
    Kind.GONE: ("webhook that is gone", "webhooks that are gone"),
    Kind.MISSING: ("difference from an LMS's own list", "differences from an LMS's own list"),
    Kind.AT_RISK: ("at risk of missing its deadline", "at risk of missing their deadline"),
    Kind.REJECTED: ("rejected by the board", "rejected by the board"),
    Kind.WAITING: ("waiting for somebody to correct it", "waiting for somebody to correct them"),
    Kind.HELD: ("held until somebody releases it", "held until somebody releases them"),
}

_BRIEF = {
    Kind.STOPPED: "refused by PARS",
    Kind.SURGE: "held after a surge",
    Kind.GONE: "webhook gone",
    Kind.MISSING: "missing from an LMS",
    Kind.AT_RISK: "at risk",
    Kind.REJECTED: "rejected",
    Kind.WAITING: "to correct",
    Kind.HELD: "to release",
}


@dataclass(frozen=True, slots=True)
class Line:
    """Matters that are alike: where, what happened, what to do, how many, the nearest deadline."""

    where: str
    what: str
    how: str
    count: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """All matters of one kind: how many there are, how many of them are new, the first lines."""

    kind: Kind
    count: int
    new: int
    lines: tuple[Line, ...]
    more: int = 0

    @property
    def heading(self) -> str:
        """Such as `3 rejected by the board, 2 of them new`."""
        new = "" if not self.new else ", new" if self.new == self.count else f", {self.new} new"
        return counted(self.kind, self.count) + new


@dataclass(frozen=True, slots=True)
class Digest:
    """What one notice says. `mended` are kinds and how many of them are settled since the last."""

    sections: tuple[Section, ...]
    mended: tuple[tuple[Kind, int], ...] = ()
    title: str = ""

    @property
    def subject(self) -> str:
        """One line that says how many of what, the most urgent first; or the title it was given."""
        if self.title:
            return f"MOC: {self.title}"
        if not self.sections:
            return "MOC: all settled, " + _briefly(self.mended)
        new = sum(one.new for one in self.sections)
        told = _briefly((one.kind, one.count) for one in self.sections)
        return f"MOC: {told}" + (f" ({new} new)" if new else "")

    def worth_sending(self, day: date) -> bool:
        """Whether it says something: news, a deadline that comes nearer; on Mondays, anything."""
        if any(one.new for one in self.sections) or self.mended:
            return True
        urgent = any(one.kind is Kind.AT_RISK for one in self.sections)
        return urgent or (bool(self.sections) and day.weekday() == 0)


def pack_digest(digest: Digest) -> str:
    """The digest as JSON text; `unpack_digest` gives it back."""
    return orjson.dumps(digest).decode()


def unpack_digest(text: str) -> Digest:
    """The digest that `pack_digest` packed."""
    fields: dict[str, Any] = orjson.loads(text)
    sections = tuple(
        Section(
            Kind(one["kind"]),
            one["count"],
            one["new"],
            tuple(Line(**line) for line in one["lines"]),
            one["more"],
        )
        for one in fields["sections"]
    )
    return Digest(
        sections, tuple((Kind(kind), count) for kind, count in fields["mended"]), fields["title"]
    )


def _briefly(counts: Iterable[tuple[Kind, int]]) -> str:
    """A phone shows some forty characters of a subject."""
    return ", ".join(f"{count} {_BRIEF[kind]}" for kind, count in counts)


def counted(kind: Kind, count: int) -> str:
    """Such as `3 rejected by the board`."""
    return f"{count} {_NAMES[kind][count != 1]}"


def compose(matters: Iterable[Matter], told: Told = ()) -> Digest:
    """What stands, against what was `told` before."""
    known, standing = set(told), list(matters)
    order = list(Kind)
    standing.sort(key=lambda one: order.index(one.kind))
    sections = [_section(kind, [*of], known) for kind, of in groupby(standing, lambda m: m.kind)]
    still = {(one.kind.value, one.subject) for one in standing}
    gone = Counter(kind for kind, subject in known if (kind, subject) not in still)
    mended = tuple((kind, gone[kind.value]) for kind in order if gone[kind.value])
    return Digest(tuple(sections), mended)


def _section(kind: Kind, matters: Sequence[Matter], known: Told) -> Section:
    fresh = [one for one in matters if (kind.value, one.subject) not in known]
    lines = _lines(matters)
    count, new = (sum(one.count for one in some) for some in (matters, fresh))
    return Section(kind, count, new, tuple(lines[:MOST_LINES]), max(0, len(lines) - MOST_LINES))


def _lines(matters: Iterable[Matter]) -> list[Line]:
    alike: dict[tuple[str, str, str], list[Matter]] = {}
    for one in matters:
        alike.setdefault((one.where, one.what, one.how), []).append(one)
    lines = [
        Line(
            *key, sum(one.count for one in same), min((str(o.by) for o in same if o.by), default="")
        )
        for key, same in alike.items()
    ]
    return sorted(lines, key=lambda line: (line.by or "9", -line.count, line.where, line.what))
