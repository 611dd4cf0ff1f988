"""The desk's answers: what a person was asked to decide, agreed to or declined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.correcting import Correcting, Outcome
from consumer.desk.deadletters import (
    DECIDED,
    NotOpen,
    find_letter,
    replay_letter,
    show_letter,
)
from consumer.desk.trail import remember
from consumer.journey import House
from consumer.ledger import links
from consumer.ledger.consents import CONSENT_WITHDRAWN
from consumer.ledger.correction import is_going
from consumer.ledger.creditbook import Agreed, CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status, close_letter
from consumer.ledger.schema import completions, credits_
from consumer.reason import unpack_reasons


class NoQuestion(Exception):
    """The letter asks for no decision; it is replayed once its cause is mended."""


class Undecidable(Exception):
    """What was agreed to cannot be done now; nothing was changed."""


_STAYS = "what PARS has stays, and what waited to take its place is dropped"
MEANINGS = {
    "retracted_after_sending": ("PARS is asked to delete the credit", "the credit stays as it is"),
    "retracted_in_part": ("the credit is taken back", "the credit stays as it is"),
    "completed_after_withdrawal": ("it counts: it is sent", "it does not count: nothing is sent"),
    "reported_again": ("it counts: it is sent", "it does not count: nothing is sent"),
    "changed_after_sending": ("what PARS has is corrected", "what PARS has stays"),
    "accepted_meanwhile": ("PARS deletes it, then what is right is sent", _STAYS),
    CONSENT_WITHDRAWN: ("PARS is asked to delete it", "the credit stays; it can be taken back"),
    "no_longer_derived": ("PARS deletes it, then what is right is sent", _STAYS),
}
"""For each question what agreeing does, and what declining does."""


@dataclass(frozen=True, slots=True)
class Answering:
    """One person's answers; by which tables, who and why."""

    ledger: Ledger
    house: House
    clock: Clock
    who: str
    why: str

    def meaning(self, letter_id: str, *, agree: bool) -> str:
        """What the answer would do. Raises NoSuchLetter, NotOpen, NoQuestion."""
        with self.ledger.read() as db:
            asked = _question(find_letter(db, letter_id))
        agreed, declined = MEANINGS[asked]
        return agreed if agree else declined

    def about(self, letter_id: str) -> str:
        """Which credit, activity and day it is about. Raises NoSuchLetter."""
        shown = show_letter(self.ledger, letter_id)
        told = (shown["credit_id"], shown["activity"], f"completed {shown['completed_on']}")
        return ", ".join(map(str, filter(None, told)))

    def agree(self, letter_id: str) -> str:
        """Do what the LMS or the tables say now; gives what was done.

        Raises NoSuchLetter, NotOpen, NoQuestion, and Undecidable when that is not possible today.
        """
        with self.ledger.read() as db:
            letter = find_letter(db, letter_id)
            asked, numbers = _question(letter), _credits(db, letter)
        if asked == CONSENT_WITHDRAWN:
            self._withdraw(letter_id)
        elif asked in DECIDED or asked == "changed_after_sending":
            self._correct(letter_id, numbers)
        else:
            replay_letter(
                self.ledger, self.house, letter_id, self.who, self.why, self.clock, "letter.agreed"
            )
        return MEANINGS[asked][0]

    def _correct(self, letter_id: str, numbers: list[int]) -> None:
        desk = Correcting(self.ledger, self.house, self.clock, True, self.who, self.why)
        for finding in desk.correct(numbers):
            if finding.outcome is Outcome.IMPOSSIBLE:
                raise Undecidable(finding.says)
        with self.ledger.begin() as db:
            letter, book = find_letter(db, letter_id), self._book(db)
            row = _credit(db, letter)
            if row is not None and not is_going(row) and not links.completions_of(db, row.id):
                book.withdraw(row)
            book.settle_letter(letter_id)
            self._remember(db, "letter.agreed", letter_id, MEANINGS[_code(letter)][0])

    def _withdraw(self, letter_id: str) -> None:
        with self.ledger.begin() as db:
            letter, book = find_letter(db, letter_id), self._book(db)
            _question(letter)
            row = _credit(db, letter)
            if row is not None and row.state == State.REPORTED:
                told = "it stands in a report by file: bring its results, or undo the report"
                raise Undecidable(told)
            if row is not None and not is_going(row):
                book.withdraw(row)
            book.settle_letter(letter_id)
            self._remember(db, "letter.agreed", letter_id, MEANINGS[CONSENT_WITHDRAWN][0])

    def _keep(self, db: Connection, letter_id: str) -> None:
        """Closed by hand, and so taken back as anything else that is."""
        told = {"who": self.who, "at": self.clock.now().isoformat(timespec="seconds")}
        closing = self.ledger.seal.seal_json(told | {"why": self.why})
        close_letter(db, letter_id, Status.KEPT, closing)
        self._book(db).publish_letter(letter_id)

    def decline(self, letter_id: str) -> str:
        """Keep what there is; gives what that means. Raises NoSuchLetter, NotOpen, NoQuestion."""
        with self.ledger.begin() as db:
            letter, book = find_letter(db, letter_id), self._book(db)
            asked, row = _question(letter), _credit(db, letter)
            if asked == links.RETRACTED:
                kept = update(completions).where(completions.c.id == letter.completion_id)
                db.execute(kept.values(retracted_at=None))
            elif row is not None and not is_going(row) and asked in {*DECIDED, CONSENT_WITHDRAWN}:
                book.keep(row)
            if asked == CONSENT_WITHDRAWN:
                self._keep(db, letter_id)
            else:
                book.settle_letter(letter_id)
            self._remember(db, "letter.declined", letter_id, MEANINGS[asked][1])
        return MEANINGS[asked][1]

    def _book(self, db: Connection) -> CreditBook:
        return CreditBook(db, self.ledger, self.clock.now(), Agreed.ACCEPTED_TOO)

    def _remember(self, db: Connection, what: str, letter_id: str, meaning: str) -> None:
        before, after = {"status": Status.OPEN.value}, {"status": "resolved", "answer": meaning}
        remember(
            db,
            self.ledger,
            self.clock.now(),
            self.who,
            what,
            letter_id,
            self.why,
            before=before,
            after=after,
        )


def _code(letter: Row[Any]) -> str:
    return unpack_reasons(letter.reasons)[0].code


def _question(letter: Row[Any]) -> str:
    asked = _code(letter)
    if letter.status != Status.OPEN:
        raise NotOpen(f"{letter.id} is {letter.status}")
    if asked not in MEANINGS:
        raise NoQuestion(f"{letter.id} asks for no decision: correct its cause, then replay it")
    return asked


def _credit(db: Connection, letter: Row[Any]) -> Row[Any] | None:
    return db.execute(select(credits_).where(credits_.c.id == letter.credit_row)).one_or_none()


def _credits(db: Connection, letter: Row[Any]) -> list[int]:
    if letter.credit_row is not None:
        return [letter.credit_row]
    return [*links.credits_of(db, letter.completion_id)]
