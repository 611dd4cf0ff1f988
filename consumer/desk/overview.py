"""The front page: how much stands where, what flows, what is near its end; cheap to ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, func, select

from consumer.credit import Heard, State
from consumer.desk.lists import (
    LISTS,
    MOVING,
    asked,
    consent_asked,
    credits_at_risk,
    heard_at_risk,
    partly,
    partly_at_risk,
    rejected,
    stands_still,
    to_release,
    unasked_completions,
    unasked_credits,
    unmatched,
)
from consumer.desk.looking import Desk, Moment, minute
from consumer.desk.stepwords import lms
from consumer.ledger.schema import completions, credits_, events, letters, lines

_c, _k = completions.c, credits_.c
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ParsState:
    """One profile's PARS: `words` say how it stands, `good` whether nothing is wrong."""

    profile: str
    words: str
    good: bool
    last_answer: str


@dataclass(frozen=True, slots=True)
class SourceState:
    """One LMS: when a completion that was new was last heard of it, and whether it is held."""

    source: str
    name: str
    last_heard: str
    held: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """`lists` counts each work list; `today` and `week` what came of events, by fate.

    `backlog` is what is ready and not sent, `oldest` since when. `verdicts` are how many credits
    the board has accepted and rejected in all, `decided` within seven days. What is due within
    so many days has the late ones with it.
    """

    at: str
    lists: Mapping[str, int]
    today: Mapping[str, int]
    week: Mapping[str, int]
    backlog: int
    oldest: str
    verdicts: Mapping[str, int]
    decided: Mapping[str, int]
    due_in_7_days: int
    due_in_30_days: int
    pars: tuple[ParsState, ...]
    sources: tuple[SourceState, ...]


def overview(desk: Desk) -> Overview:
    """How things stand now."""
    with desk.ledger.read() as db:
        moment = desk.moment(db)
        states, heard = credit_states(db), heard_states(db)
        counts = list_counts(db, moment, states, heard)
        day = moment.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return Overview(
            at=moment.now.isoformat(timespec="seconds"),
            lists={name: counts[name] for name in LISTS},
            today=_flow(db, day),
            week=_flow(db, day - 6 * _DAY),
            backlog=states[State.READY] + states[State.SUBMITTING],
            oldest=_oldest(db),
            verdicts={s.value: states[s] for s in (State.ACCEPTED, State.REJECTED)},
            decided=decided_since(db, moment.now - 7 * _DAY),
            due_in_7_days=due_before(db, moment.watch.today + 7 * _DAY),
            due_in_30_days=due_before(db, moment.watch.today + 30 * _DAY),
            pars=tuple(_pars(db, desk, moment)),
            sources=tuple(_sources(db, moment)),
        )


def credit_states(db: Connection) -> Counter[str]:
    """How many credits are in each state."""
    return _tally(db, select(_k.state, func.count()).group_by(_k.state))


def heard_states(db: Connection) -> Counter[str]:
    """How many completions are in each state."""
    return _tally(db, select(_c.state, func.count()).group_by(_c.state))


def _count(db: Connection, query: Select[int]) -> int:
    return int(db.scalar(query) or 0)


def _tally(db: Connection, query: Select[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, count in db.execute(query):
        found[name] = count
    return found


def list_counts(
    db: Connection, moment: Moment, states: Counter[str], heard: Counter[str]
) -> Mapping[str, int]:
    """How much stands in each work list; the states are those that were counted already."""

    def of_credits(which: ColumnElement[bool]) -> int:
        return _count(db, select(func.count(_k.id)).where(which))

    def of_completions(which: ColumnElement[bool]) -> int:
        return _count(db, select(func.count(_c.id)).where(which))

    strange = of_credits(unmatched())
    still = of_credits(to_release()) if stands_still(db) else 0
    return {
        "attention": _count(db, select(func.count(letters.c.id)).where(asked()))
        + of_credits(unasked_credits())
        + of_completions(unasked_completions()),
        "consent": _count(db, select(func.count(letters.c.id)).where(consent_asked())),
        "waiting": heard[Heard.HELD] + of_completions(partly()) + strange,
        "at_risk": due_before(db, moment.watch.until),
        "rejected": of_credits(rejected()) if states[State.REJECTED] else 0,
        "release": still,
        "on_its_way": sum(states[state] for state in (State.READY, *MOVING)) - strange - still,
        "not_reportable": heard[Heard.NOT_REPORTABLE],
    }


def _flow(db: Connection, since: datetime) -> Mapping[str, int]:
    e = events.c
    query = select(e.fate, func.count()).where(e.heard_at >= since).group_by(e.fate)
    return dict(_tally(db, query))


def _oldest(db: Connection) -> str:
    """Numbers are given in order: the lowest is the one that waits longest."""
    first = select(func.min(_k.id)).where(_k.state == State.READY)
    at = db.scalar(select(_k.created_at).where(_k.id == first.scalar_subquery()))
    return at.isoformat(timespec="seconds") if at else ""


def decided_since(db: Connection, since: datetime) -> Mapping[str, int]:
    """How many credits the board has accepted and rejected since then."""
    # Not the bare state: its index would be gone through from end to end.
    state = _k.state + ""
    query = select(state, func.count()).where(_k.decided_at >= since).group_by(state)
    found = _tally(db, query)
    return {one.value: found[one] for one in (State.ACCEPTED, State.REJECTED)}


def due_before(db: Connection, until: date) -> int:
    """How much that is not reported has its deadline before that day."""
    of_credits = select(func.count(_k.id)).where(credits_at_risk(until))
    heard = [select(func.count(_c.id)).where(one(until)) for one in (heard_at_risk, partly_at_risk)]
    return _count(db, of_credits) + sum(_count(db, one) for one in heard)


def _pars(db: Connection, desk: Desk, moment: Moment) -> Iterator[ParsState]:
    for row in db.execute(select(lines).order_by(lines.c.profile)):
        away = moment.away.get(row.profile)
        words = away.words if away else "it answers"
        last = minute(row.last_success_at)
        yield ParsState(row.profile, words, away is None, last)
    for profile in sorted(desk.by_file):
        yield ParsState(profile, "reported by file", good=True, last_answer="")


def _sources(db: Connection, moment: Moment) -> Iterator[SourceState]:
    source = ""
    # From one to the next: there are few of them, and many completions.
    while source := db.scalar(select(func.min(_c.source)).where(_c.source > source)) or "":
        newest = select(func.max(_c.id)).where(_c.source == source).scalar_subquery()
        at = db.scalar(select(_c.heard_at).where(_c.id == newest))
        heard = at.isoformat(timespec="seconds") if at else ""
        yield SourceState(source, lms(source), heard, source in moment.held)
