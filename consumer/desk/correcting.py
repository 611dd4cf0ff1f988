"""The desk's corrections: a table was mended, and what was sent by the old one is put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.named import credits_named, name_of
from consumer.desk.trail import remember
from consumer.desk.withdrawing import BATCH
from consumer.desk.words import advice
from consumer.journey import House
from consumer.ledger.correction import Case, Change, Corrector, differing
from consumer.ledger.creditbook import Agreed, CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import credits_, letters
from consumer.participant import Record

ACCEPTED_MEANWHILE = "accepted_meanwhile"
"""Reason code of the question that asks whether what the board accepted may go."""


class Outcome(StrEnum):
    """What a correction comes to for a credit."""

    CORRECTED = "corrected"
    ACCEPTED = "accepted by the board"
    UNCHANGED = "nothing changes"
    IMPOSSIBLE = "cannot be corrected"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which credits to judge again: these, or all of an activity that are not withdrawn."""

    names: tuple[str, ...] = ()
    activity: str = ""
    credit_type: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became, or would become, of some credits; `says` holds nothing personal.

    `judged` counts the chosen credits that were looked at, `credits` those that this is about.
    """

    outcome: Outcome
    says: str
    credits: int
    judged: int


@dataclass(frozen=True, slots=True)
class Correcting:
    """One person's correction: by which tables, who, why, and whether accepted credits too."""

    ledger: Ledger
    house: House
    clock: Clock
    accepted_too: bool = False
    who: str = ""
    why: str = ""

    def select(self, wanted: Wanted) -> list[int]:
        """The numbers of these credits, oldest first. Raises NoSuchCredit."""
        k = credits_.c
        query = select(k.id).where(k.activity == wanted.activity, k.state != State.WITHDRAWN)
        if wanted.credit_type:
            query = query.where(k.credit_type == wanted.credit_type)
        with self.ledger.read() as db:
            if wanted.activity:
                return [*db.scalars(query.order_by(k.id))]
            return sorted({row.id for name in wanted.names for row in credits_named(db, name)})

    def preview(self, numbers: Sequence[int]) -> Iterator[Finding]:
        """What `correct` would do now; changes nothing."""
        waiting = {*numbers}
        for batch in _batches(numbers):
            with self.ledger.read() as db:
                found = [finding for _, _, finding in self._cases(db, batch, waiting)]
            yield from found

    def correct(self, numbers: Sequence[int], most: int = 0) -> Iterator[Finding]:
        """Do it, in small transactions; each finding comes once it is written.

        Ends when `most` were corrected, or a few more that belong together; 0 means all.
        The service then withdraws what PARS has, waits until that is gone, and sends what is right.
        """
        waiting, done = {*numbers}, 0
        for batch in _batches(numbers):
            with self.ledger.begin() as db:
                found = []
                for corrector, case, finding in self._cases(db, batch, waiting):
                    if finding.outcome is Outcome.CORRECTED:
                        self._write(db, corrector, case)
                        done += finding.credits
                    elif finding.outcome is Outcome.UNCHANGED:
                        self._close_questions(db, case)
                    found.append(finding)
                    if 0 < most <= done:
                        break
            yield from found
            if 0 < most <= done:
                return

    def _cases(
        self, db: Connection, numbers: Sequence[int], waiting: set[int]
    ) -> Iterator[tuple[Corrector, Case, Finding]]:
        """Each case once, whichever of its credits comes first."""
        corrector = Corrector(db, self.ledger, self.house, self.clock.now())
        for number in numbers:
            if number in waiting:
                case = corrector.case(number)
                judged = waiting & {row.id for row in case.credits}
                waiting -= judged
                yield corrector, case, self._finding(case, len(judged))

    def _finding(self, case: Case, judged: int) -> Finding:
        if case.obstacles:
            happened = advice(case.obstacles[0]).happened
            return Finding(Outcome.IMPOSSIBLE, happened, judged, judged)
        if not case.changes:
            return Finding(Outcome.UNCHANGED, "", judged, judged)
        withheld = case.accepted and not self.accepted_too
        outcome = Outcome.ACCEPTED if withheld else Outcome.CORRECTED
        return Finding(outcome, says(case.changes), len(case.wrong) or 1, judged)

    def _write(self, db: Connection, corrector: Corrector, case: Case) -> None:
        agreed = Agreed.ACCEPTED_TOO if self.accepted_too else Agreed.SENT
        now: datetime = self.clock.now()
        deeds = [*_deeds(db, case)]
        corrector.write(case, agreed)
        for subject, before, after in deeds:
            values = {"before": before, "after": after}
            remember(
                db, self.ledger, now, self.who, "credit.corrected", subject, self.why, **values
            )

    def _close_questions(self, db: Connection, case: Case) -> None:
        """What the board accepted is what the tables say: whether it may go is no question."""
        book, c = CreditBook(db, self.ledger, self.clock.now()), letters.c
        asked = c.reasons.contains(f'"code":"{ACCEPTED_MEANWHILE}"')
        mine = (c.credit_row.in_([row.id for row in case.credits]), c.status == Status.OPEN)
        for letter_id in db.scalars(select(c.id).where(asked, *mine)).all():
            book.settle_letter(letter_id)


