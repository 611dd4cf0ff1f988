"""What a backfill would lead to: every event judged as if it was heard, and nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from consumer.backfill.old import Broken, Old
from consumer.bus.port import Message
from consumer.clock import Clock
from consumer.desk.comparing import never_heard
from consumer.desk.words import advice
from consumer.fate import Held, Ignored, Judgement, NotReportable, Ready, Refused
from consumer.journey import Heard, House, hear
from consumer.ledger.bulk import known_among
from consumer.ledger.digests import Digests
from consumer.ledger.ledger import Ledger
from consumer.ledger.newcomers import known_events
from consumer.ledger.reconcilebook import known as rows_of
from consumer.ledger.schema import credits_
from consumer.mapping.said import Kind, Said
from consumer.pars.document import CENTRAL
from consumer.participant import Record
from consumer.reason import Reason, Stage

TAKEN = "taken in before"
KNOWN = "known already: no second credit"
TWICE = "twice among these: no second credit"
READY = "would be reported"
WAITS = "would wait"
NOT_REPORTABLE = "would not be reported"
REFUSED = "would need a person"
SAYS_MORE = "says more of a completion: an evaluation, a claim, or that it is taken back"
IGNORED = "says nothing to us"

_BATCH = 200


@dataclass(slots=True)
class Plan:
    """What was counted; nothing personal in it."""

    events: int = 0
    first: date | None = None
    last: date | None = None
    mappings: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    why: dict[str, Counter[str]] = field(default_factory=dict)
    credits: int = 0
    late: int = 0
    closed: int = 0
    profiles: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    @property
    def new(self) -> int:
        """How many events the ledger knows nothing of."""
        return self.events - sum(self.fates[one] for one in (TAKEN, KNOWN, TWICE, IGNORED))

    @property
    def refused(self) -> int:
        """How many would become dead letters."""
        return self.fates[REFUSED]

    def count(self, fate: str, why: str = "") -> None:
        """One event more of this fate."""
        self.fates[fate] += 1
        if why:
            self.why.setdefault(fate, Counter())[why] += 1

    def completed(self, said: Said) -> None:
        """From when to when."""
        day = said.instant.date()
        self.first = min(day, self.first or day)
        self.last = max(day, self.last or day)


class Planner:
    """Judges events a batch at a time; the ledger is only read, and nobody waits for it."""

    def __init__(self, ledger: Ledger, house: House, clock: Clock, source: str = "") -> None:
        """`source`: the LMS they come from; an event of another is none of these. Blank: any."""
        self._ledger, self._house, self._clock, self._source = ledger, house, clock, source
        self._digests, self._met = Digests(ledger.identity), set[str]()
        self.plan = Plan()

    def look(self, old: Old) -> Iterator[int]:
        """Look at everything, taken before or not; gives how many, a batch at a time.

        Raises SchemasAway, LedgerUnavailable, BusUnavailable, OSError.
        """
        batch: list[Message] = []
        for one in old.read({}):
            if isinstance(one, Broken):
                self.plan.broken.append(one)
            else:
                batch.append(one)
            if len(batch) >= _BATCH:
                self._take(batch, old)
                yield len(batch)
                batch = []
        self._take(batch, old)
        yield len(batch)

    def _take(self, batch: Sequence[Message], old: Old) -> None:
        now = self._clock.now()
        heard = [(m, what) for m in batch for what in hear(m, self._house, now)]
        if old.can_be_mended:
            heard = [pair for pair in heard if not self._is_broken(*pair, old)]
        taken, known = self._known([m for m, _ in heard], [what for _, what in heard])
        for message, what in heard:
            self.plan.events += 1
            place = (message.topic, message.partition, message.offset)
            if (*place, self._digests.of(message, what.part)) in taken:
                self.plan.count(TAKEN)
            else:
                self._count(what, known, now)

    def _is_broken(self, message: Message, what: Heard, old: Old) -> bool:
        why = no_event(what, self._source)
        if why:
            self.plan.broken.append(Broken(old.name, message.offset, why))
        return bool(why)

    def _known(
        self, messages: Sequence[Message], heard: Sequence[Heard]
    ) -> tuple[set[tuple[str, int, int, str]], set[str]]:
        own = {key for what in heard for key in self._keys(what)}
        with self._ledger.read() as db:
            taken = known_events(db, messages)
            heard_of = {one for one, row in rows_of(db, own).items() if not never_heard(row)}
            return taken, heard_of | known_among(db, credits_.c.key, own)

    def _keys(self, what: Heard) -> list[str]:
        """The completion's key, then those of its credits; none of what is no completion."""
        if (said := what.said) is None or said.kind is not Kind.COMPLETION:
            return []
        identity = self._ledger.identity
        own = identity.completion_key(said.site, said.learner, said.course, said.occurrence)
        return [own, *(identity.credit_key(one) for one in _records(what.judgement))]

    def _count(self, what: Heard, known: set[str], now: datetime) -> None:
        plan = self.plan
        if what.mapping:
            plan.mappings[f"{what.mapping} {what.version}"] += 1
        if isinstance(what.judgement, Ignored):
            plan.count(IGNORED)
            return
        if what.said is not None:
            plan.completed(what.said)
        keys = self._keys(what)
        own, credit = keys[:1], keys[1:]
        if what.said is not None and what.said.kind is not Kind.COMPLETION:
            plan.count(SAYS_MORE)
        elif _is_among(own, credit, known):
            plan.count(KNOWN)
        elif _is_among(own, credit, self._met):
            plan.count(TWICE)
        else:
            self._judged(what.judgement, now)
        self._met.update(keys)

    def _judged(self, judgement: Judgement, now: datetime) -> None:
        plan, today = self.plan, now.astimezone(CENTRAL).date()
        match judgement:
            case Ready(records):
                plan.count(READY)
                plan.credits += len(records)
                plan.profiles.update(one.profile for one in records)
                self._deadlines([(one.report_by, one.closes_on) for one in records], today)
            case Held(reasons, report_by, closes_on):
                plan.count(WAITS, advice(reasons[0]).happened)
                self._deadlines([(report_by, closes_on)], today)
            case NotReportable(reason):
                plan.count(NOT_REPORTABLE, advice(reason).happened)
            case Refused(reasons):
                plan.count(REFUSED, advice(reasons[0]).happened)

    def _deadlines(self, days: Iterable[tuple[date | None, date | None]], today: date) -> None:
        pairs = [*days]
        self.plan.late += any(by is not None and by < today for by, _ in pairs)
        self.plan.closed += any(on is not None and on < today for _, on in pairs)


def no_event(what: Heard, source: str) -> str:
    """Why this is no event of these, blank if it is one."""
    if isinstance(what.judgement, Refused) and what.said is None and not what.mapping:
        reason = what.judgement.reasons[0]
        if reason.stage is Stage.DECODE:
            return _unreadable(reason)
    own = what.mapping.partition("/")[0]
    return f"an event of {own}, not of {source}" if source and own and own != source else ""


def _unreadable(reason: Reason) -> str:
    told = advice(reason).happened
    return f"{told}: {reason.detail}" if reason.detail else told


def _is_among(own: Sequence[str], credit: Sequence[str], known: set[str]) -> bool:
    return not known.isdisjoint(own) or (bool(credit) and known.issuperset(credit))


def _records(judgement: Judgement | Ignored) -> tuple[Record, ...]:
    return judgement.records if isinstance(judgement, Ready) else ()
