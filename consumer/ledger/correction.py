"""Corrections: what completions lead to today, beside what PARS was sent of them (design 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.credit import State
from consumer.decisions import Arrival
from consumer.fate import Held, NotReportable, Ready, Refused
from consumer.journey import Heard, House
from consumer.ledger import links
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.completionbook import CompletionBook
from consumer.ledger.creditbook import Agreed, CreditBook, Link
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Origin, Status
from consumer.ledger.originals import hear_again
from consumer.ledger.purging import PURGED
from consumer.ledger.schema import completions, credits_, letters
from consumer.ledger.stepreading import StepReader
from consumer.participant import Record
from consumer.reason import Reason, Stage, unpack_reasons

CHANGED = "changed_after_sending"
"""Reason code of the question that a correction answers: which of two facts is right."""

# PARS knows an activity and a provider by their numbers: another wording is no correction.
_WORDING = {"title", "provider_name"}


@dataclass(frozen=True, slots=True)
class Change:
    """One credit: what PARS has or is to have, and what it should have; None is nothing."""

    row: Row[Any] | None
    held: Record | None = field(repr=False)
    wanted: Record | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Case:
    """Completions that stand behind the same credits; they are corrected together or not at all.

    `keys` says for each completion which credits it leads to today; `records` holds those that
    are to be written, `kept` the numbers of those that stay as they are.
    """

    completions: Sequence[Row[Any]] = ()
    heard: Mapping[int, Heard] = field(default_factory=dict, repr=False)
    credits: Sequence[Row[Any]] = ()
    changes: tuple[Change, ...] = ()
    obstacles: tuple[Reason, ...] = ()
    keys: Mapping[int, Sequence[str]] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict, repr=False)
    kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> list[Row[Any]]:
        """The credits that are not as they should be."""
        return [one.row for one in self.changes if one.row is not None]

    @property
    def accepted(self) -> bool:
        """Whether something that the board accepted would be withdrawn."""
        return any(row.state == State.ACCEPTED for row in self.wrong)


def differing(held: Record, wanted: Record) -> list[str]:
    """The fields in which PARS has something else than it should."""
    names = [one.name for one in fields(Record) if one.name not in _WORDING]
    if held.npi is None:
        # A number that was learnt since is no correction: the board matched without it.
        names.remove("npi")
    return [name for name in names if getattr(held, name) != getattr(wanted, name)]


class Corrector:
    """Judges again by one house, and writes what follows; one transaction's worth."""

    def __init__(self, connection: Connection, ledger: Ledger, house: House, now: datetime) -> None:
        self._db, self._ledger, self._house, self._now = connection, ledger, house, now
        self._book = CreditBook(connection, ledger, now)
        self._steps = StepReader(connection, ledger, house, now)

    # ------------------------------------------------------------ what would change

    def case(self, number: int) -> Case:
        """The case that a credit belongs to, judged by today's tables and mappings."""
        completion_rows, credit_rows = self._bundle(number)
        if any(row.purged_at is not None for row in (*completion_rows, *credit_rows)):
            return Case(completion_rows, {}, credit_rows, obstacles=(PURGED,))
        heard = {row.id: self._hear(row) for row in completion_rows}
        obstacles = [r for row in completion_rows for r in self._obstacles(row, heard[row.id])]
        if obstacles:
            return Case(completion_rows, heard, credit_rows, obstacles=tuple(obstacles))
        return self._compare(completion_rows, heard, credit_rows)

    def _bundle(self, number: int) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
        """All completions behind this credit, all credits of these, and so on."""
        known: set[int] = set()
        credit_numbers, new = {number}, {number}
        while new:
            known |= {c for one in new for c in links.completions_of(self._db, one)}
            led_to = {n for one in known for n in links.credits_of(self._db, one)}
            credit_numbers, new = credit_numbers | led_to, led_to - credit_numbers
        return (
            self._db.execute(
                select(completions).where(completions.c.id.in_(known)).order_by(completions.c.id)
            ).all(),
            self._db.execute(
                select(credits_).where(credits_.c.id.in_(credit_numbers)).order_by(credits_.c.id)
            ).all(),
        )

    def _hear(self, row: Row[Any]) -> Heard:
        origin = self._book.origin_of(row)
        _, heard = hear_again(self._ledger.seal, origin, self._house, self._now)
        what = CompletionBook(self._db, self._ledger, self._now).meant(row.id, heard)
        return self._steps.judged(what, self._steps.read(row))

    def _obstacles(self, row: Row[Any], heard: Heard) -> Iterator[Reason]:
        """Why a person must look at this completion before it can be corrected."""
        yield from self._open_questions(row)
        match heard.judgement:
            case Refused(reasons) | Held(reasons):
                yield from reasons
            case NotReportable(reason):
                yield reason
            case Ready(records):
                yield from self._misread(row, heard)
                if any(self._book.is_anothers(row.id, record) for record in records):
                    yield Reason(Stage.RULES, "board_id_shared", "board_id")
            case _:
                yield Reason(Stage.REVIEW, "read_otherwise")

    def _misread(self, row: Row[Any], heard: Heard) -> Iterator[Reason]:
        said, identity = heard.said, self._ledger.identity
        if said is not None:
            who = (said.site, said.learner, said.course, said.occurrence)
            if identity.completion_key(*who) != row.key:
                yield Reason(Stage.REVIEW, "read_otherwise")

    def _open_questions(self, row: Row[Any]) -> Iterator[Reason]:
        mine = (letters.c.completion_id == row.id, letters.c.credit_row.is_(None))
        asked = (letters.c.status == Status.OPEN, letters.c.stage == Stage.REVIEW)
        for packed in self._db.scalars(select(letters.c.reasons).where(*mine, *asked)):
            yield from (reason for reason in unpack_reasons(packed) if reason.code != CHANGED)

    def _compare(
        self,
        completion_rows: Sequence[Row[Any]],
        heard: Mapping[int, Heard],
        credit_rows: Sequence[Row[Any]],
    ) -> Case:
        held = {row.key: self._held(row) for row in credit_rows}
        keys, wanted = self._wanted(heard, held)
        wrong = tuple(self._wrong(credit_rows, held, wanted))
        if any(one.row is not None and one.row.state == State.REPORTED for one in wrong):
            # Deleted at PARS before the file is uploaded, it would come back with the file.
            in_a_file = Reason(Stage.REVIEW, "stands_in_a_file")
            return Case(completion_rows, heard, credit_rows, obstacles=(in_a_file,))
        new = {key: self._alive(key) for key in wanted.keys() - held.keys()}
        missing = tuple(Change(None, None, wanted[key]) for key, row in new.items() if row is None)
        touched = {one.row.key for one in wrong if one.row is not None}
        kept = {row.key: row.id for row in credit_rows if row.key not in touched}
        # Another account's completion may have reported the right one.
        kept |= {key: row.id for key, row in new.items() if row is not None}
        records = {key: record for key, record in wanted.items() if key not in kept}
        return Case(completion_rows, heard, credit_rows, wrong + missing, (), keys, records, kept)

    def _held(self, row: Row[Any]) -> Record:
        """What PARS has of a credit; what it will be sent where that is on its way."""
        on_its_way = row.state in {State.READY, State.SUBMITTING, State.WITHDRAWING}
        sealed = row.record if on_its_way or row.sent is None else row.sent
        return self._ledger.seal.open_record(sealed)

    def _wanted(
        self, heard: Mapping[int, Heard], held: Mapping[str, Record]
    ) -> tuple[dict[int, list[str]], dict[str, Record]]:
        """Each completion's credit keys, and for each key the record: the first completion's."""
        keys: dict[int, list[str]] = {number: [] for number in heard}
        found: dict[str, list[Record]] = {}
        for number, what in heard.items():
            for record in _records(what):
                key = self._ledger.identity.credit_key(record)
                keys[number].append(key)
                found.setdefault(key, []).append(record)
        return keys, {key: _first(records, held.get(key)) for key, records in found.items()}

    def _wrong(
        self,
        credit_rows: Sequence[Row[Any]],
        held: Mapping[str, Record],
        wanted: Mapping[str, Record],
    ) -> Iterator[Change]:
        for row in credit_rows:
            had, right = held[row.key], wanted.get(row.key)
            if not is_going(row) and (right is None or differing(had, right)):
                yield Change(row, had, right)

    def _alive(self, key: str) -> Row[Any] | None:
        """The credit of this key, unless it is withdrawn or about to be."""
        row = self._db.execute(select(credits_).where(credits_.c.key == key)).one_or_none()
        return None if row is None or is_going(row) else row

    # ------------------------------------------------------------ what is written

    def write(self, case: Case, agreed: Agreed) -> None:
        """Withdraw what is wrong, and write what is right, to be sent once that is gone."""
        book = CreditBook(self._db, self._ledger, self._now, agreed)
        for row in case.completions:
            origin = self._book.origin_of(row)
            placed = [self._place(book, case, row.id, key, origin) for key in case.keys[row.id]]
            book.relink(row.id, placed)
            self._take_up(row, case.heard[row.id])
            book.settle(Status.RESOLVED, completion_id=row.id)
        for wrong in case.wrong:
            if not case.completions:
                book.withdraw(wrong)  # a person was asked about it: nothing leads to it any more
            book.settle(Status.REPLAYED, credit_row=wrong.id)

    def _place(
        self, book: CreditBook, case: Case, completion: int, key: str, origin: Origin
    ) -> Link:
        if key in case.kept:
            return case.kept[key], False
        (link,) = book.put(completion, [case.records[key]], Arrival.CORRECTION, origin)
        return link

    def _take_up(self, row: Row[Any], heard: Heard) -> None:
        if heard.said is not None and isinstance(heard.judgement, Ready):
            book = Bookkeeper(self._db, self._ledger, self._house, self._now)
            book.reread(row.id, heard, heard.said, heard.judgement)
            self._steps.write(self._steps.read(row), book)


def is_going(row: Row[Any]) -> bool:
    """Whether a credit is withdrawn for good, or about to be."""
    return row.state == State.WITHDRAWN or (row.state == State.WITHDRAWING and not row.resend)


def _records(heard: Heard) -> tuple[Record, ...]:
    return heard.judgement.records if isinstance(heard.judgement, Ready) else ()


def _first(records: Sequence[Record], held: Record | None) -> Record:
    """The earliest completion counts (design 5); of several that day the one that PARS has."""
    day = min(record.completed_on for record in records)
    then = [record for record in records if record.completed_on == day]
    return next((one for one in then if held and not differing(held, one)), then[0])
