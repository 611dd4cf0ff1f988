"""Answers of PARS, one at least for every row of the fate table, each with its fate."""

from __future__ import annotations

from typing import Any

from consumer.fate import (
    Absent,
    Done,
    Found,
    Refused,
    Retry,
    SendFate,
    StatusFate,
    StopLine,
    Unclear,
    Verdict,
)
from consumer.pars.port import Broke, CreditStatus, Reply
from consumer.reason import Reason, Stage
from tests.unit.pars.samples import CREDIT as OURS


def pars(code: str, status: int | None) -> Reason:
    return Reason(Stage.PARS, code, detail=f"HTTP {status}" if status else "")


def said(status: int, message: str = "", **more: Any) -> Reply:
    return Reply(status=status, message=message, understood=True, **more)


def refused(code: str, message: str, status: int = 400) -> tuple[Reply, SendFate]:
    return said(status, message), Refused((pars(code, status),))


def unclear(code: str, reply: Reply) -> tuple[Reply, SendFate]:
    return reply, Unclear(pars(code, reply.status))


def stopped(code: str, reply: Reply) -> tuple[Reply, StopLine]:
    return reply, StopLine(pars(code, reply.status))


def again(reply: Reply, after: float | None = None) -> tuple[Reply, Retry]:
    return reply, Retry(pars("pars_unavailable", reply.status), after, maybe_sent=True)


LINE: list[tuple[Reply, Retry | StopLine]] = [
    (Reply(broke=Broke.CUT), Retry(pars("cut", None), None, maybe_sent=True)),
    stopped("tls_failed", Reply(broke=Broke.TLS)),
    stopped("credentials", said(401)),
    stopped("credentials", said(403)),
    stopped("contract", said(405)),
    stopped("contract", said(415)),
    stopped("redirected", said(301)),
    stopped("redirected", said(307)),
    again(said(408)),
    again(said(425)),
    again(said(429), None),
    again(said(429, retry_after_seconds=7.0), 7.0),
    again(said(500, "Record already exists")),
    again(Reply(status=502, raw=b"<html>")),
    again(said(503, retry_after_seconds=30.0), 30.0),
    again(said(504)),
]
SAVED: list[tuple[Reply, SendFate]] = [
    *LINE,
    (Reply(broke=Broke.NOT_SENT), Retry(pars("unreachable", None), None, maybe_sent=False)),
    (said(200), Done()),
    (said(201), Done()),
    unclear("answer_not_understood", Reply(status=200, raw=b"<html>")),
    unclear("answer_not_understood", Reply(status=204)),
    stopped("contract", said(404)),
    unclear("duplicate_answer", said(409)),
    unclear("duplicate_answer", said(400, "Record already exists")),
    unclear("duplicate_answer", said(400, code="Report already exists")),
    unclear("duplicate_answer", said(422, "Duplicate learner activity")),
    unclear("duplicate_answer", said(400, "This credit has already been reported")),
    unclear("record_unknown", said(400, "Credit record does not exist")),
    unclear("record_unknown", said(400, "CreditID ccid:a:b not found")),
    refused("credit_id_used_up", "CreditID was deleted and may not be used again"),
    refused("reporting_closed", "Activity is closed for reporting"),
    refused("reporting_closed", "The reporting year 2024 has been closed"),
    refused("activity_not_ours", "Activity belongs to another provider"),
    refused("activity_not_ours", "Activity does not belong to provider 0009999"),
    refused("credit_type_not_registered", "Credit type is not registered for this activity"),
    refused("activity_not_registered", "Activity is not registered for this board's MOC", 422),
    refused("before_board_joined", "Completion is before the board's collaboration began"),
    refused("date_outside_activity", "Completion date is outside the activity's dates"),
    refused("date_outside_activity", "Completion date is in the future"),
    refused("date_outside_activity", "CompletedDateTime must not be later than today"),
    refused("activity_unknown", "Activity does not exist"),
    refused("activity_unknown", "Unknown activity ID"),
    refused("provider_mismatch", "ProviderOrganization is not the calling provider"),
    refused("points_invalid", "Points exceed the registered maximum"),
    refused("points_invalid", "numberOfCredits must be a multiple of 0.25"),
    refused("licence_mismatch", "NPI does not match"),
    refused("licence_mismatch", "License number not found"),
    refused("identity_ambiguous", "Multiple matches"),
    refused("identity_mismatch", "Learner data does not match the board's records"),
    refused("identity_mismatch", "learner  DATA\ndoes not match the roster"),
    refused("identity_mismatch", "No match", 422),
    refused("identity_mismatch", "Physician not found"),
    refused("document_refused", "Invalid input: element missing"),
    refused("refused_by_pars", "Computer says no"),
    refused("refused_by_pars", ""),
    refused("refused_by_pars", "Record already exists", 402),
    refused("refused_by_pars", "", 413),
    unclear("answer_not_understood", Reply(status=102)),
    unclear("answer_not_understood", Reply(status=999)),
    unclear("answer_not_understood", Reply()),
]


def status_of(*words: str, credit_id: str = OURS, reason: str = "") -> Reply:
    return said(200, credits=tuple(CreditStatus(credit_id, word, reason) for word in words))


def rejected(code: str, text: str) -> tuple[Reply, StatusFate]:
    return status_of("Rejected", reason=text), Found(Verdict.REJECTED, Reason(Stage.BOARD, code))


def not_ours() -> Retry:
    return Retry(Reason(Stage.PARS, "answer_about_another_credit"))


ASKED: list[tuple[Reply, StatusFate]] = [
    *LINE,
    (Reply(broke=Broke.NOT_SENT), Retry(pars("unreachable", None))),
    (said(404), Absent()),
    stopped("contract", Reply(status=404, raw=b"<html>")),
    (said(400, "Bad"), Retry(pars("status_refused", 400))),
    (Reply(status=200), Retry(pars("answer_not_understood", 200))),
    (Reply(status=999), Retry(pars("answer_not_understood", 999))),
    (Reply(), Retry(pars("answer_not_understood", None))),
    (said(200), Absent()),
    (status_of("accepted"), Found(Verdict.ACCEPTED)),
    (status_of(" ACCEPTED\n"), Found(Verdict.ACCEPTED)),
    (status_of("Accepted", "Accepted"), Found(Verdict.ACCEPTED)),
    (status_of("Pending"), Found(Verdict.PENDING)),
    (status_of("Completed"), Found(Verdict.PENDING)),
    (status_of("Pending  confirmation"), Found(Verdict.PENDING)),
    (status_of("Not accepted"), Found(Verdict.UNKNOWN)),
    (status_of("Unrejected"), Found(Verdict.UNKNOWN)),
    (status_of(""), Found(Verdict.UNKNOWN)),
    (status_of("Accepted", "Rejected"), not_ours()),
    (status_of("Accepted", credit_id=OURS[:-1] + "2"), not_ours()),
    (status_of("Accepted", credit_id=OURS.upper()), not_ours()),
    rejected("board_identity", "Name does not match roster"),
    rejected("board_identity", "Date of birth differs"),
    rejected("board_already_credited", "Diplomate has already received credit"),
    rejected("board_rejected", "See coordinator"),
    rejected("board_rejected", ""),
]
