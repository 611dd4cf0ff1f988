"""The document PARS is sent, free of any transport's spelling (dossier 2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from consumer.pars.contract import CompletedForm
from consumer.pars.port import Action
from consumer.participant import Record

CENTRAL = ZoneInfo("America/Chicago")
UNIT = "Point"
STATUS = "Completed"
ROOT = "ACCMELearnerReports"


@dataclass(frozen=True, slots=True)
class UniqueID:
    """A number that says who the learner is; `domain` is NPI, a board or a state (dossier 2.3)."""

    domain: str
    value: str


@dataclass(frozen=True, slots=True)
class Report:
    """One `ActivityReport`: one learner's credit of one type, added or deleted.

    `birth_date` is what will be written, None to leave PersonalInfo out; `points` likewise, never
    in exponent form; `service_provider` is XtensibleInfo.ProviderID, "" to leave it out.
    """

    organization: str
    given_name: str
    family_name: str
    birth_date: str | None
    provider_id: str
    activity_id: str
    title: str
    completed_on: date
    unique_ids: tuple[UniqueID, ...]
    certification: str
    points: str
    credit_id: str
    service_provider: str
    action: Action
    completed_form: CompletedForm = CompletedForm.DATE


@dataclass(frozen=True, slots=True)
class Submission:
    """One document; PARS is sent one report per request, a file may hold many (dossier 3.1)."""

    created: datetime
    reports: tuple[Report, ...]


def report_of(
    record: Record,
    credit_id: str,
    action: Action,
    completed_form: CompletedForm = CompletedForm.DATE,
) -> Report:
    """The report that adds or deletes this record's credit."""
    return Report(
        organization=record.provider_name,
        given_name=record.given_name,
        family_name=record.family_name,
        birth_date=None if record.birth_date is None else str(record.birth_date),
        provider_id=record.provider_id,
        activity_id=record.pars_activity_id,
        title=record.title,
        completed_on=record.completed_on,
        unique_ids=unique_ids(record),
        certification=record.certification,
        points=plain(record.points),
        credit_id=credit_id,
        service_provider=record.provider_id,
        action=action,
        completed_form=completed_form,
    )


def unique_ids(record: Record) -> tuple[UniqueID, ...]:
    """The board's ID first, then NPI and state licence if known; the schema means a list (2.1)."""
    found = [UniqueID(record.board_domain or record.board, record.board_id)]
    if record.npi is not None:
        found.append(UniqueID("NPI", record.npi))
    if record.licence is not None:
        found.append(UniqueID(record.licence.state, record.licence.number))
    return tuple(found)


def completed(report: Report) -> str:
    """The completion date as it is written; noon has no offset, so no zone can move the day."""
    noon = report.completed_form is CompletedForm.NOON
    return report.completed_on.isoformat() + ("T12:00:00" if noon else "")


def completed_from(text: str) -> tuple[date, CompletedForm]:
    """The date that `completed` wrote, and how. Raises ValueError for anything else."""
    day, noon, _ = text.strip().partition("T12:00:00")
    return date.fromisoformat(day), CompletedForm.NOON if noon else CompletedForm.DATE


def plain(points: Decimal) -> str:
    """Points without exponent or needless zeros ("10", "1.5"); not rounded, the schemas judge."""
    text = format(points, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def created_at(now: datetime) -> datetime:
    """`now` (aware) as DateTimeCreated: Central local time, no offset, whole seconds (2.2)."""
    return now.astimezone(CENTRAL).replace(tzinfo=None, microsecond=0)
