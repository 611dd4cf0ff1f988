"""One credit, or one completion that is none: in words, with whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from consumer.desk.case import Case, CaseBook
from consumer.desk.credits import NoSuchCredit, lines_of
from consumer.desk.identity import identity_of
from consumer.desk.kin import Gathering
from consumer.desk.looking import Desk
from consumer.desk.people import key_of
from consumer.desk.person import Told, told_of
from consumer.ledger.schema import completions, credits_


@dataclass(frozen=True, slots=True)
class CasePage:
    """One case; `person` leads to whose it is, `name` is theirs, masked.

    `credited` says whether there is a credit, which can be withdrawn, corrected, or said to be done
    by hand.
    """

    told: Told
    person: str
    name: str
    credited: bool


def show_case(desk: Desk, name: str) -> CasePage:
    """The credit of this CreditID, of any revision, or the completion of this number.

    Raises NoSuchCredit.
    """
    with desk.ledger.read() as db:
        lines = db.execute(lines_of(name)).all()
        if not lines:
            raise NoSuchCredit(f"nothing is known of {name}")
        cells = lines[0]._mapping
        return _page(db, desk, cells[completions.c.id], cells[credits_.c.id])


def _page(db: Connection, desk: Desk, completion: int | None, credit: int | None) -> CasePage:
    book = CaseBook(db, desk)
    case = _case(book, completion, credit)
    (told,) = told_of(db, [case], book.moment)
    if not case.completions:
        return CasePage(told, "", "", case.credit is not None)
    (kin,) = Gathering(db, desk.ledger, desk.roster).of([case.completions[0]])
    who = identity_of(kin, desk.ledger.identity, revealed=False)
    return CasePage(told, key_of(desk.ledger, kin), who.name, case.credit is not None)


def _case(book: CaseBook, completion: int | None, credit: int | None) -> Case:
    if credit is not None:
        return book.of_credits([credit])[0]
    return next(c for c in book.of_completions([completion or 0]) if completion in c.completions)
