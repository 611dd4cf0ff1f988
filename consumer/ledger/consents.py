"""Who agrees no more: credits of learners whose consent the table says is gone.

A row that says no to the credit's board counts; a learner without a row has taken nothing back. Of
several LMS accounts behind a credit one that agrees is enough, as when it was judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from consumer.credit import State
from consumer.ledger import links
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import completion_credits, completions, credits_, letters
from consumer.ledger.searching import found_by_any, search_digest
from consumer.reason import Stage
from consumer.tables.learners import Learners

CONSENT_WITHDRAWN = "consent_withdrawn"
"""Reason code: what becomes of a credit that was reported while there was consent?"""
_REPORTED = (State.SUBMITTING, State.SUBMITTED, State.REPORTED, State.ACCEPTED)
_THERE = (*_REPORTED, State.ATTENTION, State.REJECTED)
_DECIDED = (Status.OPEN, Status.KEPT)
_AT_ONCE = 100


def disagreeing(
    db: Connection, ledger: Ledger, learners: Learners, numbers: Sequence[int]
) -> set[int]:
    """The numbers of those of these credits that nobody behind them agrees to any more."""
    link, c, k = completion_credits.c, completions.c, credits_.c
    query = select(k.id, k.board, link.stands, c.said).where(k.id.in_(numbers))
    query = query.join(completion_credits, link.credit_id == k.id)
    query = query.join(completions, c.id == link.completion_id)
    behind: defaultdict[int, list[Any]] = defaultdict(list)
    for row in db.execute(query) if numbers else ():
        behind[row.id].append(row)
    return {number for number, rows in behind.items() if _disagree(ledger, learners, rows)}


def _disagree(ledger: Ledger, learners: Learners, rows: Sequence[Any]) -> bool:
    """Those that stand behind it; of one that nothing leads to any more, those that did."""
    answers: list[bool] = []
    for row in [row for row in rows if row.stands] or rows:
        said = ledger.seal.open_said(row.said)
        known = learners.find(said.site, said.learner)
        answers += [one.consents_to(row.board) for one in known if one.board == row.board]
    return bool(answers) and not any(answers)


def kept(db: Connection, numbers: Sequence[int]) -> set[int]:
    """The numbers of those of these that a person said to keep all the same."""
    c = letters.c
    mine = (c.credit_row.in_(numbers), c.status == Status.KEPT)
    return {*db.scalars(select(c.credit_row).where(*mine))} if numbers else set()


class Consents:
    """Asks a person what becomes of what was reported, and takes that back once nobody need ask."""

    def __init__(self, ledger: Ledger, learners: Learners, now: datetime) -> None:
        self._ledger, self._learners, self._now = ledger, learners, now

    def look(self) -> tuple[int, int]:
        """Put every question there is; gives how many are new, and how many are none any more."""
        new = sum(map(self._ask_of, self._batches()))
        return new, self._unask()

    def _batches(self) -> Iterator[list[str]]:
        """Who has said no to some board, by the LMS's user ID, some at a time."""
        said_no = dict.fromkeys(
            learner
            for _, learner, rows in self._learners
            if not all(row.consents_to(row.board) for row in rows)
        )
        names = [*said_no]
        yield from (names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE))

    def _ask_of(self, names: Sequence[str]) -> int:
        with self._ledger.read() as db:
            found = self._to_ask(db, names)
        if not found:
            return 0
        with self._ledger.begin() as db:
            again = self._to_ask(db, names)  # another process may have asked meanwhile
            for row in again:
                self._ask(db, row)
        return len(again)

    def _to_ask(self, db: Connection, names: Sequence[str]) -> list[Row[Any]]:
        link, k = completion_credits.c, credits_.c
        digests = [search_digest(self._ledger, "user", one) for one in names]
        mine = select(link.credit_id).where(link.completion_id.in_(found_by_any(digests)))
        reported = (k.id.in_(mine), k.state.in_(_REPORTED), k.purged_at.is_(None))
        rows = {row.id: row for row in db.execute(select(credits_).where(*reported))}
        wanted = disagreeing(db, self._ledger, self._learners, [*rows]) - self._asked(db, [*rows])
        return [rows[number] for number in sorted(wanted)]

    def _asked(self, db: Connection, numbers: Sequence[int]) -> set[int]:
        c = letters.c
        query = select(c.credit_row).where(c.credit_row.in_(numbers), *_about())
        return {*db.scalars(query)} if numbers else set()

    def _ask(self, db: Connection, row: Row[Any]) -> None:
        book = CreditBook(db, self._ledger, self._now)
        if (completion := links.behind(db, row.id)) is not None:
            # Where other credits of the completion were not sent, this was asked otherwise.
            book.ask_about_credit(row, CONSENT_WITHDRAWN, completion, "no_longer_derived")

    def _unask(self) -> int:
        """Questions whose learner agrees again, or whose credit is gone; answers to them too."""
        c = letters.c
        query = select(c.id, c.credit_row).where(*_about())
        with self._ledger.read() as db:
            if not (over := self._over(db, query)):
                return 0
        with self._ledger.begin() as db:
            over = self._over(db, query)
            book = CreditBook(db, self._ledger, self._now)
            db.execute(update(letters).where(c.id.in_(over)).values(closing=None))
            for letter in over:
                book.settle_letter(letter)
        return len(over)

    def _over(self, db: Connection, query: Any) -> list[str]:
        rows = db.execute(query).all()
        numbers = [row.credit_row for row in rows]
        over: list[str] = []
        for first in range(0, len(rows), _AT_ONCE):
            some = numbers[first : first + _AT_ONCE]
            there = select(credits_.c.id).where(
                credits_.c.id.in_(some), credits_.c.state.in_((*_REPORTED, State.ATTENTION))
            )
            still = disagreeing(db, self._ledger, self._learners, some) & {*db.scalars(there)}
            over += [
                row.id for row in rows[first : first + _AT_ONCE] if row.credit_row not in still
            ]
        return over


def _about() -> tuple[Any, ...]:
    """Letters that ask this, or that a person has answered by keeping it."""
    named = letters.c.reasons.startswith(
        f'[{{"stage":"{Stage.REVIEW.value}","code":"{CONSENT_WITHDRAWN}"'
    )
    return named, letters.c.status.in_(_DECIDED)
