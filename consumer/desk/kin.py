"""Whose is whose: completions, credits and rows of the table, gathered by person.

A person is an LMS account, and every other account that is the same physician's: by a row of the
learners table that serves both, or by one ID of a board, in the table or in a credit that stands.
Two people whose birthdays differ stay two, whatever ID stands in their rows. Nothing of this is
kept in the ledger: a row that is corrected today parts or joins people today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from consumer.desk.roster import Certificate, Entry, Roster
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.searching import found_by_any, search_digest

_CHUNK = 5000
_PURGED = "purged "


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One user of one LMS."""

    site: str
    learner: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kin:
    """One person: every account, row of the table, ID and completion that is theirs.

    `names` are those in credits that stand.
    """

    accounts: tuple[Account, ...]
    entries: tuple[Entry, ...]
    certificates: frozenset[Certificate] = field(repr=False)
    completions: tuple[int, ...]
    names: tuple[str, ...] = field(repr=False)


Node = Account | Entry | Certificate


class Gathering:
    """Finds out who the people behind some completions and rows are, all of them together."""

    def __init__(self, db: Connection, ledger: Ledger, roster: Roster) -> None:
        self._db, self._ledger, self._roster = db, ledger, roster
        self._of: dict[int, Account] = {}
        self._looked_at: set[Node] = set()
        self._theirs: defaultdict[Account, set[int]] = defaultdict(set)
        self._claims: defaultdict[Account, set[Certificate]] = defaultdict(set)
        self._names: dict[Account, str] = {}
        self._looked_for: set[tuple[str, str]] = set()

    def of(self, numbers: Collection[int], entries: Iterable[Entry] = ()) -> list[Kin]:
        """The people of these completions and rows, each once, in that order."""
        wanted: list[Node] = [self._of[one] for one in self._open(numbers)]
        wanted += entries
        fresh: set[Node] = set(wanted)
        while fresh := fresh - self._looked_at:
            self._looked_at |= fresh
            fresh = self._next_to(fresh)
        return self._grouped(wanted)

    def names(self, numbers: Collection[int]) -> dict[int, str]:
        """The name behind each of these completions, by the table or else by a credit."""
        self._open(numbers)
        told = {number: self._name(self._of[number]) for number in numbers if number in self._of}
        return {number: name for number, name in told.items() if name}

    def _name(self, account: Account) -> str:
        entry = self._roster.of(account.site, account.learner)
        row = entry.rows[0] if entry else None
        return f"{row.given_name} {row.family_name}" if row else self._names.get(account, "")

    # ------------------------------------------------------------ one round

    def _next_to(self, nodes: set[Node]) -> set[Node]:
        """What these lead to: the rows of accounts, the accounts of rows and IDs."""
        accounts = {one for one in nodes if isinstance(one, Account)}
        entries = {one for one in nodes if isinstance(one, Entry)}
        entries |= {e for a in accounts if (e := self._roster.of(a.site, a.learner)) is not None}
        users = {one.learner for one in accounts} | {one.learner for one in entries}
        terms = [("user", user) for user in users]
        self._hear_of(terms)
        ids = {one for entry in entries for one in entry.certificates}
        ids |= {one for account in accounts for one in self._claims[account]}
        return {*entries} | self._holders(ids) | self._accounts_of(entries)

    def _holders(self, ids: Iterable[Certificate]) -> set[Node]:
        """Everybody who has one of these IDs, in the table or in a credit."""
        new = {(one.board, one.board_id) for one in ids} - self._looked_for
        self._looked_for |= new
        self._hear_of([("board_id", board_id) for _, board_id in new])
        found: set[Node] = {e for one in new for e in self._roster.with_id(*one)}
        found |= {
            account
            for account, claims in self._claims.items()
            if any((one.board, one.board_id) in self._looked_for for one in claims)
        }
        return found

    def _accounts_of(self, entries: Iterable[Entry]) -> set[Node]:
        users = defaultdict(list)
        for account in self._theirs:
            users[account.learner].append(account)
        return {a for e in entries for a in users[e.learner] if self._roster.served(e, a.site)}

    # ------------------------------------------------------------ the ledger

    def _hear_of(self, terms: Collection[tuple[str, str]]) -> None:
        digests = [search_digest(self._ledger, *term) for term in terms]
        if digests:
            self._open(self._db.scalars(found_by_any(digests)).all())

    def _open(self, numbers: Collection[int]) -> Collection[int]:
        """Have these completions' accounts, and the IDs of their credits, be known."""
        new = [one for one in dict.fromkeys(numbers) if one not in self._of]
        for first in range(0, len(new), _CHUNK):
            self._read(new[first : first + _CHUNK])
        return numbers

    def _read(self, numbers: list[int]) -> None:
        seal, c = self._ledger.seal, completions.c
        for row in self._db.execute(select(c.id, c.said, c.purged_at).where(c.id.in_(numbers))):
            said = seal.open_said(row.said)
            # Of what was purged nobody knows any more that two are the same person's.
            learner = said.learner if row.purged_at is None else f"{_PURGED}{row.id}"
            account = self._of[row.id] = Account(said.site, learner)
            self._theirs[account].add(row.id)
        link, k = completion_credits.c, credits_.c
        credited = (
            select(link.completion_id, k.record)
            .join(credits_, k.id == link.credit_id)
            .where(link.completion_id.in_(numbers), link.stands, k.purged_at.is_(None))
        )
        for number, record in self._db.execute(credited):
            one = seal.open_record(record)
            born = (one.birth_date.month, one.birth_date.day) if one.birth_date else None
            self._claims[self._of[number]].add(Certificate(one.board, one.board_id, born))
            self._names[self._of[number]] = f"{one.given_name} {one.family_name}"

    # ------------------------------------------------------------ all together

    def _grouped(self, wanted: list[Node]) -> list[Kin]:
        joined = _Joined()
        for account in self._theirs:
            entry = self._roster.of(account.site, account.learner)
            joined.join(account, *([entry] if entry else []), *self._claims[account])
        for node in self._looked_at:
            if isinstance(node, Entry):
                joined.join(node, *node.certificates)
        joined.settle_birthdays()
        groups: defaultdict[Node, list[Node]] = defaultdict(list)
        for node in joined.nodes():
            groups[joined.root(node)].append(node)
        roots = dict.fromkeys(joined.root(one) for one in wanted)
        return [self._kin(groups[root]) for root in roots]

    def _kin(self, nodes: list[Node]) -> Kin:
        accounts = sorted(one for one in nodes if isinstance(one, Account))
        entries = [one for one in nodes if isinstance(one, Entry)]
        return Kin(
            tuple(accounts),
            tuple(sorted(entries, key=lambda entry: entry.number)),
            frozenset(one for one in nodes if isinstance(one, Certificate)),
            tuple(sorted(number for one in accounts for number in self._theirs[one])),
            tuple(dict.fromkeys(self._names[one] for one in accounts if one in self._names)),
        )


class _Joined:
    """Which nodes are one person's: a forest whose trees grow together."""

    def __init__(self) -> None:
        self._up: dict[Node, Node] = {}

    def nodes(self) -> list[Node]:
        return [*self._up]

    def root(self, node: Node) -> Node:
        self._up.setdefault(node, node)
        while self._up[node] is not node:
            self._up[node] = node = self._up[self._up[node]]
        return node

    def join(self, first: Node, *others: Node) -> None:
        for other in (first, *others):
            self._up[self.root(other)] = self.root(first)

    def settle_birthdays(self) -> None:
        """An ID without a birthday is that of the one person who has it, if it is one."""
        by_id: defaultdict[tuple[str, str], list[Certificate]] = defaultdict(list)
        for node in self.nodes():
            if isinstance(node, Certificate):
                by_id[node.board, node.board_id].append(node)
        for same in by_id.values():
            if len({one.birth_day for one in same} - {None}) <= 1:
                self.join(*same)
