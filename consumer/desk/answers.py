"""What PARS said in its own words: those that nobody knows, and answers for a person to read."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select

from consumer.clock import Clock
from consumer.desk.deadletters import Shown
from consumer.desk.trail import remember
from consumer.ledger.attempt import open_answer
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import attempts, credits_
from consumer.pars.symptoms import WORDS
from consumer.pars.word import SEALED, is_plain

_REASON = re.compile(r'<Reason>([^<]*)</Reason>|"Reason":\s*("[^"\\]*")')
_NEXT_STEP = (
    "read the whole answer with credit answers and the example's ID, ask ACCME what it means, and"
    " tell MOC Consumer's makers; PARS is asked on until then"
)


class NoAnswer(Exception):
    """Nothing that PARS said of this credit was kept."""


def unknown_words(ledger: Ledger) -> list[Shown]:
    """Each status of PARS that nobody knows: how often, of how many credits, since when.

    One that a newer version has learnt is not among them.
    """
    a = attempts.c
    heard = (
        select(
            func.min(a.id).label("first"),
            func.count().label("answers"),
            func.count(a.credit_row.distinct()).label("credits"),
            func.min(a.at).label("since"),
            func.max(a.at).label("last"),
        )
        .where(a.word.is_not(None))
        .group_by(a.word)
        .order_by(func.min(a.at))
    )
    with ledger.read() as db:
        told = [(_first(db, row.first), row) for row in db.execute(heard).all()]
    opened = [(first, open_answer(ledger.seal, first.answer)[0], row) for first, row in told]
    return [_shown(*one) for one in opened if one[1].casefold() not in WORDS]


def _first(db: Connection, number: int) -> Row[Any, Any, Any]:
    """The answer in which a word was heard first, which is always kept."""
    query = (
        select(credits_.c.profile, attempts.c.credit_id, attempts.c.answer)
        .join(credits_, credits_.c.id == attempts.c.credit_row)
        .where(attempts.c.id == number)
    )
    return db.execute(query).one()


def _shown(first: Row[Any, Any, Any], word: str, row: Row[Any]) -> Shown:
    return {
        "profile": first.profile,
        "word": word if is_plain(word) else SEALED,
        "answers": row.answers,
        "credits": row.credits,
        "since": _told(row.since),
        "last": _told(row.last),
        "example": first.credit_id,
        "next_step": _NEXT_STEP,
    }


def latest_word(db: Connection, ledger: Ledger, credit_row: int) -> str:
    """The status that PARS gave when it was asked last, if nobody knows it; blank otherwise."""
    a = attempts.c
    last = select(a.word).where(a.credit_row == credit_row).order_by(a.id.desc()).limit(1)
    digest = db.scalar(last)
    if digest is None:
        return ""
    first = select(a.answer).where(a.credit_row == credit_row, a.word == digest)
    word, _ = open_answer(ledger.seal, db.execute(first.order_by(a.id)).scalars().first() or b"")
    return f"{word if is_plain(word) else SEALED}; nobody here knows this word"


def reveal_answers(ledger: Ledger, credit_id: str, who: str, clock: Clock) -> list[Shown]:
    """What PARS answered about this CreditID, oldest first, as it came, personal data and all.

    Remembered in the audit. Raises NoAnswer.
    """
    a = attempts.c
    query = select(attempts).where(a.credit_id == credit_id, a.answer.is_not(None)).order_by(a.id)
    with ledger.begin() as db:
        rows = db.execute(query).all()
        if not rows:
            raise NoAnswer(f"no answer of PARS about {credit_id} was kept")
        remember(db, ledger, clock.now(), who, "answers.revealed", credit_id)
    return [_answer(ledger, row) for row in rows]


def _answer(ledger: Ledger, row: Row[Any]) -> Shown:
    _, raw = open_answer(ledger.seal, row.answer)
    text = "".join(map(_printable, raw.decode(errors="replace")))
    return {
        "at": _told(row.at),
        "action": row.action,
        "status": row.status or "",
        "outcome": row.outcome,
        "reasons": _reasons(text),
        "answer": text,
    }


def _reasons(answer: str) -> list[str]:
    """The reasons that stand in an answer, in XML or in JSON, for who does not read either."""
    found = [unescape(xml) or orjson.loads(text) for xml, text in _REASON.findall(answer)]
    return [one for one in dict.fromkeys(found) if one]


def _printable(character: str) -> str:
    """No character that would steer a terminal."""
    return character if character.isprintable() or character in "\n\t" else "\ufffd"


def _told(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
