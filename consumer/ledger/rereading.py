"""Reads the bytes of an unsent completion again, by today's mapping, tables and rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.bus.port import Message
from consumer.fate import Ignored, Judgement, NotReportable
from consumer.journey import Heard, House
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.completionbook import CompletionBook
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import completions
from consumer.ledger.stepreading import StepReader
from consumer.mapping.said import Said
from consumer.reason import Reason, Stage

_OTHERWISE = NotReportable(Reason(Stage.REVIEW, "read_otherwise"))


def reread(db: Connection, ledger: Ledger, house: House, row: Row[Any], now: datetime) -> str:
    """Write a completion as its bytes are read today; gives its fate.

    Where they tell of another learner or course, that is a completion of its own, and the old one
    gives no credit any more; of what PARS may have already a person is asked.
    """
    book, rows = Bookkeeper(db, ledger, house, now), CompletionBook(db, ledger, now)
    steps = StepReader(db, ledger, house, now)
    readings = steps.read(row)
    origin = CreditBook(db, ledger, now).origin_of(row)
    message, heard = hear_again(ledger.seal, origin, house, now)
    what, known = rows.meant(row.id, heard), ledger.seal.open_said(row.said)
    for further in heard:
        if further is not what:
            book.enter_further(message, further)
    steps.write(readings, book)
    what = steps.judged(what, readings)
    if what.said is None or isinstance(what.judgement, Ignored):
        return book.rejudge(row, known, _unreadable(what))
    if _key(ledger, what.said) != row.key:
        return _elsewhere(book, row, known, what, message)
    book.reread(row.id, what, what.said, what.judgement)
    fresh = db.execute(select(completions).where(completions.c.id == row.id)).one()
    return book.rejudge(fresh, what.said, what.judgement)


def _elsewhere(book: Bookkeeper, row: Row[Any], known: Said, what: Heard, message: Message) -> str:
    book.rejudge(row, known, _OTHERWISE)
    fate = "duplicate"
    if what.said is not None and not isinstance(what.judgement, Ignored):
        fate, _ = book.enter(what, what.said, what.judgement, message)
        book.write_gathered()
    return fate


def _unreadable(what: Heard) -> Judgement:
    return _OTHERWISE if isinstance(what.judgement, Ignored) else what.judgement


def _key(ledger: Ledger, said: Said) -> str:
    who = (said.site, said.learner, said.course, said.occurrence)
    return ledger.identity.completion_key(*who)
