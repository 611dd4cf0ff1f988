"""What PARS is asked before a credit is sent: has it the activity, does the board know the learner.

Both are courtesies: PARS judges the report itself. So an answer may hold a credit, which goes by
itself when PARS or the office has put things right; a question that fails never refuses one, and
holds it no longer than the retry rules.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from consumer.clock import Clock
from consumer.credit import State
from consumer.dealings import Exchange, Policy, Signal
from consumer.dispatch import Dispatcher
from consumer.fate import Absent, Answered, QuestionFate, Retry, StopLine
from consumer.ledger.attempt import Attempt
from consumer.ledger.claims import Claim, Settlement
from consumer.ledger.inquiries import Answer, Inquiries, Inquiry, Kind, activity_subject
from consumer.ledger.ledger import LedgerUnavailable
from consumer.pars.port import ActivityNumber, Pars, Reply
from consumer.pars.registered import PARS_ID, Registered, gaps
from consumer.pars.verdicts import fate_of_question
from consumer.participant import Record
from consumer.reason import Reason, Stage, Stopped, pack_reasons
from consumer.settings import Settings

_AWAY = frozenset({"unreachable", "cut", "pars_unavailable"})
"""PARS itself is away; any other failure may only mean that this question is not offered."""
_FOR_GOOD = 100 * 365 * 86_400.0

Said = tuple[Answer, Registered | None]


@dataclass(frozen=True, slots=True)
class Questions:
    """Which questions a profile asks, and how long an answer counts."""

    look_up_activities: bool = False
    match_learners: bool = False
    activity_fresh_seconds: float = 86_400.0
    activity_again_seconds: float = 3600.0
    unmatched_again_seconds: float = 7 * 86_400.0


def questions_of(settings: Settings, profile: str) -> Questions:
    """What the settings say of it."""
    chosen, sending = settings.profiles[profile], settings.sending
    return Questions(
        chosen.look_up_activities,
        chosen.match_learners,
        sending.activity_fresh_seconds,
        sending.activity_again_seconds,
        sending.unmatched_again_seconds,
    )


class Turns:
    """Workers that want to know the same ask one after the other: one answer does for all.

    Shared by all workers of a process.
    """

    def __init__(self) -> None:
        self._locks = tuple(threading.Lock() for _ in range(64))

    def of(self, subject: str) -> threading.Lock:
        """The lock of this subject, and of a few others."""
        return self._locks[hash(subject) % len(self._locks)]


@dataclass(frozen=True, slots=True)
class _Question:
    """One question: how it is asked, what the answer says, and what that means for the credit.

    `read` gives None for an answer that is about something else.
    """

    kind: Kind
    subject: str
    ask: Callable[[], Reply]
    read: Callable[[Reply], Said | None]
    judge: Callable[[Inquiry], tuple[Reason, ...]]
    fresh_seconds: float
    again_seconds: float

    def due(self, known: Inquiry) -> datetime:
        """When it is asked again."""
        if known.failures:
            return known.due_at
        seconds = self.again_seconds if self.judge(known) else self.fresh_seconds
        return known.asked_at + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Word:
    """What asking came to: nothing in the way, or reasons to wait until then."""

    attempts: tuple[Attempt, ...] = ()
    reasons: tuple[Reason, ...] = ()
    until: datetime | None = None
    signal: Signal = Signal.SILENT
    retry_after_seconds: float | None = None


class Inquirer(Dispatcher):
    """A dispatcher that asks before it posts: where PARS has nothing of the credit."""

    def __init__(
        self,
        pars: Pars,
        policy: Policy,
        clock: Clock,
        questions: Questions,
        book: Inquiries,
        turns: Turns,
    ) -> None:
        super().__init__(pars, policy, clock)
        self._questions, self._book, self._turns = questions, book, turns
        self._log = structlog.get_logger()

    def _post(
        self, claim: Claim, last_success_at: datetime | None, before: tuple[Attempt, ...]
    ) -> Exchange:
        """As a dispatcher does, or back to waiting with the reason why."""
        try:
            word = self._inquire(claim.record)
        except (Stopped, LedgerUnavailable):
            # What cannot be asked, or not be remembered, is for the report itself to bring out.
            word = _Word()
        attempts = (*before, *word.attempts)
        if word.until is not None:
            return _waiting(claim, word, attempts)
        return _answered(claim, super()._post(claim, last_success_at, attempts))

    def _inquire(self, record: Record) -> _Word:
        before: tuple[Attempt, ...] = ()
        for question in self._wanted(record):
            word = self._answer(question)
            before = (*before, *word.attempts)
            if question.kind is Kind.ACTIVITY:
                self._tell(record, question.subject, word.reasons)
            if word.until is not None:
                return replace(word, attempts=before)
        return _Word(before)

    # ------------------------------------------------------------ the two questions

    def _wanted(self, record: Record) -> Iterator[_Question]:
        if self._questions.look_up_activities:
            yield self._about_activity(record)
        if self._questions.match_learners:
            yield self._about_learner(record)

    def _about_activity(self, record: Record) -> _Question:
        return _Question(
            kind=Kind.ACTIVITY,
            subject=activity_subject(record.profile, record.pars_activity_id),
            ask=lambda: self._pars.activity(ActivityNumber(PARS_ID, record.pars_activity_id)),
            read=lambda reply: looked_up(reply, record.pars_activity_id),
            judge=lambda known: gaps(known.found, record),
            fresh_seconds=self._questions.activity_fresh_seconds,
            again_seconds=self._questions.activity_again_seconds,
        )

    def _about_learner(self, record: Record) -> _Question:
        return _Question(
            kind=Kind.LEARNER,
            subject=self._book.learner(record),
            ask=lambda: self._pars.match(record),
            read=_matched,
            judge=_unmatched,
            fresh_seconds=_FOR_GOOD,  # until the learner's row changes, and with it the subject
            again_seconds=self._questions.unmatched_again_seconds,
        )

    def _tell(self, record: Record, subject: str, reasons: tuple[Reason, ...]) -> None:
        """Once for each activity, board and fault, however many credits wait for it."""
        words = {f"{one.code} {record.board}": one for one in reasons if one != _UNANSWERED}
        for word in self._book.untold(Kind.ACTIVITY, subject, words) if words else ():
            self._log.warning(
                "activity.wrong",
                profile=record.profile,
                activity=record.pars_activity_id,
                board=record.board,
                reason=words[word].code,
            )

    # ------------------------------------------------------------ asking

    def _answer(self, question: _Question) -> _Word:
        with self._turns.of(question.subject):
            known = self._book.known(question.kind, question.subject)
            if known is not None and self._clock.now() < question.due(known):
                return self._judged(question, known, _Word())
            known, word = self._ask_pars(question, known)
            self._book.put(question.kind, question.subject, known)
        return self._judged(question, known, word)

    def _ask_pars(self, question: _Question, known: Inquiry | None) -> tuple[Inquiry, _Word]:
        reply, now = question.ask(), self._clock.now()
        fate = fate_of_question(reply)
        if (said := _said(question, fate, reply)) is not None:
            attempt = Attempt(question.kind.value, reply.status, said[0].value)
            return Inquiry(now, now, *said), _Word((attempt,), signal=Signal.WELL)
        why: Reason = fate.reason if isinstance(fate, Retry | StopLine) else _UNANSWERED
        failures = self._failures(known, for_good=isinstance(fate, StopLine))
        inquiry = replace(known or Inquiry(now, now), asked_at=now, failures=failures)
        inquiry = replace(inquiry, due_at=now + timedelta(seconds=self._wait(question, failures)))
        if self._given_up(inquiry):
            self._log.warning("inquiry.given_up", stage=question.kind.value, reason=why.code)
        signal = Signal.FAILED if why.code in _AWAY else Signal.WELL
        attempts = (Attempt(question.kind.value, reply.status, why.code),)
        return inquiry, _Word(attempts, (), None, signal, reply.retry_after_seconds)

    def _failures(self, known: Inquiry | None, *, for_good: bool) -> int:
        before = 0 if known is None else known.failures
        return max(before + 1, self._policy.max_tries if for_good else 0)

    def _wait(self, question: _Question, failures: int) -> float:
        if failures >= self._policy.max_tries:
            return question.again_seconds
        return self._policy.backoff.delay(failures)

    def _given_up(self, known: Inquiry) -> bool:
        return known.failures >= self._policy.max_tries

    def _judged(self, question: _Question, known: Inquiry, word: _Word) -> _Word:
        """What the question's standing means for a credit now."""
        never = known.answer is Answer.NONE
        reasons = (_UNANSWERED,) if never else question.judge(known)
        if self._given_up(known) or not reasons:
            return word
        return replace(word, reasons=reasons, until=question.due(known))


