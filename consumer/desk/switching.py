"""The desk's switches: an activity or a source is held, rehearsed, or goes by itself again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from consumer.clock import Clock
from consumer.credit import State
from consumer.desk.auditscope import find_scope
from consumer.desk.deadletters import Shown
from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions, credits_, surges, switches
from consumer.ledger.switches import concerned, mode_of, turn, withheld_as
from consumer.release import Mode, Subject
from consumer.tables import Tables

_REMEMBERED = {
    (Subject.ACTIVITY, Mode.HOLD): "activity.held",
    (Subject.ACTIVITY, Mode.SHADOW): "activity.rehearsed",
    (Subject.ACTIVITY, Mode.AUTOMATIC): "activity.released",
    (Subject.SOURCE, Mode.HOLD): "source.held",
    (Subject.SOURCE, Mode.SHADOW): "source.rehearsed",
    (Subject.SOURCE, Mode.AUTOMATIC): "source.released",
}
_AT_PARS = (State.SUBMITTED, State.REPORTED, State.ACCEPTED, State.REJECTED, State.WITHDRAWING)


class NoSuchSource(Exception):
    """No mapping knows this LMS, and nothing was heard of it."""


@dataclass(frozen=True, slots=True)
class Turning:
    """What a switch stands at, and what turning it would mean for the credits there are.

    `ready` could be sent now, `waiting` and `rehearsed` stand still, `released` were let go and
    are not sent yet, `under_way` are being sent and will be finished, `at_pars` are followed on.
    """

    kind: Subject
    names: tuple[str, ...]
    modes: tuple[Mode, ...]
    ready: int
    waiting: int
    rehearsed: int
    released: int
    under_way: int
    at_pars: int


@dataclass(frozen=True, slots=True)
class Switching:
    """One person turns switches; who, and why, is remembered."""

    ledger: Ledger
    clock: Clock
    who: str
    why: str

    def plan(self, kind: Subject, names: Collection[str]) -> Turning:
        """How the credits of these activities or sources stand now."""
        with self.ledger.read() as db:
            return _turning(db, kind, names)

    def turn(self, kind: Subject, names: Collection[str], mode: Mode) -> Turning:
        """Turn the switch of each; gives how their credits stand then.

        No process sends anything withheld from then on; what is being sent this moment is finished.
        Held again, what was released and is not sent yet waits anew.
        """
        now = self.clock.now()
        with self.ledger.begin() as db:
            for name in names:
                changed = {
                    "before": {"mode": mode_of(db, kind, name).value},
                    "after": {"mode": mode.value},
                }
                turn(db, self.ledger, kind, name, mode, now, self.who, self.why)
                what = _REMEMBERED[kind, mode]
                remember(db, self.ledger, now, self.who, what, name[:300], self.why, **changed)
            if mode is not Mode.AUTOMATIC:
                released = credits_.c.released_at.is_not(None)
                anew = update(credits_).where(concerned(kind, names), released)
                db.execute(anew.values(released_at=None))
            return _turning(db, kind, names)


def _turning(db: Connection, kind: Subject, names: Collection[str]) -> Turning:
    c, standing = credits_.c, withheld_as().label("standing")
    query = select(c.state, standing, c.released_at.is_not(None).label("let_go"), func.count())
    query = query.where(concerned(kind, names)).group_by(c.state, "standing", "let_go")
    counts: Counter[str] = Counter()
    for state, mode, let_go, count in db.execute(query):
        counts[f"{state} {mode}".strip()] += count
        counts["released"] += count * (state == State.READY and not mode and let_go)
    return Turning(
        kind,
        tuple(sorted(names)),
        tuple(mode_of(db, kind, name) for name in sorted(names)),
        ready=counts[State.READY],
        waiting=counts[f"{State.READY.value} {Mode.HOLD.value}"],
        rehearsed=counts[f"{State.READY.value} {Mode.SHADOW.value}"],
        released=counts["released"],
        under_way=counts[State.SUBMITTING],
        at_pars=sum(counts[state] for state in _AT_PARS),
    )


def activities_named(ledger: Ledger, tables: Tables, wanted: str) -> tuple[str, ...]:
    """The office's own names of an activity, given one of them or a PARS ID. Raises NoSuchActivity.

    An activity may be held before anything of it was heard.
    """
    with ledger.read() as db:
        scope = find_scope(db, tables, wanted)
    return tuple(sorted({name for name, _ in scope.pairs}))


def known_source(ledger: Ledger, mapped: Collection[str], wanted: str) -> str:
    """The source, if a mapping or the ledger knows it. Raises NoSuchSource."""
    with ledger.read() as db:
        heard = select(completions.c.id).where(completions.c.source == wanted).limit(1)
        if wanted in mapped or db.scalar(heard) is not None:
            return wanted
    raise NoSuchSource(f"no source {wanted}; there are: {', '.join(sorted(mapped))}")


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """What keeps a source from being sent: a coordinator's switch, a surge of refusals, or both."""

    mode: Mode
    surge: bool


def standing_of_source(ledger: Ledger, name: str) -> SourceStanding:
    """How a source stands; one that nobody knows is automatic."""
    surge = select(surges.c.source).where(surges.c.source == name).limit(1)
    with ledger.read() as db:
        mode = mode_of(db, Subject.SOURCE, name)
        return SourceStanding(mode, db.scalar(surge) is not None)


def list_switches(ledger: Ledger) -> list[Shown]:
    """What is held or rehearsed, a row each: since when, by whom and why."""
    s = switches.c
    with ledger.read() as db:
        rows = db.execute(select(switches).order_by(s.kind, s.name)).all()
    return [
        {
            "kind": row.kind,
            "name": row.name,
            "release": row.mode,
            "since": row.since.isoformat(timespec="seconds"),
            "by": row.who,
            "why": ledger.seal.open(row.why.encode()).decode(),
        }
        for row in rows
    ]
