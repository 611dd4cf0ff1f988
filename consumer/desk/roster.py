"""The learners table as the desk searches it: everybody in it, heard of or not."""

from __future__ import annotations

import re
import weakref
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import accumulate, groupby

from consumer.board import Boards
from consumer.ledger.seal import normalise
from consumer.rules import parse_birth_date
from consumer.tables import Tables
from consumer.tables.learners import Learner, Learners

_SHORTEST = 3
"""Beginnings of so many letters are enough to find a name, as in the ledger."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A physician as a board knows them; two people's rows may hold one ID by mistake.

    `birth_day` is month and day, None where nobody knows it.
    """

    board: str
    board_id: str = field(repr=False)
    birth_day: tuple[int, int] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Everything that the table has of one LMS account; without a site, of that user everywhere."""

    number: int
    site: str
    learner: str = field(repr=False)
    rows: tuple[Learner, ...] = field(repr=False)
    certificates: frozenset[Certificate] = field(repr=False)


class Roster:
    """One learners table, made ready to be searched; as quick with 100,000 people."""

    def __init__(self, learners: Learners, boards: Boards) -> None:
        self.entries: list[Entry] = []
        self._texts: list[str] = []
        self._all, self._ends = "", list[int]()
        self._own: dict[tuple[str, str], Entry] = {}
        self._by_id: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for site, learner, rows in learners:
            self._add(site, learner, rows, boards)

    def _add(self, site: str, learner: str, rows: tuple[Learner, ...], boards: Boards) -> None:
        own = frozenset(_certificates(rows, boards))
        entry = Entry(len(self.entries), site, learner, rows, own)
        self.entries.append(entry)
        self._texts.append(_text(entry))
        self._own[site, learner] = entry
        for one in own:
            self._by_id[one.board, one.board_id].append(entry)

    def of(self, site: str, learner: str) -> Entry | None:
        """What the table has of an account; a row without a site serves every site."""
        return self._own.get((site, learner)) or self._own.get(("", learner))

    def served(self, entry: Entry, site: str) -> bool:
        """Whether this entry speaks for its user at that site."""
        return self.of(site, entry.learner) is entry

    def with_id(self, board: str, board_id: str) -> list[Entry]:
        """Everybody whose row has this ID of the board's."""
        return self._by_id.get((board, board_id), [])

    def matching(self, text: str) -> Iterator[Entry]:
        """Those in whom every word of the text is found: of a name also its beginning, from three
        letters on, of an e-mail address too; an ID, NPI or licence whole.
        """
        fits = _Sought(text)
        # The longest word is the rarest, as a rule; it is looked for in all texts at once.
        found = [self._with(max(words, key=len)) for words in fits.alternatives]
        for number, _ in groupby(merge(*found)):
            if fits.first(self._texts[number]) is not None:
                yield self.entries[number]

    def _with(self, word: str) -> Iterator[int]:
        """The numbers of the entries in whose text this stands."""
        if not self._ends:
            self._all = "".join(self._texts)
            self._ends = [*accumulate(map(len, self._texts))]
        place = self._all.find(word)
        while place >= 0:
            number = bisect_right(self._ends, place)
            yield number
            place = self._all.find(word, self._ends[number])

    def fits(self, entry: Entry, text: str) -> bool:
        """Whether this entry is among those."""
        return _Sought(text).first(self._texts[entry.number]) is not None


class _Sought:
    """What is typed, as it would stand in an entry's text: word by word, or as one ID."""

    def __init__(self, text: str) -> None:
        words = [_sought(word) for word in words_of(text)]
        whole = [f"{_LINE}{normalise(text)}{_END}"]  # an LMS's user ID may hold blanks
        self.alternatives = [one for one in (words, whole) if words]

    def first(self, told: str) -> list[str] | None:
        """The first way in which this text has it, None if it has not."""
        ways = (one for one in self.alternatives if all(word in told for word in one))
        return next(ways, None)


def words_of(text: str) -> list[str]:
    """What is typed, word by word, as names are kept; `Patel, Anna` too."""
    return [word for one in normalise(text).split() if (word := one.strip(",;"))]


def roster_of(tables: Tables) -> Roster:
    """The roster of these tables, made once for as long as they are in force."""
    known = _ROSTERS.get(tables.learners)
    if known is None:
        known = _ROSTERS[tables.learners] = Roster(tables.learners, tables.boards)
    return known


_ROSTERS: weakref.WeakKeyDictionary[Learners, Roster] = weakref.WeakKeyDictionary()


def _certificates(rows: tuple[Learner, ...], boards: Boards) -> Iterator[Certificate]:
    """What cannot be an ID of the board's makes nobody the same: `unknown` stands in many rows."""
    for row in rows:
        board = boards.get(row.board)
        if board and board.id_pattern.fullmatch(row.board_id):
            yield Certificate(row.board, row.board_id, birth_day(row.birth_date))


def birth_day(text: str) -> tuple[int, int] | None:
    """Month and day of a cell, None where it holds none."""
    try:
        birth = parse_birth_date(text)
    except ValueError:
        return None
    return birth.month, birth.day


_LINE, _END = "\n", "\t"


def _text(entry: Entry) -> str:
    """All that an entry is found by, each word between two marks."""
    names: dict[str, None] = {}
    whole: dict[str, None] = {normalise(entry.learner): None}
    for row in entry.rows:
        said = normalise(f"{row.given_name} {row.family_name} {row.email}")
        names |= dict.fromkeys([*said.split(), *re.split(r"[\s\-]+", said)])
        whole |= dict.fromkeys(map(normalise, (row.board_id, row.npi, row.licence)))
    return "".join(f"{_LINE}{word}{_END}" for word in [*names, *(w for w in whole if w)])


def _sought(word: str) -> str:
    # An ID is of digits as a rule: somebody else's may begin with them.
    begins = len(word) >= _SHORTEST and not any(sign.isdigit() for sign in word)
    return f"{_LINE}{word}" + ("" if begins or "@" in word else _END)
