"""Requests to PARS, as the ledger remembers them: what came of each, and what PARS said."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from consumer.fate import SendFate, StatusFate, named
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import attempts
from consumer.ledger.seal import Seal
from consumer.pars.port import Reply
from consumer.pars.word import kept, unknown_word


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was made, for the record; `word` is a status that nobody knows."""

    action: str
    status: int | None
    outcome: str
    answer: bytes = field(default=b"", repr=False)
    word: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, action: str, reply: Reply, fate: SendFate | StatusFate, credit_id: str) -> Attempt:
        """The request whose reply the fate table has judged."""
        outcome, word = named(fate), unknown_word(reply, fate, credit_id)
        return cls(action, reply.status, outcome, kept(reply, outcome), word)


@dataclass(frozen=True, slots=True)
class NewWord:
    """A status that this profile's PARS has not said before, and that nobody knows."""

    profile: str
    word: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which credit the requests were about, and under which claim."""

    row: int
    credit_id: str
    fence: int
    profile: str


def log_attempts(
    db: Connection,
    ledger: Ledger,
    tried: Iterable[tuple[Asked, Iterable[Attempt]]],
    now: datetime,
) -> tuple[NewWord, ...]:
    """Remember these requests; gives the words that were heard for the first time."""
    log = _Log(db, ledger, now)
    for about, attempts_ in tried:
        for attempt in attempts_:
            log.add(about, attempt)
    log.write()
    return tuple(log.fresh)


class _Log:
    """Requests to remember; those with a word of their own at once, the rest together."""

    def __init__(self, db: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = db, ledger, now
        self._rows: list[dict[str, Any]] = []
        self.fresh: list[NewWord] = []

    def add(self, about: Asked, attempt: Attempt) -> None:
        """One request about one credit."""
        values, answer, word = _values(about, attempt, self._now), attempt.answer, attempt.word
        if word is not None:
            self.write()  # the same word may stand there
            values["word"] = word_digest(self._ledger, about.profile, word)
            if not _heard(self._db, values["word"]):
                self.fresh.append(NewWord(about.profile, word))
            elif _heard(self._db, values["word"], about.row):
                answer = b""  # the same word for the same credit: its first answer is there
        if answer:
            values["answer"] = self._ledger.seal.seal_json({"word": word or "", "raw": answer})
        self._rows.append(values)

    def write(self) -> None:
        """Have them in the ledger, in the order they came."""
        if self._rows:
            self._db.execute(insert(attempts), self._rows)
        self._rows = []


def open_answer(seal: Seal, sealed: bytes) -> tuple[str, bytes]:
    """The unknown word, blank if there was none, and the answer as it came."""
    parts: dict[str, str] = orjson.loads(seal.open(sealed))
    return parts["word"], base64.b64decode(parts["raw"])


def word_digest(ledger: Ledger, profile: str, word: str) -> str:
    """Tells one word of one profile's PARS from another; upper and lower case are the same."""
    return ledger.identity.digest("pars-word", profile, word.casefold())


def _heard(db: Connection, digest: str, credit_row: int | None = None) -> bool:
    a = attempts.c
    query = select(a.id).where(a.word == digest)
    query = query if credit_row is None else query.where(a.credit_row == credit_row)
    return db.scalar(query.limit(1)) is not None


def _values(about: Asked, attempt: Attempt, now: datetime) -> dict[str, Any]:
    return {
        "credit_row": about.row,
        "credit_id": about.credit_id,
        "fence": about.fence,
        "action": attempt.action,
        "at": now,
        "status": attempt.status,
        "outcome": attempt.outcome,
        "answer": None,
        "word": None,
    }
