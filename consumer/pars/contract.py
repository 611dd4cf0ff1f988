"""What ACCME has not published of the way to PARS, as choices with the dossier's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Transport(StrEnum):
    """How PARS is spoken to (dossier 3)."""

    XML = "xml"
    JSON = "json"


class Placement(StrEnum):
    """Where the three credentials of a request stand; not public (dossier 3.2)."""

    HEADERS = "headers"
    BODY = "body"
    QUERY = "query"


class CompletedForm(StrEnum):
    """How CompletedDateTime is written (dossier 2.2)."""

    DATE = "date"  # 2026-05-14
    NOON = "noon"  # 2026-05-14T12:00:00, the same day whether read as Central or as UTC


class UniqueIDForm(StrEnum):
    """How JSON writes UniqueID: ACCME declares an object and describes a list (question 10)."""

    LIST = "list"
    OBJECT = "object"


class Operation(StrEnum):
    """What PARS is asked to do."""

    SAVE = "save"
    STATUS = "status"
    STATUS_BY_LEARNER = "status_by_learner"
    MATCH = "match"
    ACTIVITY = "activity"
    SAVE_ACTIVITY = "save_activity"


PATHS: Mapping[Transport, Mapping[Operation, str]] = {
    # Operation names of the guide of June 2025 [cdomd-notes]; as paths an assumption.
    Transport.XML: {
        Operation.SAVE: "SaveLearnerActivity",
        Operation.STATUS: "GetLearnerStatusByCreditId",
        Operation.STATUS_BY_LEARNER: "GetLearnerStatusByLearner",
        Operation.MATCH: "GetLearnerMatch",
        Operation.ACTIVITY: "GetActivity",
        Operation.SAVE_ACTIVITY: "SaveActivity",
    },
    # [accme-openapi] [accme-activity-api]; neither has a learner match.
    Transport.JSON: {
        Operation.SAVE: "learner-activities",
        Operation.STATUS: "learner-activities/status",
        Operation.STATUS_BY_LEARNER: "learner-activities/status",
        Operation.ACTIVITY: "activities",
        Operation.SAVE_ACTIVITY: "activities",
    },
}

OF_ACTIVITIES = frozenset({Operation.ACTIVITY, Operation.SAVE_ACTIVITY})
"""A service of their own, whose address may differ from the learner service's (dossier 3.2)."""

COMPLETED: Mapping[Transport, CompletedForm] = {
    Transport.XML: CompletedForm.DATE,
    Transport.JSON: CompletedForm.NOON,
}
