"""How people are found: keyed hashes of what a learner is searched by, written once for each.

A completion points to its person, and the person is found by some twenty hashes: of the LMS's user
ID, the board ID, the words of the name and their beginnings. Written per completion they took more
time and room than all the rest of it. A person is whoever has exactly these; one whose name is
corrected is another one, and what was heard before is found by either name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import Connection, Select, select

from consumer.fate import Held, Ignored, Judgement, Ready
from consumer.ledger.bulk import insert_rows, known_among
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import people, search_keys
from consumer.ledger.seal import name_tokens, normalise
from consumer.mapping.said import Said
from consumer.participant import Record

KINDS = ("name", "board_id", "user", "npi")
"""What a learner is searched by."""


@dataclass(frozen=True, slots=True)
class _Person:
    """What one learner is searched by."""

    learner: str = field(repr=False)
    board_id: str = field(default="", repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    further: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def own(self) -> tuple[str, ...]:
        """What tells this person from others; as earlier versions told, who knew less of most."""
        told = (part for term in self.further for part in term)
        return (self.learner, self.board_id, *self.names, *told)

    def terms(self) -> Iterator[tuple[str, str]]:
        """Each kind of term, and the term."""
        yield "user", self.learner
        if self.names:
            yield "board_id", self.board_id
            yield from (("name", token) for token in name_tokens(*self.names))
        yield from self.further


class SearchBook:
    """Gathers whose completions a transaction writes."""

    def __init__(self, connection: Connection, ledger: Ledger) -> None:
        self._db, self._ledger = connection, ledger
        self._people: dict[str, _Person] = {}
        self._rows: list[dict[str, object]] = []

    def enter(self, completion: int, said: Said, judgement: Judgement | Ignored) -> None:
        """Have the completion be found by its learner from the next `write` on."""
        person = _person(said, judgement)
        digest = self._ledger.identity.digest("person", *person.own)
        self._people[digest] = person
        self._rows.append({"digest": digest, "completion_id": completion})

    def write(self) -> None:
        """Write what was gathered, and who of them is new."""
        # A person is written together with the first completion: known by it ever after.
        known = known_among(self._db, search_keys.c.digest, self._people)
        # Names share their words and beginnings; the hashes are forgotten with the batch.
        hashed = cache(lambda kind, term: search_digest(self._ledger, kind, term))
        terms = [
            {"digest": digest, "person": key}
            for key in self._people.keys() - known
            for digest in {hashed(*term) for term in self._people[key].terms()}
        ]
        insert_rows(self._db, people, terms, new_only=True)
        insert_rows(self._db, search_keys, self._rows, new_only=True)
        self._people, self._rows = {}, []


def _person(said: Said, judgement: Judgement | Ignored) -> _Person:
    match judgement:
        case Ready(records):
            one = records[0]
            names = (one.given_name, one.family_name)
            return _Person(said.learner, one.board_id, names, tuple(_further(records)))
        case Held(learner=(board_id, *names)):
            return _Person(said.learner, board_id, tuple(names))
    return _Person(said.learner)


def _further(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """The IDs of further boards, and the NPI."""
    first, *others = records
    ids = dict.fromkeys(one.board_id for one in others)
    yield from (("board_id", one) for one in ids if one != first.board_id)
    if first.npi:
        yield "npi", first.npi


def found_by(ledger: Ledger, word: str) -> Select[int]:
    """The numbers of the completions whose learner has this word: of a name, or an ID."""
    return found_by_any([search_digest(ledger, kind, word) for kind in KINDS])


def found_by_any(digests: Collection[str]) -> Select[int]:
    """The numbers of the completions whose learner has one of these terms."""
    persons = select(people.c.person).where(people.c.digest.in_(digests))
    # An earlier version kept the hashes of each completion beside it.
    either = search_keys.c.digest.in_(persons), search_keys.c.digest.in_(digests)
    one, other = (select(search_keys.c.completion_id).where(by) for by in either)
    return select(one.union(other).subquery().c.completion_id)


def search_digest(ledger: Ledger, kind: str, term: str) -> str:
    """The keyed hash under which a search term is found."""
    return ledger.identity.digest("search", kind, normalise(term))
