"""The report of one activity: how many credits stand where, and what keeps the others; counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from consumer.clock import Clock
from consumer.credit import Heard, State
from consumer.desk.auditlines import AuditLines
from consumer.desk.auditscope import Scope, find_scope
from consumer.desk.words import Advice, advice
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, credits_, events
from consumer.ledger.switches import modes, withheld_as
from consumer.reason import Reason, unpack_reasons
from consumer.release import Mode, Subject
from consumer.tables import Tables


class Standing(StrEnum):
    """How a credit of the activity stands, or a completion that is none yet; in this order."""

    ELIGIBLE = "eligible"
    HELD = "waiting_for_learner"
    ATTENTION = "needs_attention"
    NOT_REPORTABLE = "not_reportable"
    WAITING = "waiting_for_release"
    REHEARSAL = "rehearsal"
    READY = "ready"
    SENT = "sent_to_pars"
    BY_FILE = "reported_by_file"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LEAVING = "being_withdrawn"
    WITHDRAWN = "withdrawn"
    DUPLICATES = "duplicates"


HEADINGS = {
    Standing.ELIGIBLE: "Eligible",
    Standing.HELD: "Waiting for learner",
    Standing.ATTENTION: "Needs attention",
    Standing.NOT_REPORTABLE: "Not reportable",
    Standing.WAITING: "Waiting for release",
    Standing.REHEARSAL: "Rehearsal",
    Standing.READY: "Ready",
    Standing.SENT: "Sent to PARS",
    Standing.BY_FILE: "Reported by file",
    Standing.ACCEPTED: "Accepted by the board",
    Standing.REJECTED: "Rejected by the board",
    Standing.LEAVING: "Being withdrawn",
    Standing.WITHDRAWN: "Withdrawn",
    Standing.DUPLICATES: "Duplicates",
}
"""What people read. Eligible: every credit but the withdrawn. Duplicates: events heard again."""
_OF_CREDIT = {
    State.READY: Standing.READY,
    State.SUBMITTING: Standing.READY,
    State.SUBMITTED: Standing.SENT,
    State.REPORTED: Standing.BY_FILE,
    State.ACCEPTED: Standing.ACCEPTED,
    State.REJECTED: Standing.REJECTED,
    State.ATTENTION: Standing.ATTENTION,
    State.WITHDRAWING: Standing.LEAVING,
    State.WITHDRAWN: Standing.WITHDRAWN,
}
_OF_MODE = {Mode.HOLD.value: Standing.WAITING, Mode.SHADOW.value: Standing.REHEARSAL}
_OF_COMPLETION = {
    Heard.HELD: Standing.HELD,
    Heard.REFUSED: Standing.ATTENTION,
    Heard.NOT_REPORTABLE: Standing.NOT_REPORTABLE,
    Heard.RETRACTED: Standing.WITHDRAWN,
}
_STOPPED = (State.ATTENTION, State.REJECTED, State.READY)

# What another credit took the place of before it left was never one of PARS's.
_TAKEN_BACK = or_(
    credits_.c.submitted_at.is_not(None),
    exists().where(completion_credits.c.credit_id == credits_.c.id, completion_credits.c.stands),
)

_AT_ONCE = 500

Counts = Mapping[Standing, int]


@dataclass(frozen=True, slots=True)
class Why:
    """What keeps some credits, or completions that are none yet; nothing personal in it."""

    standing: Standing
    pars_activity_id: str
    happened: str
    who: str
    next_step: str
    count: int


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """One activity at one moment; `periods` by PARS ID, blank for a course of another provider."""

    activity: str
    prepared_at: datetime
    release: Mode
    periods: Mapping[str, Counts]
    because: tuple[Why, ...] = field(default=())

    @property
    def totals(self) -> Counts:
        """Of all periods together."""
        total: Counter[Standing] = Counter()
        for counts in self.periods.values():
            total.update(counts)
        return {one: total[one] for one in Standing}


def report_on(
    ledger: Ledger, tables: Tables, wanted: str, clock: Clock
) -> tuple[ActivityReport, Scope]:
    """The report on an activity, by its own name or a PARS ID. Raises NoSuchActivity."""
    with ledger.read() as db:
        scope = find_scope(db, tables, wanted)
        counts = _Counts(db, ledger, tables, scope)
        names = sorted({name for name, _ in scope.pairs})
        turned = modes(db, Subject.ACTIVITY)
        mode = next((turned[name] for name in names if name in turned), Mode.AUTOMATIC)
        periods = counts.periods()
        report = ActivityReport(", ".join(names), clock.now(), mode, periods, counts.because())
        return report, scope


def credit_counts(db: Connection) -> dict[tuple[str, str], Counter[Standing]]:
    """How the credits of every activity stand, by its own name and PARS ID."""
    k, mode = credits_.c, withheld_as().label("mode")
    query = select(k.activity, k.pars_activity_id, k.state, mode, func.count())
    query = query.where(or_(k.state != State.WITHDRAWN, _TAKEN_BACK))
    found: defaultdict[tuple[str, str], Counter[Standing]] = defaultdict(Counter)
    for name, number, state, withheld, count in db.execute(
        query.group_by(k.activity, k.pars_activity_id, k.state, "mode")
    ):
        found[name, number][_OF_MODE.get(withheld) or _OF_CREDIT[State(state)]] += count
    return found


class _Counts:
    """Counts over one view of the ledger."""

    def __init__(self, db: Connection, ledger: Ledger, tables: Tables, scope: Scope) -> None:
        self._db, self._scope = db, scope
        self._lines = AuditLines(db, ledger, tables, scope)
        self._found: defaultdict[str, Counter[Standing]] = defaultdict(Counter)
        self._without: defaultdict[str, list[int]] = defaultdict(list)
        self._why: Counter[tuple[Standing, str, Reason]] = Counter()
        for _, number in scope.pairs:
            self._found[number] = Counter()

    def periods(self) -> dict[str, Counts]:
        """By PARS ID, oldest first."""
        self._count_credits()
        self._count_completions()
        for number in self._found:
            self._found[number][Standing.DUPLICATES] = self._duplicates(number)
        found = sorted(self._found.items())
        return {number: {one: counts[one] for one in Standing} for number, counts in found}

    def because(self) -> tuple[Why, ...]:
        """Why, the most frequent first."""
        return tuple(self._told())

    def _told(self) -> Iterator[Why]:
        told: Counter[tuple[Standing, str, Advice]] = Counter()
        for (standing, number, reason), count in self._why.items():
            told[standing, number, advice(reason)] += count
        for (standing, number, words), count in told.most_common():
            yield Why(standing, number, words.happened, words.who, words.how, count)

    def _count_credits(self) -> None:
        k, mode = credits_.c, withheld_as().label("mode")
        query = select(k.pars_activity_id, k.state, mode, k.reasons, func.count())
        query = query.where(self._scope.credits(), or_(k.state != State.WITHDRAWN, _TAKEN_BACK))
        grouped = query.group_by(k.pars_activity_id, k.state, "mode", k.reasons)
        for number, state, withheld, packed, count in self._db.execute(grouped):
            standing = _OF_MODE.get(withheld) or _OF_CREDIT[State(state)]
            self._found[number][standing] += count
            self._found[number][Standing.ELIGIBLE] += count * (state != State.WITHDRAWN)
            if state in _STOPPED:
                for reason in unpack_reasons(packed)[:1]:
                    self._why[standing, number, reason] += count

    def _count_completions(self) -> None:
        told = self._lines.without_credit()
        while some := [*islice(told, _AT_ONCE)]:
            sent = self._credited([completion for completion, *_ in some])
            for completion, state, reasons, rows in some:
                if state is Heard.RETRACTED and sent.get(completion):
                    continue  # its credit is counted
                number = rows[-1].pars_activity_id
                standing = _OF_COMPLETION[state]
                self._found[number][standing] += 1
                if completion not in sent:
                    self._without[number].append(completion)
                for reason in reasons[:1]:
                    self._why[standing, number, reason] += 1

    def _credited(self, numbers: list[int]) -> dict[int, bool]:
        """Those of these completions that have a credit, and whether one was sent."""
        link, k = completion_credits.c, credits_.c
        query = select(link.completion_id, func.count(k.submitted_at))
        query = query.join(credits_, k.id == link.credit_id).where(link.completion_id.in_(numbers))
        rows = self._db.execute(query.group_by(link.completion_id))
        return {number: count > 0 for number, count in rows}

    def _duplicates(self, number: str) -> int:
        """Events that said again what a credit of this period, or what is none yet, stands on."""
        link, k = completion_credits.c, credits_.c
        ours = select(link.completion_id).join(credits_, k.id == link.credit_id)
        ours = ours.where(self._scope.credits(), k.pars_activity_id == number)
        count = self._again(events.c.completion_id.in_(ours))
        others = self._without[number]
        for first in range(0, len(others), _AT_ONCE):
            count += self._again(events.c.completion_id.in_(others[first : first + _AT_ONCE]))
        return count

    def _again(self, which: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(events).where(which, events.c.fate == "duplicate")
        return self._db.scalar(query) or 0