def _deeds(db: Connection, case: Case) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """What is remembered of a case: each credit that is wrong, or the completions of new ones."""
    for one in case.changes:
        if one.row is not None:
            yield name_of(db, one.row), *values_of(one.held, one.wanted)
    if not case.wrong:
        new = {f"credit {n}": _label(one.wanted) for n, one in enumerate(case.changes, 1)
               if one.wanted is not None}  # fmt: skip
        yield from ((f"c{row.id}", {}, new) for row in case.completions)


def values_of(held: Record | None, wanted: Record | None) -> tuple[dict[str, str], dict[str, str]]:
    """What a correction changes, before and after: fields that differ, or the credit itself."""
    if held is not None and wanted is not None:
        names = differing(held, wanted)
        return _texts(held, names), _texts(wanted, names)
    return (
        {"credit": _label(held)} if held is not None else {},
        {"credit": _label(wanted)} if wanted is not None else {},
    )


def _texts(record: Record, names: Sequence[str]) -> dict[str, str]:
    found = {name: getattr(record, name) for name in names}
    return {name: "" if value is None else str(value) for name, value in found.items()}


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[first : first + BATCH] for first in range(0, len(numbers), BATCH))


# ---------------------------------------------------------------- in words

_FIELDS = {
    "given_name": "given name",
    "family_name": "family name",
    "birth_date": "birth date",
    "board_id": "board ID",
    "npi": "NPI",
    "certification": "the credit's name in PARS",
    "provider_id": "provider",
    "profile": "provider profile",
    "occurrence": "session",
}
"""Fields of which a preview says that they differ, and not how: what they hold is personal."""


def says(changes: Sequence[Change]) -> str:
    """What would be withdrawn and what reported, without a person in it."""
    wrong = sorted({_label(one.held) for one in changes if one.held is not None})
    right = sorted({_label(one.wanted) for one in changes if one.wanted is not None})
    parts = [f"withdraw {', '.join(wrong)}"] if wrong else []
    parts += [f"report {', '.join(right)}"] if right else []
    differences = _differences(changes)
    return ", ".join(parts) + (f" (corrected: {', '.join(differences)})" if differences else "")


def _label(record: Record) -> str:
    return f"{record.credit_type} {record.points}"


def _differences(changes: Sequence[Change]) -> list[str]:
    """What the labels do not show: of credits corrected in place, and of one that replaces one."""
    pairs = [(one.held, one.wanted) for one in changes if one.held and one.wanted]
    gone = [one.held for one in changes if one.held and not one.wanted]
    new = [one.wanted for one in changes if one.wanted and not one.held]
    if len(gone) == len(new) == 1:
        pairs += [(gone[0], new[0])]
    told = [_difference(name, *pair) for pair in pairs for name in differing(*pair)]
    return list(dict.fromkeys(filter(None, told)))


def _difference(name: str, held: Record, wanted: Record) -> str:
    match name:
        case "pars_activity_id":
            return f"PARS activity {held.pars_activity_id} to {wanted.pars_activity_id}"
        case "activity":
            return f"activity {held.activity} to {wanted.activity}"
        case "board":
            return f"board {held.board} to {wanted.board}"
        case "completed_on":
            days = (wanted.completed_on - held.completed_on).days
            return f"completed {abs(days)} day(s) {'later' if days > 0 else 'earlier'}"
    if name == "certification" and held.credit_type != wanted.credit_type:
        return ""
    return _FIELDS.get(name, "")
