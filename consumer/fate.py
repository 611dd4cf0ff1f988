"""The fates: what a step can make of a record. Few, typed, made where the facts are (design 2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from consumer.participant import Record
from consumer.reason import Reason

# ------------------------------------------------------------------ intake


@dataclass(frozen=True, slots=True)
class Ready:
    """One record per board and credit type of the activity, all rules satisfied.

    `waiting` says what other boards of it wait for; `unfinished`, whether any board of it may
    still follow, so that it is judged again.
    """

    records: tuple[Record, ...]
    waiting: tuple[Reason, ...] = ()
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Waits for the learner or a table; goes by itself when what was missing arrives.

    `report_by` and `closes_on` are its earliest deadlines, where its boards are known; `learner` is
    the board ID, given and family name, where the learner is known: people search by them.
    """

    reasons: tuple[Reason, ...]
    report_by: date | None = field(default=None, compare=False)
    closes_on: date | None = field(default=None, compare=False)
    learner: tuple[str, str, str] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NotReportable:
    """Kept and searchable, never sent."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Refused:
    """A dead letter: a person must act."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A mapping of kind `ignore` says this event is none of our business: counted, not kept."""


Judgement = Ready | Held | NotReportable | Refused


def waiting_for(judgement: Judgement) -> tuple[Reason, ...]:
    """Why a completion has no credit, or not of every board; nothing for one that is a letter."""
    match judgement:
        case Held(reasons) | Ready(waiting=reasons):
            return reasons
        case NotReportable(reason):
            return (reason,)
    return ()


# ------------------------------------------------------------------ sending


@dataclass(frozen=True, slots=True)
class Done:
    """PARS took it."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows whether PARS has it: ask by CreditID before anything else."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. `maybe_sent` says whether PARS must be asked before it is sent again."""

    reason: Reason
    after_seconds: float | None = None
    maybe_sent: bool = True


@dataclass(frozen=True, slots=True)
class StopLine:
    """Not the record's fault: credentials or contract. The profile stops until that is mended."""

    reason: Reason


SendFate = Done | Unclear | Retry | Refused | StopLine

# ------------------------------------------------------------------ following


class Verdict(StrEnum):
    """What a status text of PARS means (dossier 1.3 and open question 3)."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """PARS has our record; `reason` is the code our table gives the board's text.

    `credit_id` is the one PARS shows, "" when it shows none or several.
    """

    verdict: Verdict
    reason: Reason | None = None
    credit_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Absent:
    """PARS does not know this CreditID (soon after a post that proves nothing)."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """PARS has something of this learner's day, and nobody can tell whether it is this credit."""

    reason: Reason


StatusFate = Found | Absent | Doubtful | Retry | StopLine


# ------------------------------------------------------------------ asking beforehand


@dataclass(frozen=True, slots=True)
class Answered:
    """PARS answered what it was asked about an activity or a learner; the Reply has the answer."""


QuestionFate = Answered | Absent | Retry | StopLine


def named(fate: SendFate | StatusFate) -> str:
    """One word for the timeline of a credit: the code of its reason, where it has one."""
    match fate:
        case Found(verdict):
            return f"found_{verdict.value}"
        case Refused(reasons):
            return reasons[0].code
        case Unclear(reason) | Retry(reason) | StopLine(reason) | Doubtful(reason):
            return reason.code
        case Done():
            return "done"
        case Absent():
            return "absent"