_UNANSWERED = Reason(Stage.LOOK_UP, "inquiry_unanswered")
_UNMATCHED = tuple(
    Reason(Stage.LOOK_UP, "learner_unmatched", field) for field in ("board_id", "birth_date")
)


def _said(question: _Question, fate: QuestionFate, reply: Reply) -> Said | None:
    match fate:
        case Answered():
            return question.read(reply)
        case Absent() if question.kind is Kind.ACTIVITY:
            return Answer.ABSENT, None
    return None


def looked_up(reply: Reply, pars_activity_id: str) -> Said | None:
    """What a look-up by PARS's number says; None when it is about another activity."""
    if not reply.activities:
        return Answer.ABSENT, None
    found = [one for one in reply.activities if one.activity_id == pars_activity_id]
    return (Answer.FOUND, found[0]) if found else None


def _matched(reply: Reply) -> Said:
    return (Answer.MATCH if reply.code == "Match" else Answer.NO_MATCH), None


def _unmatched(known: Inquiry) -> tuple[Reason, ...]:
    return () if known.answer is Answer.MATCH else _UNMATCHED


def _waiting(claim: Claim, word: _Word, attempts: tuple[Attempt, ...]) -> Exchange:
    """Nothing was sent: the credit is ready as before, and due when the question is."""
    values: dict[str, object] = {"ask": False, "absent_at": None, "due_at": word.until}
    values["reasons"] = pack_reasons(word.reasons)
    settlement = Settlement(claim, State.READY, values, (), attempts)
    return Exchange(settlement, word.signal, word.retry_after_seconds)


def _answered(claim: Claim, exchange: Exchange) -> Exchange:
    """What the credit waited for stands in its way no more, whatever came of the post."""
    settlement = exchange.settlement
    if not any(reason.stage is Stage.LOOK_UP for reason in claim.reasons):
        return exchange
    values = {"reasons": "[]", **settlement.values}
    return replace(exchange, settlement=replace(settlement, values=values))
