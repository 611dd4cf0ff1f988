"""Closing letters that nobody can or shall mend: discarded, or not ours; and taking that back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.clock import Clock
from consumer.credit import Heard
from consumer.desk.closed import WORDS
from consumer.desk.deadletters import AsksForDecision, NotOpen, find_letter
from consumer.desk.trail import remember
from consumer.ledger.completionbook import CompletionBook, is_set_aside
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status, close_letter, reopen_letter
from consumer.ledger.schema import completions
from consumer.reason import Reason, Stage, unpack_reasons

_REASONS = {
    Status.DISCARDED: Reason(Stage.REVIEW, "discarded"),
    Status.NOT_OURS: Reason(Stage.REVIEW, "declared_not_ours"),
}
_WORDS = {Status.DISCARDED: "letter.discarded", Status.NOT_OURS: "letter.not_ours"}
_BACK_IN_WORDS = "was not closed by hand: there is nothing to take back"


class NotClosed(Exception):
    """The letter was not discarded, nor said to be not ours; or something came of it since."""


class WhyMissing(Exception):
    """Nobody closes a letter without a reason."""


@dataclass(frozen=True, slots=True)
class Closing:
    """One person's decision, and why: it is shown wherever the completion is."""

    ledger: Ledger
    clock: Clock
    who: str
    why: str

    def meaning(self, letter_id: str, status: Status) -> str:
        """What closing it would mean. Raises NoSuchLetter, NotOpen, AsksForDecision."""
        with self.ledger.read() as db:
            row = _closable(find_letter(db, letter_id))
        if row.credit_row is not None:
            return "it is off the list; its credit stays as PARS and the board left it"
        if row.completion_id is not None:
            return (
                f"{WORDS[status].lower()}: its completion is not reported, and can still be found"
            )
        return "it is off the list; its bytes are kept"

    def discard(self, letter_id: str) -> str:
        """Close it for good; gives what it means. Raises as `meaning` does, and WhyMissing."""
        return self._close(letter_id, Status.DISCARDED)

    def not_ours(self, letter_id: str) -> str:
        """Close it as another provider's. Raises as `meaning` does, and WhyMissing."""
        return self._close(letter_id, Status.NOT_OURS)

    def _close(self, letter_id: str, status: Status) -> str:
        if not self.why.strip():
            raise WhyMissing("say why: it is shown wherever the completion is")
        meaning, now, seal = self.meaning(letter_id, status), self.clock.now(), self.ledger.seal
        told = {"who": self.who, "at": now.isoformat(timespec="seconds"), "why": self.why}
        with self.ledger.begin() as db:
            row = _closable(find_letter(db, letter_id))
            if not close_letter(db, letter_id, status, seal.seal_json(told)):
                raise NotOpen(f"{letter_id} is {row.status}")
            if row.completion_id is not None and row.credit_row is None:
                books = CompletionBook(db, self.ledger, now)
                books.stand(row.completion_id, Heard.NOT_REPORTABLE, (_REASONS[status],))
            self._tell(db, _WORDS[status], letter_id, self.why)
        return meaning

    def undo(self, letter_id: str) -> None:
        """The letter is open again, and its completion needs attention as before.

        Raises NoSuchLetter, NotClosed.
        """
        with self.ledger.begin() as db:
            row = find_letter(db, letter_id)
            if row.closing is None:
                raise NotClosed(f"{letter_id} {_BACK_IN_WORDS}")
            if row.completion_id is not None and row.credit_row is None:
                self._stand_again(db, row)
            reopen_letter(db, letter_id)
            self._tell(db, "letter.reopened", letter_id, self.why)

    def _stand_again(self, db: Connection, row: Row[Any]) -> None:
        query = select(completions).where(completions.c.id == row.completion_id)
        if not is_set_aside(db.execute(query).one()):
            raise NotClosed(f"the LMS has said something else since of what {row.id} is about")
        books = CompletionBook(db, self.ledger, self.clock.now())
        books.stand(row.completion_id, Heard.REFUSED, unpack_reasons(row.reasons))

    def _tell(self, db: Connection, what: str, letter_id: str, why: str) -> None:
        now = self.clock.now()
        CreditBook(db, self.ledger, now).publish_letter(letter_id)
        remember(db, self.ledger, now, self.who, what, letter_id, why)


def _closable(row: Row[Any]) -> Row[Any]:
    if row.status != Status.OPEN:
        raise NotOpen(f"{row.id} is {row.status}")
    if row.stage == Stage.REVIEW:
        raise AsksForDecision(f"{row.id} asks for a decision: agree to it, or decline it")
    return row
