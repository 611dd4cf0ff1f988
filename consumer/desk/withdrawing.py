"""The desk's withdrawals: a person takes credits back, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.clock import Clock
from consumer.credit import WORDS, State
from consumer.desk.deadletters import Shown
from consumer.desk.named import credits_named, name_of, standing_of_row
from consumer.desk.trail import remember
from consumer.ledger import links
from consumer.ledger.correction import is_going
from consumer.ledger.creditbook import Agreed, CreditBook, never_left
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import credits_

BATCH = 50
"""Credits changed in one transaction: the service writes between two of them."""

_DELETE = "PARS is asked to delete it"
NOTHING = "nothing changes"
_WHAT = {
    State.REJECTED: "PARS is asked to delete what it has of it",
    State.ATTENTION: "PARS is asked to delete what it has of it",
    State.ACCEPTED: f"THE BOARD HAS ACCEPTED IT: {_DELETE}, and the learner loses this credit",
}


def plan_withdrawals(ledger: Ledger, names: Sequence[str | int]) -> list[Shown]:
    """What a withdrawal of these, named or by number, would do, a row each. Raises NoSuchCredit."""
    with ledger.read() as db:
        return [_planned(db, row) for row in _rows(db, names)]


def withdraw(
    ledger: Ledger, names: Sequence[str | int], who: str, why: str, clock: Clock
) -> Iterator[Shown]:
    """Withdraw these, in small transactions; gives a row for each once that is written.

    What PARS may have is deleted by the service, which then asks until it is gone. Raises
    NoSuchCredit before anything is changed.
    """
    with ledger.read() as db:
        numbers = [row.id for row in _rows(db, names)]
    for first in range(0, len(numbers), BATCH):
        with ledger.begin() as db:
            wanted = select(credits_).where(credits_.c.id.in_(numbers[first : first + BATCH]))
            rows = db.execute(wanted.order_by(credits_.c.id)).all()
            done = [_withdraw(db, ledger, row, who, why, clock.now()) for row in rows]
        yield from done


def _rows(db: Connection, names: Sequence[str | int]) -> list[Row[Any]]:
    """Each once, however often it was named."""
    return [*{row.id: row for name in names for row in credits_named(db, name)}.values()]


def _planned(db: Connection, row: Row[Any]) -> Shown:
    return {
        "id": name_of(db, row),
        "standing": standing_of_row(db, row),
        "activity": row.activity,
        "credit_type": row.credit_type,
        "points": row.points,
        "what_happens": _what_happens(row),
    }


def _what_happens(row: Row[Any]) -> str:
    state = State(row.state)
    if is_going(row):
        return f"{NOTHING}: it is {WORDS[state].lower()} already"
    if state is State.REPORTED:
        return f"{NOTHING}: it stands in a report by file; bring its results, or undo the report"
    if state is State.WITHDRAWING:
        return "it is being corrected: it is withdrawn for good instead"
    if never_left(row):
        return "it has not been sent: it is just withdrawn"
    return _WHAT.get(state, _DELETE)


def _withdraw(
    db: Connection, ledger: Ledger, row: Row[Any], who: str, why: str, now: datetime
) -> Shown:
    told = _planned(db, row)
    if is_going(row) or row.state == State.REPORTED:
        return told
    book = CreditBook(db, ledger, now, Agreed.ACCEPTED_TOO)
    book.withdraw(row)
    for completion in links.completions_of(db, row.id):
        _answer_questions(db, book, completion)
    state = db.scalars(select(credits_.c.state).where(credits_.c.id == row.id)).one()
    before, after = {"standing": str(told["standing"])}, {"standing": WORDS[State(state)]}
    subject = str(told["id"])
    remember(db, ledger, now, who, "credit.withdrawn", subject, why, before=before, after=after)
    return told | after


def _answer_questions(db: Connection, book: CreditBook, completion: int) -> None:
    """Nothing is left to decide about a completion whose credits are all withdrawn."""
    numbers = links.credits_of(db, completion)
    rows = db.execute(select(credits_).where(credits_.c.id.in_(numbers))).all()
    if all(is_going(row) for row in rows):
        book.settle(Status.RESOLVED, completion_id=completion)
