"""What a change of a table would let go, before it is made: counted, and nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from consumer.clock import Clock
from consumer.credit import Heard
from consumer.desk.tabling import Preview
from consumer.desk.words import advice
from consumer.fate import Held, Judgement, NotReportable, Ready, Refused
from consumer.journey import House, judge_again
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions
from consumer.ledger.stepbook import StepBook
from consumer.mapping.said import Said
from consumer.tables import Tables
from consumer.tables.activities import activities_of
from consumer.tables.comparison import unpacked
from consumer.tables.csvfile import CsvRow
from consumer.tables.kind import LEARNERS
from consumer.tables.learners import learners_of

_WAITING = (Heard.HELD, Heard.REFUSED)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class TableTrial:
    """What becomes of completions that wait, or need attention, and that the change is about.

    `go` would go by themselves, `replayable` once their letters are replayed; `stay` says why the
    others do not, and how many for each reason.
    """

    go: int
    replayable: int
    stay: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        told = [f"{self.go} held completion(s) would go"]
        if self.replayable:
            told.append(f"{self.replayable} that need attention could be replayed")
        told += [f"{count} stay because {why}" for why, count in self.stay]
        return ", ".join(told)


def try_table(ledger: Ledger, house: House, preview: Preview, clock: Clock) -> TableTrial:
    """By today's other table, mappings and rules. Raises TableProblems, LedgerUnavailable."""
    after = replace(house, tables=tables_after(preview, house.tables))
    concerned = Concerned(preview)
    go, stay = Counter[str](), Counter[str]()
    with ledger.read() as db:
        for row, judged in _judged(db, ledger, after, clock, concerned):
            if isinstance(judged, Ready):
                go[row.state] += 1
            else:
                stay[_why(judged)] += 1
    return TableTrial(go[Heard.HELD], go[Heard.REFUSED], tuple(stay.most_common()))


class Concerned:
    """Whether a completion is about a row that the change touches."""

    def __init__(self, preview: Preview) -> None:
        self._learners = preview.kind is LEARNERS
        rows = [cells for one in preview.comparison.changes() for cells in (one.before, one.after)]
        name = preview.kind.identity
        self._keys = {(cells["site"], cells[name]) for cells in rows if cells}

    def __call__(self, said: Said) -> bool:
        who = said.learner if self._learners else said.course
        return not self._keys.isdisjoint({(said.site, who), ("", who)})


def _judged(
    db: Connection, ledger: Ledger, house: House, clock: Clock, concerned: Concerned
) -> Iterator[tuple[Row[Any], Judgement]]:
    """Each completion that waits and is concerned, as it would be judged."""
    c, last, now = completions.c, 0, clock.now()
    waits = or_(c.state == _WAITING[0], c.state == _WAITING[1])
    while rows := db.execute(
        select(completions).where(waits, c.id > last).order_by(c.id).limit(_CHUNK)
    ).all():
        last = rows[-1].id
        steps = StepBook(db, ledger, now).heard_of([row.id for row in rows])
        for row in rows:
            said = ledger.seal.open_said(row.said)
            if concerned(said):
                yield row, judge_again(said, house, now, steps.get(row.id, ()))


def tables_after(preview: Preview, now: Tables) -> Tables:
    """The tables with the change in them. Raises TableProblems."""
    kind = preview.kind
    rows = (
        CsvRow(number, unpacked(kind, row))
        for number, (_, row) in enumerate(preview.comparison.rows(preview.name), 2)
    )
    if kind is LEARNERS:
        learners = learners_of(kind.file, rows, now.boards).in_place_of(now.learners)
        return replace(now, learners=learners)
    return replace(now, activities=activities_of(kind.file, rows, now.boards))


def _why(judged: Judgement) -> str:
    match judged:
        case Held(reasons) | Refused(reasons):
            return advice(reasons[0]).happened
        case NotReportable(reason):
            return advice(reason).happened
    raise AssertionError("what goes does not stay")
