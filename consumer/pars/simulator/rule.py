"""PARS's first gate as we imagine it: why an `add` is refused at once (dossier 1.2 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from consumer.pars.document import Report
from consumer.pars.simulator.activity import Activity
from consumer.pars.simulator.books import board_of
from consumer.pars.simulator.roster import Diplomate, agrees

INVALID = "Invalid data"
# The day that has begun somewhere on Earth: a learner east of Chicago is not ahead of time.
_EASTERNMOST = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in PARS's imagined words; the codes are MedBiquitous' names (dossier 4.3).

    `conflict`: it is there already, which JSON says by a status of its own.
    """

    message: str
    code: str = INVALID
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A report beside what PARS knows of its caller, its activity and its learner."""

    report: Report
    caller: str
    activity: Activity | None
    person: Diplomate | None
    now: datetime


def refusal_of(case: Case) -> Refusal | None:
    """The first rule this report breaks, None when PARS takes it."""
    return next((refusal for rule, refusal in _RULES if rule(case)), None)


def _not_caller(case: Case) -> bool:
    return case.report.provider_id != case.caller


def _no_activity(case: Case) -> bool:
    return case.activity is None


def _not_theirs(case: Case) -> bool:
    return case.activity is not None and case.activity.provider_id != case.caller


def _closed(case: Case) -> bool:
    return case.activity is not None and case.activity.closed


def _types(case: Case) -> dict[str, Decimal]:
    boards = {} if case.activity is None else case.activity.boards
    return dict(boards.get(board_of(case.report).domain, {}))


def _board_not_registered(case: Case) -> bool:
    return not _types(case)


def _type_not_registered(case: Case) -> bool:
    return case.report.certification not in _types(case)


def _too_many(case: Case) -> bool:
    return Decimal(case.report.points) > _types(case)[case.report.certification]


def _outside(case: Case) -> bool:
    activity = case.activity
    return activity is not None and not (
        activity.starts <= case.report.completed_on <= activity.ends
    )


def _future(case: Case) -> bool:
    return case.report.completed_on > (case.now + _EASTERNMOST).date()


def _stranger(case: Case) -> bool:
    report = case.report
    return case.person is None or not agrees(case.person, report.family_name, report.birth_date)


_RULES: tuple[tuple[Callable[[Case], bool], Refusal], ...] = (
    (_not_caller, Refusal("ProviderOrganization is not the calling provider")),
    (_no_activity, Refusal("Activity does not exist")),
    (_not_theirs, Refusal("Activity belongs to another provider")),
    (_closed, Refusal("Activity is closed for reporting")),
    (_board_not_registered, Refusal("Activity is not registered for this board's MOC")),
    (_type_not_registered, Refusal("Credit type is not registered for this activity")),
    (_too_many, Refusal("Points exceed the registered maximum")),
    (_future, Refusal("Completion date is in the future")),
    (_outside, Refusal("Completion date is outside the activity's dates")),
    (_stranger, Refusal("Learner data does not match the board's records", code="No match")),
)
