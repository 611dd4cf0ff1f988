"""What happened to a credit or a completion, step by step, in plain words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection, or_, select

from consumer.desk.case import Case
from consumer.desk.stepwords import act, asked, heard
from consumer.desk.words import advice
from consumer.ledger.letters import Status
from consumer.ledger.schema import attempts, audit, completions, credits_, events, letters
from consumer.ledger.schema import steps as course_steps
from consumer.reason import unpack_reasons

HEARD, CREDIT = "completion", "credit"
Key = tuple[str, int]
"""What a step is of: a completion's number, or a credit's."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened; `outcome` is its code, `times` how often it did in a row."""

    at: datetime
    what: str
    outcome: str
    times: int = 1

    @property
    def words(self) -> str:
        """What happened, and how often."""
        return f"{self.what} ({self.times} times)" if self.times > 1 else self.what


def timelines(db: Connection, cases: Sequence[Case]) -> list[tuple[Step, ...]]:
    """The steps of each of these cases, oldest first; nothing personal in them."""
    numbers = [number for case in cases for number in case.completions]
    rows = [case.credit for case in cases if case.credit is not None]
    told = _told(db, numbers, rows)
    return [_of(case, told) for case in cases]


def steps_of(db: Connection, numbers: Sequence[int], rows: Sequence[int]) -> tuple[Step, ...]:
    """The steps of these completions and credits all together, oldest first."""
    told = _told(db, numbers, rows)
    return tuple(_in_a_row(sorted(chain(*told.values()), key=lambda step: step.at)))


def _told(
    db: Connection, numbers: Sequence[int], rows: Sequence[int]
) -> defaultdict[Key, list[Step]]:
    told: defaultdict[Key, list[Step]] = defaultdict(list)
    subjects: dict[str, Key] = {f"c{number}": (HEARD, number) for number in numbers}
    subjects |= {name: (CREDIT, row) for row, name in _names(db, rows)}
    for find, some in ((_heard, numbers), (_steps, numbers), (_asked_pars, rows)):
        for key, step in find(db, some):
            told[key].append(step)
    for key, letter, step in _questions(db, numbers, rows):
        told[key].append(step)
        subjects[letter] = key
    for subject, step in _acts(db, [*subjects]):
        told[subjects[subject]].append(step)
    return told


def _of(case: Case, told: Mapping[Key, Sequence[Step]]) -> tuple[Step, ...]:
    keys: list[Key] = [(HEARD, number) for number in case.completions]
    keys += [(CREDIT, case.credit)] if case.credit is not None else []
    steps = [step for key in keys for step in told.get(key, ())]
    return tuple(_in_a_row(sorted(steps, key=lambda step: step.at)))


def _heard(db: Connection, numbers: Sequence[int]) -> Iterator[tuple[Key, Step]]:
    e = events.c
    query = (
        select(e.completion_id, e.heard_at, e.fate, completions.c.source)
        .join(completions, completions.c.id == e.completion_id)
        .where(e.completion_id.in_(numbers))
        .order_by(e.heard_at, e.offset)
    )
    for number, at, fate, source in db.execute(query):
        yield (HEARD, number), Step(at, heard(source, fate), fate)


def _steps(db: Connection, numbers: Sequence[int]) -> Iterator[tuple[Key, Step]]:
    c = course_steps.c
    query = select(c.completion_id, c.heard_at, c.kind).where(c.completion_id.in_(numbers))
    for number, at, kind in db.execute(query.order_by(c.id)):
        yield (HEARD, number), Step(at, f"the learner's {kind} was kept", "kept")


def _asked_pars(db: Connection, rows: Sequence[int]) -> Iterator[tuple[Key, Step]]:
    a = attempts.c
    query = select(a.credit_row, a.at, a.action, a.outcome).where(a.credit_row.in_(rows))
    for row, at, action, outcome in db.execute(query.order_by(a.id)):
        yield (CREDIT, row), Step(at, asked(action, outcome), outcome)


def _questions(
    db: Connection, numbers: Sequence[int], rows: Sequence[int]
) -> Iterator[tuple[Key, str, Step]]:
    """What each letter is about, its ID, and when a person was last asked for."""
    c = letters.c
    about = or_(c.completion_id.in_(numbers), c.credit_row.in_(rows))
    columns = (c.id, c.status, c.reasons, c.last_failed_at, c.completion_id, c.credit_row)
    for row in db.execute(select(*columns).where(about).order_by(c.first_failed_at, c.id)):
        reason = unpack_reasons(row.reasons)[0]
        done = "" if row.status == Status.OPEN else " (dealt with)"
        what = f"a person is needed{done}: {advice(reason).happened}"
        key = (CREDIT, row.credit_row) if row.credit_row else (HEARD, row.completion_id)
        yield key, row.id, Step(row.last_failed_at, what, reason.code)


def _names(db: Connection, rows: Sequence[int]) -> Iterator[tuple[int, str]]:
    """What these credits are called, and were."""
    k, a = credits_.c, attempts.c
    own = select(k.id, k.credit_id).where(k.id.in_(rows), k.credit_id.is_not(None))
    earlier = select(a.credit_row, a.credit_id).where(a.credit_row.in_(rows))
    yield from ((row, name) for row, name in db.execute(own.union(earlier)))


def _acts(db: Connection, subjects: Sequence[str]) -> Iterator[tuple[str, Step]]:
    a = audit.c
    query = select(a.subject, a.at, a.who, a.what).where(a.subject.in_(subjects))
    for subject, at, who, what in db.execute(query.order_by(a.id)):
        yield subject, Step(at, f"{who}: {act(what)}", what)


def _in_a_row(found: Sequence[Step]) -> Iterator[Step]:
    """The same said again and again is told once, where it began."""
    last: Step | None = None
    for step in found:
        if last is not None and (last.what, last.outcome) == (step.what, step.outcome):
            last = replace(last, times=last.times + 1)
            continue
        if last is not None:
            yield last
        last = step
    if last is not None:
        yield last
