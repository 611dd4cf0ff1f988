"""From a completion, its activity and its learner to participant records: all rules at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from consumer.board import Board, Certificate, Mark
from consumer.fate import Held, Ready, Refused
from consumer.licence import Licence, state_code
from consumer.mapping.said import Kind, Said
from consumer.participant import BirthDate, Record
from consumer.reason import Reason, Stage
from consumer.rules import (
    board_id_rules,
    broken,
    completion_date,
    completion_rules,
    licence_rules,
    name_rules,
    npi_rules,
    parse_birth_date,
    plain_board_id,
    points_rules,
)
from consumer.steps import AWAITED, DateRule
from consumer.tables.activities import Activity, Repeats
from consumer.tables.learners import Learner


class YearPolicy(StrEnum):
    """What to do about a birth date without its year (dossier 2.3 and open question 8)."""

    HOLD = "hold"
    OMIT = "omit"
    PLACEHOLDER = "placeholder"


# A leap year, so that 29 February stays a date; never used unless the office chose it.
PLACEHOLDER_YEAR = 1904


class Reporter(Protocol):
    """What the record needs of a provider profile."""

    @property
    def provider_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def without_birth_year(self) -> YearPolicy: ...
    @property
    def transport(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """One completion, joined to one row of each table and the board of the activity's row.

    `said` and `completed_on` are as that row counts them; while steps are `awaited`, both are what
    is known so far.
    """

    said: Said
    activity: Activity
    completed_on: date
    learner: Learner
    board: Board
    awaited: tuple[Kind, ...] = ()

    @property
    def points(self) -> Decimal | None:
        """What the learner claimed, or what is registered; None when a claim is missing."""
        registered = self.activity.points_basis == "registered"
        return self.activity.max_points if registered else self.said.points

    @property
    def occurrence(self) -> str | None:
        """What tells this credit from the learner's others; blank where there is but one.

        None when it should be a day and is none: then the same day, emitted again, could differ.
        """
        match self.activity.repeats:
            case Repeats.NONE:
                return ""
            case Repeats.DATE:
                return _day_named(self.said.occurrence, self.activity.zone)
            case Repeats.SESSION | Repeats.CLAIM:
                return self.said.occurrence


def draft(candidate: Candidate, reporter: Reporter, now: datetime) -> Ready | Held | Refused:
    """One record per credit type of the activity, or every reason why there is none.

    Broken rules come before what is missing: a person can act on them at once.
    """
    birth = _birth_date(candidate.learner)
    if reasons := tuple(_broken_rules(candidate, birth, now)):
        return Refused(reasons)
    if waiting := tuple(_missing(candidate, birth, reporter.without_birth_year)):
        until = deadlines(candidate.board, candidate.activity, candidate.completed_on)
        return Held(waiting, *until, learner=_searched_by(candidate))
    shown = _shown(birth, reporter.without_birth_year)
    types = candidate.activity.credit_types
    return Ready(tuple(_record(candidate, reporter, shown, each) for each in types))


def _searched_by(candidate: Candidate) -> tuple[str, str, str]:
    learner = candidate.learner
    board_id = plain_board_id(candidate.board, learner.board_id)
    return board_id, learner.given_name.strip(), learner.family_name.strip()


def _broken_rules(candidate: Candidate, birth: BirthDate | None, now: datetime) -> Iterator[Reason]:
    learner, activity = candidate.learner, candidate.activity
    yield from name_rules("given_name", learner.given_name)
    yield from name_rules("family_name", learner.family_name)
    yield from name_rules("title", activity.title)
    yield from board_id_rules(candidate.board, plain_board_id(candidate.board, learner.board_id))
    if learner.npi:
        yield from npi_rules(learner.npi)
    if learner.licence or learner.licence_state:
        yield from licence_rules(learner.licence_state, learner.licence)
    if learner.birth_date and birth is None:
        yield broken("birth_date_form", "birth_date", "MM/DD, MM/DD/YYYY or YYYY-MM-DD")
    if not candidate.awaited:  # before that neither the points nor the day is certain
        yield from _points_rules(candidate)
        yield from completion_rules(candidate.completed_on, now, activity.zone)
    if candidate.occurrence is None:
        yield broken("occurrence_no_date", "occurrence", "a date, or a time with its zone")
    elif activity.repeats is not Repeats.NONE and not candidate.occurrence:
        yield broken("occurrence_missing", "occurrence", "the activity allows repeats")


def _points_rules(candidate: Candidate) -> Iterator[Reason]:
    points, most, board = candidate.points, candidate.activity.max_points, candidate.board
    if points is None:
        yield broken("points_missing", "points", "the activity counts claimed points")
        return
    reasons = tuple(points_rules(points, most, board.points_step))
    yield from reasons
    if not reasons and points < most and not board.partial:
        yield broken("points_partial", "points", f"{board.name} gives the whole credit or none")


def _day_named(text: str, zone: ZoneInfo) -> str | None:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return completion_date(moment if moment.tzinfo else moment.date(), zone).isoformat()


def _birth_date(learner: Learner) -> BirthDate | None:
    try:
        return parse_birth_date(learner.birth_date)
    except ValueError:
        return None


def _missing(candidate: Candidate, birth: BirthDate | None, policy: YearPolicy) -> Iterator[Reason]:
    board, named = candidate.board, candidate.board.spelled("prose")
    yield from awaiting(board, candidate.awaited)
    if not candidate.learner.consents_to(board.name):
        yield Reason(Stage.LOOK_UP, "no_consent", "consent", named)
    if birth is None:
        if {Mark.BIRTH_DAY, Mark.BIRTH_YEAR} & board.marks:
            yield Reason(Stage.LOOK_UP, "no_birth_date", "birth_date", named)
    elif birth.year is None and (policy is YearPolicy.HOLD or Mark.BIRTH_YEAR in board.marks):
        yield Reason(Stage.LOOK_UP, "no_birth_year", "birth_date", named)


def awaiting(board: Board, steps: Iterable[Kind]) -> Iterator[Reason]:
    """That these steps were not heard yet, and which board's credit waits for them."""
    for step in steps:
        yield Reason(Stage.LOOK_UP, AWAITED[step], step, board.spelled("prose"))


