"""What an LMS completed and never told: compared by night or by a person, named, and published."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from consumer.bus.port import Message, Outgoing, Publisher
from consumer.clock import Clock
from consumer.desk.comparing import Comparing, Comparison, Found, done_for_long, window
from consumer.desk.deadletters import Shown
from consumer.desk.masking import masked_id, masked_name
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.fate import Held, NotReportable, Ready, Refused
from consumer.journey import House, hear
from consumer.ledger import reconcilebook
from consumer.ledger.ledger import Ledger
from consumer.ledger.reconcilebook import WAITING, Standing
from consumer.lms.listing import Asking, read_completions
from consumer.settings.reconcile import ReconcileSettings

_BATCH = 500
_FEW = 5
"""So few are never too large a part: a small list would else wait every time."""
BY_ITSELF = "the service"
LIST_SOURCE = "list"
"""What the shipped mapping of lists has for the LMS; it can be held too."""


class LmsHeld(Exception):
    """What the list lacks is of an LMS that is held: nothing was published."""


@dataclass(frozen=True, slots=True)
class Reconciling:
    """One list that the settings name, and what may be done about it."""

    name: str
    settings: ReconcileSettings
    ledger: Ledger
    house: House
    clock: Clock
    topic: str

    def compare(
        self, pause: Callable[[], None] | None = None, since: datetime | None = None
    ) -> Comparison:
        """Read the list and compare all of it; `pause` comes before each request to an LMS.

        Raises ListAway, ListRefused, LedgerUnavailable.
        """
        now, said = self.clock.now(), self.settings
        begin, until = window(now, said.days, said.grace_seconds)
        begin = since or begin
        listed = read_completions(
            said, Asking(self._courses(), self._done_before(begin), now, pause or self._pace)
        )
        return self._comparing(begin, until).compare(listed)

    def standing(self, found: Comparison) -> Standing:
        """What is to be done about it with nobody looking. Raises LedgerUnavailable."""
        missing, said = len(found.missing), self.settings
        if not missing:
            return Standing.CLEAN
        if not said.publish:
            return Standing.NAMED
        with self.ledger.read() as db:
            if not reconcilebook.history(db, self.name, 1):
                return Standing.FIRST
        if self.held(found):
            return Standing.HELD
        large = missing > _FEW and missing * 100 > said.most_percent * found.compared
        return Standing.MANY if large or missing > said.most else Standing.PUBLISHED

    def held(self, found: Comparison) -> list[str]:
        """LMSs behind what is missing that are held or rehearsed. Raises LedgerUnavailable.

        What comes of a list counts as the list's: by it nothing may get round their hold.
        """
        named = {LIST_SOURCE, self.settings.source}
        named |= {"moodle"} if self.settings.kind == "moodle" else set()
        with self.ledger.read() as db:
            courses = sorted({one.said.course for one in found.missing})
            return reconcilebook.held_sources(db, named, courses)

    def keep(
        self, found: Comparison, standing: Standing, who: str, night: date | None = None
    ) -> None:
        """Write down what was found and what came of it: the list is done with, by night or day.

        What was published is on the bus before. Raises LedgerUnavailable.
        """
        with self.ledger.begin() as db:
            reconcilebook.know(db, self.name)
            reconcilebook.write(
                db,
                self.clock.now(),
                name=self.name,
                since=found.since,
                who=who,
                standing=standing.value,
                compared=found.compared,
                missing=len(found.missing),
                published=len(found.missing) if standing is Standing.PUBLISHED else 0,
                taken_back=len(found.taken_back),
                not_listed=len(found.not_listed),
                counts=orjson.dumps(found.counts).decode(),
                courses=orjson.dumps(found.courses).decode(),
            )
            reconcilebook.done(db, self.name, night)

    def publish(self, found: Comparison, publisher: Publisher) -> None:
        """Put everything that is missing on the bus. Raises BusError: then all of it once more."""
        for start in range(0, len(found.missing), _BATCH):
            batch = found.missing[start : start + _BATCH]
            publisher.publish([self.event(one) for one in batch])

    def event(self, one: Found) -> Outgoing:
        """The event that says what is missing."""
        now = self.clock.now()
        return self._comparing(now, now).event(one.row)

    def _comparing(self, since: datetime, until: datetime) -> Comparing:
        return Comparing(self.ledger, self.house, self.name, self.topic, since, until)

    def publish_for(self, who: str, found: Comparison, publisher: Publisher) -> None:
        """A person has looked and says yes, whatever the bounds. Raises BusError, LmsHeld."""
        if held := self.held(found):
            raise LmsHeld(
                f"{', '.join(held)}: held or rehearsed, and so is its list: first let it go, with"
                " moc-consumer source release"
            )
        with self.ledger.begin() as db:
            told = f"{len(found.missing)} completions"
            now = self.clock.now()
            remember(db, self.ledger, now, who, "reconcile.published", self.name, told)
        self.publish(found, publisher)
        self.keep(found, Standing.PUBLISHED, who)

    def _pace(self) -> None:
        self.clock.wait(threading.Event(), 1 / self.settings.requests_per_second)

    def _courses(self) -> set[str]:
        rows = self.house.tables.activities
        return {
            course for site, course, row in rows if row.ours and site in ("", self.settings.site)
        }

    def _done_before(self, since: datetime) -> Callable[[str, Collection[str]], set[str]]:
        site = self.settings.site
        return lambda course, learners: done_for_long(self.ledger, site, course, learners, since)

    # ------------------------------------------------------------ for people

    def lines(self, found: Comparison) -> Iterator[Shown]:
        """Everything that differs, a line each, masked; of what is missing, what would become."""
        for one in found.missing:
            yield self._line("never arrived", one.said, one.activity) | {"then": self._then(one)}
        for back in found.taken_back:
            told = {"then": "taken back here, complete there: look into the LMS"}
            yield self._line("taken back", back.said, back.activity) | told
        for gone in found.not_listed:
            told = {"then": "here, but not in the list: was it taken back there?"}
            yield self._line("not in the list", gone.said, gone.activity) | told

    def _line(self, what: str, said: Any, activity: str) -> Shown:
        learners = self.house.tables.learners.find(said.site, said.learner)
        name = f"{learners[0].given_name} {learners[0].family_name}" if learners else ""
        day = said.completed.date() if isinstance(said.completed, datetime) else said.completed
        return {
            "what": what,
            "list": self.name,
            "name": masked_name(name),
            "learner": masked_id(said.learner),
            "activity": activity,
            "course": said.course,
            "completed": day.isoformat(),
        }

    def _then(self, one: Found) -> str:
        event = self.event(one)
        message = Message(event.topic, 0, 0, event.key, event.value, event.headers)
        judged = hear(message, self.house, self.clock.now())[0].judgement
        if isinstance(judged, Ready):
            return "can be reported"
        if isinstance(judged, Held | Refused):
            words = "waits" if isinstance(judged, Held) else "needs attention"
            return f"{words}: {advice(judged.reasons[0]).happened}"
        return "not reportable" if isinstance(judged, NotReportable) else "nothing"


def list_comparisons(ledger: Ledger, name: str = "", limit: int = 50) -> list[Shown]:
    """What comparisons found, newest first; of every list where `name` is blank."""
    with ledger.read() as db:
        return [_shown(row) for row in reconcilebook.history(db, name, limit)]


def list_standings(ledger: Ledger) -> dict[str, Shown]:
    """How each list stands: its newest comparison, and what is wrong with reading it."""
    with ledger.read() as db:
        return standings(db)


def standings(db: Connection) -> dict[str, Shown]:
    """The same in a view that is open already."""
    newest = reconcilebook.newest(db)
    found = {}
    for row in reconcilebook.standing(db):
        last = newest.get(row.name)
        told = _shown(last) if last else _NEVER | {"name": row.name}
        since = row.failing_since
        trouble = {
            "cause": row.cause,
            "failing_since": since.isoformat("T", "minutes") if since else "",
        }
        found[row.name] = told | trouble
    return found


def _shown(row: Row[Any]) -> Shown:
    waits = row.missing if Standing(row.standing) in WAITING else 0
    return {
        "name": row.name,
        "at": row.at.isoformat(timespec="minutes"),
        "since": row.since.date().isoformat(),
        "who": row.who,
        "standing": _WORDS[Standing(row.standing)],
        "compared": row.compared,
        "missing": row.missing,
        "published": row.published,
        "waits": waits,
        "taken_back": row.taken_back,
        "not_listed": row.not_listed,
        "counts": orjson.loads(row.counts),
        "courses": orjson.loads(row.courses),
    }


_NEVER: Shown = dict.fromkeys(("at", "since", "who", "standing"), "") | dict.fromkeys(
    ("compared", "missing", "published", "waits", "taken_back", "not_listed"), 0
)
"""Of a list that was not compared yet."""
_WORDS = {
    Standing.CLEAN: "nothing is missing",
    Standing.PUBLISHED: "what was missing is on its way",
    Standing.NAMED: "named only, as the settings say",
    Standing.FIRST: "named only: the first look at this list",
    Standing.HELD: "its LMS is held or rehearsed, and so is its list",
    Standing.MANY: "too many to be published by itself: a person decides",
}
