"""PARS's four operations over the books, whatever the language they are asked for in."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from consumer.clock import Clock
from consumer.pars.contract import CompletedForm, Placement, UniqueIDForm
from consumer.pars.document import Report
from consumer.pars.port import Action
from consumer.pars.simulator.activity import Activities
from consumer.pars.simulator.books import Books, Entry, board_of, key
from consumer.pars.simulator.question import LearnerQuestion, MatchQuestion
from consumer.pars.simulator.roster import Roster, agrees, born
from consumer.pars.simulator.rule import Case, Refusal, refusal_of


class Policy(StrEnum):
    """What PARS does about a credit it already has; its real rule is not public (dossier 4.3)."""

    SUCCESS = "success"
    REFUSAL = "refusal"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Manners:
    """How this PARS behaves; delays in seconds of the clock it is given.

    `duplicate` is the answer to a CreditID that is live (success or refusal), `second_credit` that
    to the same credit under another CreditID (store or refusal). A record stays invisible to
    status questions for `visible_after_seconds`. `unique_id_form` is what it takes in JSON,
    `credentials_in` and `completed_form` the only place and form it takes, None for any.
    `wording` replaces texts of refusals and words of statuses.
    """

    board_delay_seconds: float = 0.0
    visible_after_seconds: float = 0.0
    duplicate: Policy = Policy.REFUSAL
    second_credit: Policy = Policy.STORE
    unique_id_form: UniqueIDForm = UniqueIDForm.LIST
    credentials_in: Placement | None = None
    completed_form: CompletedForm | None = None
    wording: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as a status question shows it; `reason` is the board's, "" unless rejected."""

    report: Report
    status: str
    reason: str


_EXISTS = Refusal("Record already exists", code="Report already exists", conflict=True)
_UNKNOWN = Refusal("Credit record does not exist")
_REUSED = Refusal("CreditID was deleted and may not be used again")
_DIFFERS = Refusal("Deletion does not repeat what was stored")
_FORM = Refusal("Invalid input: CompletedDateTime")
_ONE_EACH = Refusal("Exactly one report per request", code="Operation not supported")


class Operations:
    """The services; every method may be called from any thread."""

    def __init__(
        self, roster: Roster, activities: Activities, manners: Manners, clock: Clock
    ) -> None:
        self._roster = roster
        self._activities = activities
        self._manners = manners
        self._clock = clock
        self._books = Books(manners.board_delay_seconds)
        self._lock = threading.Lock()

    def save(self, caller: str, reports: Sequence[Report]) -> Refusal | None:
        """SaveLearnerActivity: stores or deletes, else says why not."""
        with self._lock:
            refusal = self._settle(caller, reports[0]) if len(reports) == 1 else _ONE_EACH
            self._books.refused += refusal is not None
        return None if refusal is None else self._in_words(refusal)

    def _in_words(self, refusal: Refusal) -> Refusal:
        code, message = map(self._worded, (refusal.code, refusal.message))
        return replace(refusal, code=code, message=message)

    def _worded(self, text: str) -> str:
        return self._manners.wording.get(text, text)

    def status(self, caller: str, credit_id: str) -> list[Seen]:
        """GetLearnerStatusByCreditId; nothing of what is unknown, deleted or another's."""
        with self._lock:
            entry = self._books.live(credit_id)
            return self._seen(caller, [] if entry is None else [entry])

    def status_by_learner(self, caller: str, question: LearnerQuestion) -> list[Seen]:
        """GetLearnerStatusByLearner: every live credit that fits the four fields."""
        with self._lock:
            return self._seen(caller, [one for one in self._books if self._fits(one, question)])

    def match(self, question: MatchQuestion) -> bool:
        """GetLearnerMatch: whether the board knows the learner."""
        person = self._roster.among([question.unique_id])
        return person is not None and agrees(person, question.family_name, question.birth_date)

    def as_json(self) -> dict[str, Any]:
        """The books, see Books.as_json."""
        with self._lock:
            return self._books.as_json(self._clock.now())

    def _settle(self, caller: str, report: Report) -> Refusal | None:
        if report.action is Action.DELETE:
            return self._delete(caller, report)
        if self._manners.completed_form not in (None, report.completed_form):
            return _FORM
        self._books.posted(report.credit_id)
        known = self._books.known(report.credit_id)
        if known is not None:
            return self._again(known)
        return self._add(caller, report)

    def _add(self, caller: str, report: Report) -> Refusal | None:
        now = self._clock.now()
        activity = self._activities.get(report.activity_id)
        person = self._roster.among([board_of(report)])
        refusal = refusal_of(Case(report, caller, activity, person, now))
        if refusal is None and self._second(report):
            refusal = _EXISTS
        if refusal is None:
            board_says = (one.board_rejects for one in (person, activity) if one is not None)
            self._books.add(report, now, rejected_for=next(filter(None, board_says), ""))
        return refusal

    def _again(self, known: Entry) -> Refusal | None:
        """The answer to an `add` of a CreditID that was stored before: never a second record."""
        if known.deleted:
            return _REUSED
        return None if self._manners.duplicate is Policy.SUCCESS else _EXISTS

    def _second(self, report: Report) -> bool:
        return self._manners.second_credit is Policy.REFUSAL and self._books.credited(report)

    def _delete(self, caller: str, report: Report) -> Refusal | None:
        entry = self._books.live(report.credit_id)
        if entry is None or entry.report.provider_id != caller:
            return _UNKNOWN
        if key(entry.report) != key(report):
            return _DIFFERS
        self._books.delete(entry)
        return None

    def _seen(self, caller: str, entries: Sequence[Entry]) -> list[Seen]:
        now = self._clock.now()
        seen = [_shown(one, now) for one in entries if self._visible(one, caller, now)]
        return [replace(one, status=self._worded(one.status)) for one in seen]

    def _visible(self, entry: Entry, caller: str, now: datetime) -> bool:
        since = entry.stored_at + timedelta(seconds=self._manners.visible_after_seconds)
        return not entry.deleted and entry.report.provider_id == caller and now >= since

    def _fits(self, entry: Entry, question: LearnerQuestion) -> bool:
        report = entry.report
        asked = (question.activity_id, question.completed_on)
        if asked != (report.activity_id, report.completed_on):
            return False
        numbers = [one for one in report.unique_ids if question.names(one)]
        person = self._roster.among(numbers)
        return person is not None and born(person, question.birth_date)


def _shown(entry: Entry, now: datetime) -> Seen:
    state = entry.state(now)
    return Seen(entry.report, state.capitalize(), entry.rejected_for if state == "rejected" else "")