def deadlines(board: Board, activity: Activity, day: date) -> tuple[date, date]:
    """By when it should be reported, and until when what it waits for can still count.

    Where a later step dates the credit, its day must be one of the activity's.
    """
    closes_on = board.deadlines.closes_on(day)
    if activity.date_rule is not DateRule.COMPLETION:
        closes_on = min(closes_on, activity.ends)
    return board.deadlines.report_by(day), closes_on


def _shown(birth: BirthDate | None, policy: YearPolicy) -> BirthDate | None:
    if birth is None or birth.year is not None:
        return birth
    return replace(birth, year=PLACEHOLDER_YEAR) if policy is YearPolicy.PLACEHOLDER else None


def _record(
    candidate: Candidate, reporter: Reporter, birth: BirthDate | None, credit_type: str
) -> Record:
    learner, activity, board = candidate.learner, candidate.activity, candidate.board
    if candidate.points is None:
        raise ValueError("a record needs points; the rules refuse one without")
    domain = board.spelled(reporter.transport)
    return Record(
        profile=activity.profile,
        provider_id=reporter.provider_id,
        provider_name=reporter.name,
        activity=activity.activity,
        pars_activity_id=activity.pars_activity_id,
        title=activity.title,
        given_name=learner.given_name.strip(),
        family_name=learner.family_name.strip(),
        birth_date=birth,
        board=board.name,
        board_id=plain_board_id(board, learner.board_id),
        npi=(learner.npi or None) if Certificate.NPI in board.certificates else None,
        credit_type=credit_type,
        certification=board.certification(credit_type) or credit_type,
        points=candidate.points,
        completed_on=candidate.completed_on,
        occurrence=candidate.occurrence or "",
        licence=_licence(learner) if Certificate.LICENCE in board.certificates else None,
        board_domain=domain if domain != board.name else "",
        report_by=board.deadlines.report_by(candidate.completed_on),
        closes_on=board.deadlines.closes_on(candidate.completed_on),
        at_most=activity.at_most,
    )


def _licence(learner: Learner) -> Licence | None:
    return Licence(state_code(learner.licence_state), learner.licence) if learner.licence else None
