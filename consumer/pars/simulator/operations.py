"""PARS's four operations over the books, whatever the language they are asked for in."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter

from consumer.clock import Clock
from consumer.pars.contract import CompletedForm, Placement, UniqueIDForm
from consumer.pars.document import Report
from consumer.pars.port import Action
from consumer.pars.simulator.activity import Activities
from consumer.pars.simulator.books import Books, Came, Entry, board_of, key
from consumer.pars.simulator.decision import Decision, decision
from consumer.pars.simulator.faults import Faults, Seconds
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

    board_delay_seconds: Seconds = 0.0
    visible_after_seconds: Seconds = 0.0
    duplicate: Literal[Policy.SUCCESS, Policy.REFUSAL] = Policy.REFUSAL
    second_credit: Literal[Policy.STORE, Policy.REFUSAL] = Policy.STORE
    unique_id_form: UniqueIDForm = UniqueIDForm.LIST
    credentials_in: Placement | None = None
    completed_form: CompletedForm | None = None
    wording: Mapping[str, str] = field(default_factory=dict)


_MANNERS = TypeAdapter(Manners)
_CHANGEABLE = frozenset(
    ("board_delay_seconds", "visible_after_seconds", "duplicate", "second_credit")
)


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
_AMBIGUOUS = Refusal("More than one credit fits the row", code="Multiple matches")
_FORM = Refusal("Invalid input: CompletedDateTime")
_ONE_EACH = Refusal("Exactly one report per request", code="Operation not supported")


class Operations:
    """The services; every method may be called from any thread."""

    def __init__(
        self,
        roster: Roster,
        activities: Activities,
        manners: Manners,
        clock: Clock,
        faults: Faults,
    ) -> None:
        self._roster = roster
        self._activities = activities
        self._manners = manners
        self._clock = clock
        self._faults = faults
        self._books = Books()
        self._issued = 0
        self._lock = threading.Lock()

    def save(self, caller: str, reports: Sequence[Report], came: Came) -> Refusal | None:
        """SaveLearnerActivity: stores or deletes, else says why not."""
        with self._lock:
            refusal = self._settle(caller, reports[0], came) if len(reports) == 1 else _ONE_EACH
            self._books.refused += refusal is not None
        return None if refusal is None else self._in_words(refusal)

    def _in_words(self, refusal: Refusal) -> Refusal:
        code, message = map(self._worded, (refusal.code, refusal.message))
        return replace(refusal, code=code, message=message)

    def _worded(self, text: str) -> str:
        return self._manners.wording.get(text, text)

    def save_unnamed(self, caller: str, report: Report) -> tuple[str, Refusal | None]:
        """The same for a row of the Excel template, which names no credit: its CreditID here.

        An `add` that was uploaded before is a duplicate as a known CreditID is one; beside a
        record that came otherwise it is a second credit.
        """
        with self._lock:
            alike = self._books.alike(report)
            if report.action is Action.DELETE:
                found, refusal = self._delete_alike(caller, alike)
            else:
                found, refusal = self._add_unnamed(caller, report, alike)
            self._books.refused += refusal is not None
        return found, None if refusal is None else self._in_words(refusal)

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

    def behave(self, wanted: Mapping[str, Any]) -> Manners:
        """Change some of the manners, by their names; gives what is in force from now on.

        Raises ValueError, and changes nothing then.
        """
        if unknown := wanted.keys() - _CHANGEABLE:
            raise ValueError(f"unknown or not to be changed: {', '.join(sorted(unknown))}")
        with self._lock:
            changed = _MANNERS.validate_python(asdict(self._manners) | dict(wanted))
            self._manners = changed
        return changed

    def as_json(self) -> dict[str, Any]:
        """The books, see Books.as_json."""
        with self._lock:
            return self._books.as_json(self._clock.now())

    def standing(self, credit_id: str) -> tuple[str, str]:
        """State in the books, and the board's reason if it has rejected it."""
        with self._lock:
            entry, now = self._books.known(credit_id), self._clock.now()
            if entry is None:
                return "", ""
            return entry.state(now), _shown(entry, now).reason

    def _delete_alike(self, caller: str, alike: Sequence[Entry]) -> tuple[str, Refusal | None]:
        ours = [one for one in alike if one.report.provider_id == caller]
        if len(ours) != 1:
            return "", _AMBIGUOUS if ours else _UNKNOWN
        self._books.delete(ours[0])
        return ours[0].report.credit_id, None

    def _add_unnamed(
        self, caller: str, report: Report, alike: Sequence[Entry]
    ) -> tuple[str, Refusal | None]:
        before = next((one for one in alike if one.came is Came.EXCEL_FILE), None)
        if before is not None and refusal_of(self._case(caller, report)) is None:
            return before.report.credit_id, self._again(before)
        self._issued += 1
        named = replace(report, credit_id=f"ccid:pars.example:upload-{self._issued:06d}")
        self._books.posted(named.credit_id)
        return named.credit_id, self._add(caller, named, Came.EXCEL_FILE)

    def _settle(self, caller: str, report: Report, came: Came) -> Refusal | None:
        if report.action is Action.DELETE:
            return self._delete(caller, report)
        if self._manners.completed_form not in (None, report.completed_form):
            return _FORM
        self._books.posted(report.credit_id)
        known = self._books.known(report.credit_id)
        if known is not None:
            return self._again(known)
        return self._add(caller, report, came)

    def _add(self, caller: str, report: Report, came: Came) -> Refusal | None:
        case = self._case(caller, report)
        refusal = refusal_of(case)
        if refusal is None and self._second(report):
            refusal = _EXISTS
        if refusal is None:
            self._books.add(report, self._decision(case), came)
        return refusal

    def _case(self, caller: str, report: Report) -> Case:
        activity = self._activities.get(report.activity_id)
        person = self._roster.among([board_of(report)])
        return Case(report, caller, activity, person, self._clock.now())

    def _decision(self, case: Case) -> Decision:
        known = (one for one in (case.person, case.activity) if one is not None)
        reason = next((one.board_rejects for one in known if one.board_rejects), "")
        delay = self._manners.board_delay_seconds
        return decision(case.now, delay, reason, self._faults.board(case.now))

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
        since = entry.decision.stored_at + timedelta(seconds=self._manners.visible_after_seconds)
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
    state, decided = entry.state(now), entry.decision
    return Seen(
        entry.report,
        decided.says or state.capitalize(),
        decided.rejected_for if state == "rejected" else "",
    )
