"""Purging a person: what would go and what stays, doing it, and once more after a backup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select

from consumer.bus.blanking import blank
from consumer.credit import WORDS, Heard, State
from consumer.desk.aside import aside_of
from consumer.desk.belongings import NOBODY, PURGED, Belongings, belongings
from consumer.desk.kin import Gathering, Kin
from consumer.desk.looking import Desk
from consumer.desk.mentions import mentioning, remove_mentions
from consumer.desk.named import name_of
from consumer.desk.parcels import Parcels
from consumer.desk.person import kin_of
from consumer.desk.trail import remember
from consumer.gateway.spool import Spool
from consumer.ledger.amending import Cells, amend
from consumer.ledger.letters import UNSETTLED
from consumer.ledger.outbox import DEAD_LETTERS
from consumer.ledger.purgeregister import PurgeRegister
from consumer.ledger.purging import held_of, purge, take_in, under_way
from consumer.ledger.schema import audit, completions, credits_, events, letters
from consumer.tables.history import History
from consumer.tables.kind import LEARNERS
from consumer.tables.without import of_these, without

_NEXT = {
    State.READY: "PARS is asked about it first: wait until it is decided, or withdraw it",
    State.SUBMITTING: "it is being sent: wait until PARS has answered",
    State.SUBMITTED: "wait until the board has decided, or withdraw it (credit withdraw)",
    State.REPORTED: "it stands in a report by file: bring its results, or undo the report",
    State.WITHDRAWING: "wait until PARS has let go of it",
    State.ATTENTION: "PARS may have it: withdraw it (credit withdraw), then wait",
}
_BRING_IN = "others may stand in it: docs/runbook.md, Posts set aside, says how it is taken"
_READ_FIRST = (
    "others may stand in it: have it read (deadletter replay), or discard it (deadletter discard)"
)


class UnderWay(Exception):
    """A credit of the person is under way with PARS, or a letter waits; nothing was purged."""

    def __init__(self, hindrances: Sequence[Hindrance]) -> None:
        super().__init__(f"{len(hindrances)} credits and letters are under way")
        self.hindrances = tuple(hindrances)


class NamesThem(ValueError):
    """The reason given would stand in the trail for good, and names whom it was about."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """A credit that PARS has not done with, or a letter or post in which others may stand.

    `standing` is how it stands, `next_step` what to do first.
    """

    name: str
    standing: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Line:
    """One place, how much lies there, and what becomes of it."""

    place: str
    count: int
    becomes: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would do; nobody is named in it. `stays` is what no command here reaches."""

    key: str
    lines: tuple[Line, ...]
    hindrances: tuple[Hindrance, ...]
    stays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Premises:
    """Where else than in the ledger things lie; `log` is None with Kafka; `spool` holds posts."""

    tables: Path
    keep_versions: int
    register: PurgeRegister
    log: Path | None = None
    spool: Path | None = None


