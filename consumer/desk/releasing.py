"""The desk's releases: what waits for a coordinator is looked at, and let go; rehearsals told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.creditfilter import CreditFilter, chosen
from consumer.desk.deadlines import Watch
from consumer.desk.named import credits_named, name_of
from consumer.desk.trail import remember
from consumer.desk.withdrawing import BATCH
from consumer.desk.words import advice
from consumer.desk.wouldbe import WouldBe
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import credits_
from consumer.ledger.switches import withheld_as
from consumer.reason import Reason
from consumer.release import Mode

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credit that stands still, and whether its document would be sent; nothing personal in it.

    `stops` says in words why not; it is blank when the document is as PARS's schema wants it.
    """

    number: int
    name: str
    activity: str
    pars_activity_id: str
    board: str
    credit_type: str
    points: str
    completed_on: str
    report_by: str
    at_risk: str
    mode: str
    stops: str


@dataclass(frozen=True, slots=True)
class Releases:
    """One person's look at what stands still, and their word that it may go."""

    ledger: Ledger
    would_be: WouldBe
    clock: Clock
    watch: Watch
    who: str = ""
    why: str = ""

    def select(
        self, wanted: CreditFilter, mode: Mode = Mode.HOLD, *, whole: bool = False
    ) -> list[int]:
        """The credits meant that stand still so, nearest deadline first.

        At most its limit, unless the `whole` of them is asked for.
        """
        here = (credits_.c.state == State.READY, withheld_as() == mode.value)
        wanted = replace(wanted, limit=0) if whole else wanted
        return chosen(self.ledger, wanted, *here, watch=self.watch)

    def named(self, names: Sequence[str]) -> list[int]:
        """The numbers of these credits. Raises NoSuchCredit."""
        with self.ledger.read() as db:
            return [*dict.fromkeys(row.id for name in names for row in credits_named(db, name))]

    def preview(self, numbers: Sequence[int]) -> Iterator[Candidate]:
        """Each credit as it would be sent; what does not stand still any more is left out."""
        for part in _parts(numbers, _AT_ONCE):
            with self.ledger.read() as db:
                rows = _standing_still(db, part)
                yield from [self._candidate(db, row) for row in rows]

    def release(self, numbers: Sequence[int]) -> Iterator[int]:
        """Let them go, in small transactions; gives how many each has let go once it is written.

        What does not wait any more by then, or is rehearsed now, stays as it is.
        """
        for part in _parts(numbers, BATCH):
            with self.ledger.begin() as db:
                rows = [row for row in _standing_still(db, part) if row.mode == Mode.HOLD]
                self._let_go(db, rows)
            yield len(rows)

    def _let_go(self, db: Connection, rows: Sequence[Row[Any]]) -> None:
        now = self.clock.now()
        these = credits_.c.id.in_([row.id for row in rows])
        db.execute(update(credits_).where(these).values(released_at=now, changed_at=now))
        for row in rows:
            name = name_of(db, row)
            remember(db, self.ledger, now, self.who, "credit.released", name, self.why)

    def _candidate(self, db: Connection, row: Row[Any]) -> Candidate:
        domain = self.would_be.domain(row.profile)
        credit_id = self.ledger.identity.credit_id(row.key, domain, row.revision)
        record = self.ledger.seal.open_record(row.record)
        faults = self.would_be.faults(record, row.credit_id or credit_id)
        return Candidate(
            number=row.id,
            name=name_of(db, row),
            activity=row.activity,
            pars_activity_id=row.pars_activity_id,
            board=row.board,
            credit_type=row.credit_type,
            points=row.points,
            completed_on=str(row.completed_on),
            report_by=str(row.report_by),
            at_risk=self.watch.standing(State.READY, row.report_by, resend=False),
            mode=row.mode,
            stops="; ".join(dict.fromkeys(map(_in_words, faults))),
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have been sent, counted: by activity, PARS ID, board and credit type."""

    would_be_sent: Counter[tuple[str, str, str, str]]
    would_stop: Counter[tuple[str, str]]
    at_risk: int


def rehearsal(candidates: Iterable[Candidate]) -> Rehearsal:
    """The report on a rehearsal, or before a release."""
    sent: Counter[tuple[str, str, str, str]] = Counter()
    stopped: Counter[tuple[str, str]] = Counter()
    at_risk = 0
    for one in candidates:
        at_risk += bool(one.at_risk)
        if one.stops:
            stopped[one.activity, one.stops] += 1
        else:
            sent[one.activity, one.pars_activity_id, one.board, one.credit_type] += 1
    return Rehearsal(sent, stopped, at_risk)


def _standing_still(db: Connection, numbers: Sequence[int]) -> list[Row[Any]]:
    mode = withheld_as()
    query = select(credits_, mode.label("mode")).where(credits_.c.id.in_(numbers), mode != "")
    return [*db.execute(query.order_by(credits_.c.report_by, credits_.c.id))]


def _in_words(reason: Reason) -> str:
    where = f" ({reason.field})" if reason.field else ""
    return f"{advice(reason).happened}{where}"


def _parts(numbers: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    return (numbers[first : first + most] for first in range(0, len(numbers), most))
