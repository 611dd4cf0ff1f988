"""Reads the bytes of an unsent completion again, by today's mapping, tables and rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.fate import Ignored, Judgement, NotReportable
from consumer.journey import Heard, House
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.completionbook import CompletionBook
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import completions
from consumer.mapping.said import Said
from consumer.reason import Reason, Stage

_OTHERWISE = NotReportable(Reason(Stage.REVIEW, "read_otherwise"))


def reread(db: Connection, ledger: Ledger, house: House, row: Row[Any], now: datetime) -> str:
    """Write a completion as its bytes are read today; gives its fate.

    Where they tell of another learner or course, that is a completion of its own, and the old one
    gives no credit any more; of what PARS may have already a person is asked.
    """
    book, rows = Bookkeeper(db, ledger, house, now), CompletionBook(db, ledger, now)
    origin = CreditBook(db, ledger, now).origin_of(row)
    message, heard = hear_again(ledger.seal, origin, house, now)
    what, known = rows.meant(row.id, heard), ledger.seal.open_said(row.said)
    for further in heard:
        if further is not what:
            book.enter_further(message, further)
    if what.said is None or isinstance(what.judgement, Ignored):
        return book.rejudge(row, known, _unreadable(what))
    if _key(ledger, what.said) != row.key:
        book.rejudge(row, known, _OTHERWISE)
        fate, _ = book.enter(what, what.said, what.judgement, message)
        book.write_gathered()
        return fate
    book.reread(row.id, what, what.said, what.judgement)
    fresh = db.execute(select(completions).where(completions.c.id == row.id)).one()
    return book.rejudge(fresh, what.said, what.judgement)


def _unreadable(what: Heard) -> Judgement:
    return _OTHERWISE if isinstance(what.judgement, Ignored) else what.judgement


def _key(ledger: Ledger, said: Said) -> str:
    who = (said.site, said.learner, said.course, said.occurrence)
    return ledger.identity.completion_key(*who)