@dataclass(frozen=True, slots=True)
class Purging:
    """One officer's purge of people."""

    desk: Desk
    premises: Premises
    who: str = ""
    why: str = ""

    def plan(self, key: str) -> Plan:
        """What a purge of the person of this key would do. Raises NoSuchPerson."""
        with self.desk.ledger.read() as db:
            return self._planned(db, key, self._of(db, key))

    def go(self, key: str) -> Plan:
        """Do it, and remember that it was done; gives what was done.

        In one transaction; what is no part of the ledger goes before that is over, so that what
        stops half-way is done whole by the same command. Raises NoSuchPerson, UnderWay, NamesThem,
        BusUnavailable, LedgerRefused for a trail that is not whole, OSError.
        """
        with self.desk.ledger.begin() as db:
            done = self._purge(db, key, self._of(db, key))
        take_in(self.desk.ledger)
        return done

    def returned(self) -> tuple[Plan, ...]:
        """What came back of people who were purged, person by person."""
        with self.desk.ledger.read() as db:
            return tuple(self._planned(db, *one) for one in self._again(db))

    def go_again(self) -> tuple[Plan, ...]:
        """Purge that once more. Raises as `go` does."""
        with self.desk.ledger.begin() as db:
            done = tuple(self._purge(db, *one) for one in [*self._again(db)])
        take_in(self.desk.ledger)
        return done

    # ------------------------------------------------------------ whose

    def _of(self, db: Connection, key: str) -> Belongings:
        return belongings(db, self.desk, kin_of(db, self.desk, key))

    def _again(self, db: Connection) -> Iterator[tuple[str, Belongings]]:
        """What came back alone: a later course of theirs is theirs to keep."""
        back = self.premises.register.returned(db)
        people = Gathering(db, self.desk.ledger, self.desk.roster).of(back.completions)
        for kin in people:
            mine = tuple(one for one in kin.completions if one in back.completions)
            only = replace(kin, completions=mine, entries=(), accounts=())
            found = belongings(db, self.desk, only)
            yield f"p{mine[0]}", found
        linked = {n for kin in people for n in held_of(db, kin.completions).credits}
        for number in sorted({*back.credits} - linked):
            nobody = Kin((), (), frozenset(), (), ())
            found = belongings(db, self.desk, nobody)
            yield f"k{number}", replace(found, held=held_of(db, (), (number,)))

    # ------------------------------------------------------------ what

    def _planned(self, db: Connection, key: str, found: Belongings) -> Plan:
        hindrances = (
            *(_hindrance(db, row) for row in under_way(db, found.held.credits)),
            *(Hindrance(one, WORDS[State.ATTENTION], _READ_FIRST) for one in _waiting(db, found)),
            *(
                Hindrance(f"post {n}", "set aside", _BRING_IN)
                for n in self._aside(found, many=True)
            ),
        )
        lines = [one for one in self._lines(db, found) if one.count]
        return Plan(key, tuple(lines), hindrances, tuple(self._stays(db, found)))

    def _lines(self, db: Connection, found: Belongings) -> Iterator[Line]:
        held, c, k, lt = found.held, completions.c, credits_.c, letters.c
        mine = (c.id.in_(held.completions), c.purged_at.is_(None))
        waits = (c.state.in_([Heard.HELD, Heard.REFUSED]), *mine)
        credit = (k.id.in_(held.credits), k.purged_at.is_(None))
        unsent = (k.state.in_([State.READY, State.ATTENTION]), *credit)
        open_ = (lt.id.in_(held.letters), lt.status.in_(UNSETTLED))
        keeps = "emptied; key, course, day and state stay, so that it is not credited again"
        yield Line("completions", _count(db, completions, *mine), keeps)
        yield Line("of these waiting", _count(db, completions, *waits), "closed: never sent")
        yield Line("credits", _count(db, credits_, *credit), f"{keeps}; CreditID and points too")
        yield Line("of these not sent", _count(db, credits_, *unsent), "closed: never sent")
        yield Line("evaluations and claims", len(held.steps), "removed")
        yield Line("dead letters", len(held.letters), "emptied, here and on their topic")
        yield Line("of these open", _count(db, letters, *open_), "closed")
        yield Line("rows of the audit trail", len(found.audit),
                   "why and values removed; who did what and when stays")  # fmt: skip
        mentioned = mentioning(db, self.desk.ledger, found.traces)
        yield Line("reasons that name them elsewhere", mentioned, "removed")
        yield Line("posts set aside", len(self._aside(found, many=False)), "removed")
        listed = sum(len(entry.rows) for entry in found.kin.entries)
        yield Line("rows of the learners table", listed, "removed, and from versions")
        yield Line("uploads that wait", self._parcels().waiting(), "removed, whoever's they are")
        if self.premises.log:
            alone = self._places(db, found)
            yield Line("events in the embedded log", len(alone), "emptied, if not yet")

    def _stays(self, db: Connection, found: Belongings) -> Iterator[str]:
        if found.held.shared:
            yield f"{len(found.held.shared)} credits that somebody else's completion stands behind"
        if self.premises.log is None:
            yield "Kafka: events on the source topics, until their retention ends"
        elif shared := len(_own_topics(found)) - len(self._places(db, found)):
            yield f"{shared} messages of the embedded log that hold events of other people too"
        yield "backups of the ledger and the tables, until you delete them"
        yield "files that were written earlier: reports, packs, exports, lists"
        yield "the LMS, and where the learners table is brought from: it would come back with that"
        yield "PARS and the board: what they were told, they keep"

    # ------------------------------------------------------------ doing it

    def _purge(self, db: Connection, key: str, found: Belongings) -> Plan:
        plan = self._planned(db, key, found)
        if found.traces.within(self.why):
            raise NamesThem("the reason names the person, and stays for good: word it without")
        if plan.hindrances:
            raise UnderWay(plan.hindrances)
        ledger, places = self.desk.ledger, self._places(db, found)
        purge(db, ledger, found.held, self.desk.clock.now())
        self._amend(db, found)
        remove_mentions(db, ledger, found.traces)
        counts = {line.place: str(line.count) for line in plan.lines}
        remember(
            db,
            ledger,
            self.desk.clock.now(),
            self.who,
            "learner.purged",
            key,
            self.why,
            after=counts,
        )
        # From here on nothing refuses it any more, and what goes does not come back.
        self.premises.register.put(db, found.held, self.desk.clock.now())
        self._outside(found, places)
        return plan

    def _amend(self, db: Connection, found: Belongings) -> None:
        a = audit.c
        rows = db.execute(select(a.id, a.subject, a.why, a.change).where(a.id.in_(found.audit)))
        bare = {}
        for row in rows:
            named = row.subject in found.named or found.traces.within(row.subject)
            cells = Cells(NOBODY if named else row.subject, "", None)
            if cells != Cells(row.subject, row.why, row.change):
                bare[row.id] = cells
        if bare:
            amend(db, self.desk.ledger, self.desk.clock.now(), PURGED, bare)

    def _outside(self, found: Belongings, places: Sequence[tuple[str, int]]) -> None:
        """The tables with their versions, uploads, and the embedded log."""
        if found.rows:
            history = History(self.premises.tables, LEARNERS, self.premises.keep_versions)
            gone = of_these(found.rows)
            history.rewrite(lambda content: without(content, gone))
        self._parcels().drop_all()
        if self.premises.spool and (aside := self._aside(found, many=False)):
            with closing(self._spool()) as spool:
                spool.drop(aside)
        if self.premises.log:
            keyed = [(DEAD_LETTERS, one.encode()) for one in found.held.letters]
            blank(self.premises.log, places, keyed)

    def _aside(self, found: Belongings, *, many: bool) -> list[int]:
        if self.premises.spool is None or not self.premises.spool.exists():
            return []
        with closing(self._spool()) as spool:
            return aside_of(spool, found.traces, many=many)

    def _spool(self) -> Spool:
        return Spool(self.premises.spool or Path(), self.desk.ledger.seal, self.desk.clock)

    def _parcels(self) -> Parcels:
        return Parcels(self.premises.tables, self.desk.ledger.seal, self.desk.clock)

    def _places(self, db: Connection, found: Belongings) -> list[tuple[str, int]]:
        """The events of the log that are theirs alone: nobody else's is lost with them."""
        theirs, e = {*found.held.completions}, events.c
        alone = []
        for topic, offset in _own_topics(found):
            here = (e.topic == topic, e.partition == 0, e.offset == offset)
            said = db.scalars(select(e.completion_id).where(*here)).all()
            if said in ([], [None]) or {*said} <= theirs:
                alone.append((topic, offset))
        return alone


def _waiting(db: Connection, found: Belongings) -> Sequence[str]:
    """Letters of messages that were never read, and are to be: events of others may be in them."""
    lt = letters.c
    query = select(lt.id).where(lt.id.in_(found.unread), lt.status.in_(UNSETTLED))
    return db.scalars(query.order_by(lt.id)).all()


def _own_topics(found: Belongings) -> list[tuple[str, int]]:
    return [(topic, offset) for topic, partition, offset in found.held.places if partition == 0]


def _hindrance(db: Connection, row: Row[Any]) -> Hindrance:
    state = State(row.state)
    return Hindrance(name_of(db, row), WORDS[state], _NEXT.get(state, _NEXT[State.SUBMITTING]))


def _count(db: Connection, table: Any, *where: Any) -> int:
    return db.scalar(select(func.count()).select_from(table).where(*where)) or 0
