"""Credits as intake writes them: one row per credit key, whatever reported it (design 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from consumer.board import Deadlines
from consumer.credit import State
from consumer.decisions import Alone, Arrival, Move, decide
from consumer.fate import Ready, Refused
from consumer.ledger import links
from consumer.ledger.ledger import Ledger
from consumer.ledger.letterbook import LetterBook
from consumer.ledger.letters import Origin, Status
from consumer.ledger.overtaking import overtaken_at
from consumer.ledger.restored import Doubts
from consumer.ledger.schema import credits_
from consumer.ledger.seal import normalise
from consumer.ledger.series import series_fault
from consumer.participant import Record
from consumer.reason import Reason, Stage, unpack_reasons

Link = tuple[int, bool]
"""A credit's number, and whether this arrival made it or changed it."""


class Agreed(StrEnum):
    """How far a person agreed that what may be at PARS is withdrawn."""

    NOT = "not"
    SENT = "sent"
    ACCEPTED_TOO = "accepted_too"


class CreditBook(LetterBook):
    """Puts records where they belong, retires what nothing stands behind any more."""

    def __init__(
        self, connection: Connection, ledger: Ledger, now: datetime, agreed: Agreed = Agreed.NOT
    ) -> None:
        super().__init__(connection, ledger, now)
        self._agreed, self._doubts = agreed, Doubts(connection, now)

    def put(
        self,
        completion: int,
        records: Iterable[Record],
        arrival: Arrival,
        origin: Origin,
    ) -> list[Link]:
        """One link per record: a new row, or the move the decision table says for the old one."""
        return [self._put(completion, record, arrival, origin) for record in records]

    def _put(self, completion: int, record: Record, arrival: Arrival, origin: Origin) -> Link:
        key = self._ledger.identity.credit_key(record)
        row = self._db.execute(select(credits_).where(credits_.c.key == key)).one_or_none()
        if row is None:
            return self._insert(key, record), True
        if row.purged_at is not None:
            return int(row.id), False  # it holds off that the same is credited again
        asked_for = arrival in {Arrival.REPLAY, Arrival.CORRECTION}
        compared = arrival if asked_for else self._compared(completion, row, record)
        move = decide(self._standing(row, replay=arrival is Arrival.REPLAY), compared)
        self._apply(move, row, record, completion, origin)
        return int(row.id), move in {Move.WRITE, Move.RESEND, Move.CORRECT}

    def _compared(self, completion: int, row: Row[Any], record: Record) -> Arrival:
        known = row.id in links.credits_of(self._db, completion)
        compared = self._compare(row, record)
        if compared is Arrival.SAME and not known:
            return Arrival.LATER  # another account's completion: never the same one again
        if compared is Arrival.LATER and known and self._supporters(row.id) == 1:
            # The very completion it was made from: a table has moved its day.
            # Or another claim has: other points are no repetition.
            same = Decimal(row.points) == record.points
            return compared if same and row.state != State.READY else Arrival.CHANGED
        return compared

    def allowed(self, completion: int, judgement: Ready, arrival: Arrival) -> Ready | Refused:
        """The same, unless what the learner or somebody else has already speaks against it."""
        # Of a board ID in two people's rows the second one's credit would be lost.
        theirs = (self.is_anothers(completion, record) for record in judgement.records)
        if arrival is not Arrival.REPLAY and any(theirs):
            return Refused((Reason(Stage.RULES, "board_id_shared", "board_id"),))
        # What a learner's earlier credits leave room for is known here alone, and now.
        identity = self._ledger.identity
        found = [series_fault(self._db, identity, record) for record in judgement.records]
        return Refused(reasons) if (reasons := tuple(filter(None, found))) else judgement

    def is_anothers(self, completion: int, record: Record) -> bool:
        """Whether somebody else's completion stands behind the credit that this one leads to."""
        key = self._ledger.identity.credit_key(record)
        row = self._db.execute(select(credits_).where(credits_.c.key == key)).one_or_none()
        if row is None or row.purged_at is not None or not self._supporters(row.id):
            return False
        if row.id in links.credits_of(self._db, completion):
            return False
        return _person(self._ledger.seal.open_record(row.record)) != _person(record)

    def unsent(self, completion: int) -> bool:
        """Whether a credit that this completion stands behind may still follow a table."""
        mine = links.credits_of(self._db, completion)
        query = select(credits_.c.id).where(credits_.c.id.in_(mine))
        return self._db.scalar(query.where(credits_.c.state == State.READY).limit(1)) is not None

    def sent_of(self, completion: int) -> list[int]:
        """The credits of this completion that PARS may have."""
        mine = links.credits_of(self._db, completion)
        at_pars = (credits_.c.credit_id.is_not(None), credits_.c.state != State.WITHDRAWN)
        query = select(credits_.c.id).where(credits_.c.id.in_(mine), *at_pars)
        return [*self._db.scalars(query.order_by(credits_.c.id))]

    def _standing(self, row: Row[Any], *, replay: bool) -> State | Alone:
        state = State(row.state)
        if state not in {State.WITHDRAWING, State.WITHDRAWN} or row.resend:
            return state
        if replay or not self._supporters(row.id):
            return Alone(f"{state.value}_alone")
        # A person withdrew it for good: whether PARS has confirmed that yet makes no difference.
        return State.WITHDRAWN

    def _compare(self, row: Row[Any], record: Record) -> Arrival:
        stored = self._ledger.seal.open_record(row.record)
        if (stored.completed_on, stored.points) == (record.completed_on, record.points):
            renamed = stored != record or _deadlines(stored) != _deadlines(record)
            return Arrival.CHANGED if renamed and row.state == State.READY else Arrival.SAME
        later = record.completed_on > stored.completed_on
        return Arrival.LATER if later else Arrival.CHANGED

    def _apply(
        self, move: Move, row: Row[Any], record: Record, completion: int, origin: Origin
    ) -> None:
        match move:
            case Move.WRITE:
                # What it waited for may have been this change: asked anew, and at once.
                self._change(row, **self._facts(row, record), due_at=self._now, reasons="[]")
            case Move.ADOPT:
                adopted = {"record", "released_at"}
                facts = self._facts(row, record).items()
                self._change(row, **{name: value for name, value in facts if name in adopted})
            case Move.RESEND:
                self._change(row, **self._facts(row, record), **self._sent_again(row))
            case Move.CORRECT:
                again = {"state": State.WITHDRAWING.value, "resend": True, "ask": True}
                self._change(row, **self._facts(row, record), **again, **self._fresh(row))
            case Move.REVIEW | Move.HOLD:
                code = "changed_after_sending" if move is Move.REVIEW else "reported_again"
                self._ask_person(row, code, completion, origin)

    def _facts(self, row: Row[Any], record: Record) -> dict[str, Any]:
        """What is reported from now on; what was released is what could be seen then."""
        same = self._ledger.seal.open_record(row.record) == record
        return self.facts(record) | ({} if same else {"released_at": None})

    def _sent_again(self, row: Row[Any]) -> dict[str, Any]:
        """The same CreditID, asked about first; the next revision once PARS let go of it."""
        again: dict[str, Any] = {"state": State.READY.value, "reasons": "[]"} | self._fresh(row)
        if row.state == State.WITHDRAWN and row.credit_id is not None:
            again |= {"revision": row.revision + 1, "credit_id": None}
        else:
            again["ask"] = row.credit_id is not None
        return again

    def _fresh(self, row: Row[Any]) -> dict[str, Any]:
        """All its tries again; what a sender holds this moment is left alone until its lease ends.

        A post that is under way would arrive after PARS was asked, and found to have nothing.
        """
        return {
            "tries": 0,
            "first_try_at": None,
            "absent_at": None,
            "due_at": max(self._now, row.lease_until or self._now),
            "accepted_too": self._agreed is Agreed.ACCEPTED_TOO,
        }

    def names(self, record: Record) -> dict[str, Any]:
        """What of a credit's row never changes: whose and which it is."""
        return _names(record, self._ledger.identity.series_key(record))

    def _insert(self, key: str, record: Record) -> int:
        values = self.new(key, self._ledger.identity.series_key(record), record)
        statement = insert(credits_).values(values).returning(credits_.c.id)
        return int(self._db.execute(statement).scalar_one())

    def new(self, key: str, series: str, record: Record) -> dict[str, Any]:
        """The row of a credit that is ready to be sent."""
        new = {"key": key, "state": State.READY.value, "due_at": self._now}
        values = self.facts(record) | _names(record, series) | new
        values["restored_at"] = self._doubts.since(record.completed_on)
        return values | {"created_at": self._now, "changed_at": self._now}

    def facts(self, record: Record) -> dict[str, Any]:
        """The columns that say what is reported."""
        return {
            "profile": record.profile,
            "pars_activity_id": record.pars_activity_id,
            "completed_on": record.completed_on,
            "points": str(record.points),
            "report_by": record.report_by or Deadlines().report_by(record.completed_on),
            "closes_on": record.closes_on,
            "record": self._ledger.seal.seal_json(record),
        }

    def _change(self, row: Row[Any], **values: Any) -> None:
        # The fence tells a sender that is under way with this row that it has moved on.
        values |= {"changed_at": self._now, "fence": credits_.c.fence + 1, "lease_until": None}
        values["overtaken_at"] = overtaken_at(row, self._now)
        self._db.execute(update(credits_).where(credits_.c.id == row.id).values(values))

    # ------------------------------------------------------------ links

    def relink(self, completion: int, wanted: Sequence[Link]) -> None:
        """Stand this completion behind `wanted` alone; retire what stands on nothing now."""
        new = {number for number, _ in wanted}
        old = {*links.credits_of(self._db, completion)}
        for number in old - new:
            links.drop(self._db, completion, number)
            if not self._supporters(number):
                self._retire(self._row(number), completion)
        for number in new - old:
            links.put(self._db, completion, number)

    def _supporters(self, number: int) -> int:
        return len(links.completions_of(self._db, number))

    def _row(self, number: int) -> Row[Any]:
        return self._db.execute(select(credits_).where(credits_.c.id == number)).one()

    def _retire(self, row: Row[Any], completion: int) -> None:
        if row.purged_at is not None:
            return
        match State(row.state):
            case State.WITHDRAWN:
                pass
            case State.WITHDRAWING:
                self._change(row, resend=False)
            case State.READY | State.ATTENTION | State.REJECTED:
                self.withdraw(row)
            case state if state is not State.REPORTED and self._agreed is not Agreed.NOT:
                self.withdraw(row)
            case _:
                origin = self._origin_of(completion)
                self._ask_person(row, "no_longer_derived", completion, origin)

    def withdraw(self, row: Row[Any]) -> None:
        """Have PARS delete what it may have of this credit; what never left is just withdrawn."""
        if never_left(row):
            self._change(row, state=State.WITHDRAWN.value, reasons="[]")
        else:
            withdrawing = {"state": State.WITHDRAWING.value, "resend": False, "ask": True}
            self._change(row, **withdrawing, **self._fresh(row), reasons="[]")
        self.settle(Status.RESOLVED, credit_row=row.id)

    def keep(self, row: Row[Any]) -> None:
        """A person keeps what PARS has: whatever was to take its place is dropped, if unsent."""
        if row.sent is not None:
            self._change(row, **self.facts(self._ledger.seal.open_record(row.sent)))
        once = [] if self._supporters(row.id) else links.completions_once_of(self._db, row.id)
        for completion in once:
            others = map(self._row, links.credits_of(self._db, completion))
            sent = [(other.id, False) for other in others if other.credit_id is not None]
            self.relink(completion, [(row.id, False), *sent])

    def withdraw_all(self, completion: int) -> bool:
        """A person agreed to a retraction: PARS is asked to delete what it has of it.

        What another completion stands behind too stays; False when that was so of everything.
        """
        own = [n for n in links.credits_of(self._db, completion) if self._supporters(n) == 1]
        for row in map(self._row, own):
            if row.state != State.WITHDRAWN and row.purged_at is None:
                self.withdraw(row)
        return bool(own)

    def withdraw_now(self, letter: Row[Any]) -> bool:
        """Try a withdrawal that PARS refused again at once; False when the letter is no such."""
        stuck = (credits_.c.id == letter.credit_row, credits_.c.state == State.WITHDRAWING)
        if letter.stage == Stage.REVIEW:
            return False
        done = self._db.execute(update(credits_).where(*stuck).values(due_at=self._now))
        return done.rowcount == 1

    def ask_again(self, number: int) -> None:
        """Open the letter of a credit anew that its replay did not move.

        Another completion stands behind it too, and the one that was replayed leads elsewhere now.
        """
        row = self._row(number)
        if row.state in {State.ATTENTION, State.REJECTED}:
            self.refuse_credit(row, unpack_reasons(row.reasons))


def _names(record: Record, series: str) -> dict[str, Any]:
    return {
        "series": series,
        "board": record.board,
        "credit_type": record.credit_type,
        "activity": record.activity,
    }


def never_left(row: Row[Any]) -> bool:
    """Whether PARS surely has nothing of this credit, as far back as the ledger remembers."""
    return row.credit_id is None and row.restored_at is None


def _deadlines(record: Record) -> tuple[date | None, date | None]:
    return record.report_by, record.closes_on


def _person(record: Record) -> tuple[object, ...]:
    """What the boards match a learner by, beside the ID; names as people type them."""
    birth = record.birth_date
    return normalise(record.family_name), birth and (birth.month, birth.day)
