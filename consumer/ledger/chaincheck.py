"""Is the audit trail whole? Every row is signed again, and what does not fit is told in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from consumer.credit import Identity
from consumer.ledger import amendments
from consumer.ledger.chain import (
    FIRST,
    Head,
    Start,
    all_before,
    head_of,
    rows_as_kept,
    sign,
    start_of,
)


class Fault(StrEnum):
    """What is wrong with a row, or with the trail from there on."""

    CHANGED = "changed"
    MISSING = "missing"
    CUT_OFF = "cut off"
    NOT_OURS = "not ours"
    BEGINNING = "beginning changed"
    END = "end changed"
    AMENDED = "amended by another"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong: at which row, and in words; nothing personal."""

    number: int
    fault: Fault
    says: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in the chain: what it was signed after, and what the next one follows.

    `cells` are as the database has them, in the order of chain.COLUMNS.
    """

    previous: str
    link: str
    cells: tuple[Any, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a trail came to: rows in the chain, rows from before it, its end, all that is wrong.

    `head` is None where what was kept of the end is missing or was changed. `amended` are the
    amendments there were, `places` where the rows stand that were asked for.
    """

    rows: int
    earlier: int
    head: Head | None
    flaws: tuple[Flaw, ...]
    amended: amendments.Amended
    places: Mapping[int, Place] = field(default_factory=dict, repr=False)


def check(db: Connection, identity: Identity, wanted: Collection[int] = ()) -> Checked:
    """Go through the whole trail, in one view of the ledger; changes nothing."""
    walk = _Walk(db, identity, wanted)
    flaws = tuple(walk.flaws())
    return Checked(walk.rows, walk.earlier, walk.head, flaws, walk.amended, walk.places)


class _Walk:
    """One way through the rows, oldest first; `_known` are signatures the next may follow."""

    def __init__(self, db: Connection, identity: Identity, wanted: Collection[int]) -> None:
        self._db, self._identity, self._wanted = db, identity, wanted
        self.head = head_of(db, identity)
        self.amended = amendments.read(db, identity)
        self.places: dict[int, Place] = {}
        self.rows = self.earlier = self._number = 0
        self._known: tuple[str, ...] = ()

    def flaws(self) -> Iterator[Flaw]:
        """Everything that is wrong, in the order of the rows."""
        for says in self.amended.flaws:
            yield Flaw(0, Fault.AMENDED, says)
        start = start_of(self._db)
        if start is None:
            yield Flaw(0, Fault.BEGINNING, "what was kept of the trail's beginning is not there")
        else:
            yield from self._beginning(start)
        for row in rows_as_kept(self._db, start.number if start else FIRST):
            if start or row[-1] != "":
                yield from self._row(row)
        yield from self._end()

    def _beginning(self, start: Start) -> Iterator[Flaw]:
        found = self._earlier(start)
        self.earlier, self._number, self._known = found.count, start.number, (start.digest,)
        if found.count < start.count:
            missing = start.count - found.count
            says = f"of the {start.count} rows from before the chain, {missing} are missing"
            yield Flaw(0, Fault.MISSING, says)
        elif found != start:
            says = f"the rows up to {start.number}, from before the chain, are not as they were"
            yield Flaw(0, Fault.BEGINNING, says)

    def _earlier(self, start: Start) -> Start:
        """What the rows from before the chain come to, taken together."""
        number, count, known = 0, 0, ""
        for row in rows_as_kept(self._db, FIRST, start.number):
            number, count = int(row[0]), count + 1
            amended = self.amended.last.get(number)
            if amended is None:
                link = sign(self._identity, known, row)
            else:
                # Of what is not as it was left nothing further can be known.
                fits = row[-1] == "" and amended.fits(self._identity, known, row[:-1])
                link = amended.link if fits else ""
            self._place(row, known, link)
            known = link
        return all_before(self._identity, number, count, known)

    def _place(self, row: tuple[Any, ...], previous: str, link: str) -> None:
        if row[0] in self._wanted:
            self.places[int(row[0])] = Place(previous, link, row[:-1])

    def _row(self, row: tuple[Any, ...]) -> Iterator[Flaw]:
        *cells, digest = row
        number, wanted = int(cells[0]), self._number + 1
        gap = bool(self._known) and number > wanted
        self._number, self.rows = number, self.rows + 1
        if gap:
            yield Flaw(wanted, Fault.MISSING, f"{_rows(wanted, number - 1)} missing")
        if self.head and number > self.head.number:
            says = f"row {number} was not written by this program, or the end was set back"
            yield Flaw(number, Fault.NOT_OURS, says)
        elif not gap and self._known:
            right = [self._right(known, cells) for known in self._known]
            self._place(row, self._known[0], str(digest))
            if digest not in right:
                yield Flaw(number, Fault.CHANGED, f"row {number} is not as it was written")
                # Where only its signature was changed the next row still follows the right one.
                self._known = (str(digest), right[0])
                return
        self._known = (str(digest),)

    def _right(self, known: str, cells: list[Any]) -> str:
        """What a row's own signature has to be."""
        amended = self.amended.last.get(int(cells[0]))
        if amended is None:
            return sign(self._identity, known, cells)
        return amended.link if amended.fits(self._identity, known, cells) else ""

    def _end(self) -> Iterator[Flaw]:
        if self.head is None:
            yield Flaw(self._number, Fault.END, "what was kept of the trail's end was changed")
        elif self._number < self.head.number:
            says = f"{_rows(self._number + 1, self.head.number)} missing: the end was cut off"
            yield Flaw(self._number + 1, Fault.CUT_OFF, says)
        elif self._number == self.head.number and self.head.digest not in self._known:
            says = f"row {self._number} is not the one that the trail ended with"
            yield Flaw(self._number, Fault.CHANGED, says)


def _rows(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows {first} to {last} are"
