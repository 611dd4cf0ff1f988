"""What a changed table lets go: completions that wait, by themselves; letters, by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from consumer.credit import Heard
from consumer.desk.tablechange import Concerned, tables_after
from consumer.desk.tabling import Preview
from consumer.desk.words import advice
from consumer.fate import Held, Judgement
from consumer.journey import House, judge_again
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.schema import completion_credits, completions, letters
from consumer.ledger.stepbook import StepBook
from consumer.mapping.said import Said
from consumer.reason import Stage

MOST = 5000
"""How many waiting completions are judged for a preview; the oldest ones."""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Freed:
    """How many wait now, and the numbers of those that would not; of `looked` that were judged.

    `stay` says why others would still wait that the change is about, and how many for each reason.
    `letters` need attention, and are about rows that change: a person may send them again then.
    """

    waiting: int
    looked: int
    numbers: tuple[int, ...]
    stay: tuple[tuple[str, int], ...] = ()
    letters: tuple[str, ...] = ()


def freed_by(ledger: Ledger, house: House, preview: Preview, now: datetime) -> Freed:
    """What waits now and would not by the table that a preview shows. Nothing is written.

    Raises TableProblems when the table would not be taken as it is then.
    """
    house = replace(house, tables=tables_after(preview, house.tables))
    concerned, looked = Concerned(preview), 0
    numbers, stay = list[int](), Counter[str]()
    with ledger.read() as db:
        waiting = db.scalar(select(func.count()).where(completions.c.state == Heard.HELD)) or 0
        for number, said, judged in _judged(db, ledger, house, now):
            looked += 1
            if not isinstance(judged, Held):
                numbers.append(number)
            elif concerned(said):
                stay[advice(judged.reasons[0]).happened] += 1
        about = dict.fromkeys(_letters_about(db, ledger, concerned))
    return Freed(waiting, looked, tuple(numbers), tuple(stay.most_common()), tuple(about))


def _judged(
    db: Connection, ledger: Ledger, house: House, now: datetime
) -> Iterator[tuple[int, Said, Judgement]]:
    """The completions that wait, the oldest of them, as they would be judged."""
    c, last, looked = completions.c, 0, 0
    query = select(c.id, c.said).where(c.state == Heard.HELD).order_by(c.id).limit(_CHUNK)
    while looked < MOST and (rows := db.execute(query.where(c.id > last)).all()):
        last, looked = rows[-1].id, looked + len(rows)
        steps = StepBook(db, ledger, now).heard_of([row.id for row in rows])
        for row in rows:
            said = ledger.seal.open_said(row.said)
            yield row.id, said, judge_again(said, house, now, steps.get(row.id, ()))


def still_open(ledger: Ledger, ids: Sequence[str]) -> list[str]:
    """Those of these letters that nobody has dealt with since."""
    query = select(letters.c.id).where(letters.c.status == Status.OPEN)
    with ledger.read() as db:
        return [
            found
            for first in range(0, len(ids), _CHUNK)
            for found in db.scalars(query.where(letters.c.id.in_(ids[first : first + _CHUNK])))
        ]


def _letters_about(db: Connection, ledger: Ledger, concerned: Concerned) -> Iterator[str]:
    """Open letters that may be sent again, about a completion that the change touches."""
    lt, c, link = letters.c, completions.c, completion_credits.c
    behind = (link.credit_id == lt.credit_row) & link.stands
    known = letters.outerjoin(completion_credits, behind)
    about = known.join(completions, c.id == func.coalesce(lt.completion_id, link.completion_id))
    query = select(lt.id, c.said).select_from(about).order_by(lt.id).limit(MOST)
    query = query.where(lt.status == Status.OPEN, lt.stage != Stage.REVIEW)
    for row in db.execute(query):
        if concerned(ledger.seal.open_said(row.said)):
            yield row.id


def became_of(ledger: Ledger, numbers: Sequence[int]) -> Counter[Heard]:
    """Where these completions stand now, counted."""
    found: Counter[Heard] = Counter()
    with ledger.read() as db:
        for first in range(0, len(numbers), _CHUNK):
            these = completions.c.id.in_(numbers[first : first + _CHUNK])
            query = select(completions.c.state, func.count()).where(these)
            for state, count in db.execute(query.group_by(completions.c.state)):
                found[Heard(state)] += count
    return found
