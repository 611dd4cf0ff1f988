"""Invented activities as an office would register them."""

from __future__ import annotations

from typing import Any

from consumer.pars.registered import EACH, OWN_ID, PARS_ID, ROOT


def activity(
    own_id: str = "HF-2026",
    pars_id: str = "",
    action: str = "Add",
    boards: tuple[dict[str, Any], ...] | None = None,
    **info: Any,
) -> dict[str, Any]:
    """One activity, everything in it that is compulsory."""
    numbers = {OWN_ID: own_id, PARS_ID: pars_id}
    moc = {"boardName": "ABIM", "mocPoints": 1.5, "MOCCreditType": ["Medical Knowledge"]}
    registrations = {"MOCRegistration": list((moc,) if boards is None else boards)}
    return {
        "ReportDescription": {"ReportingStartDate": "2025", "ReportingEndDate": "2026-12-31"},
        "ActivityDescription": {},
        "Lom": {
            "general": {
                "identifier": [
                    {"catalog": name, "entry": number} for name, number in numbers.items() if number
                ],
                "title": "Heart Failure Update",
                "description": "What is new in heart failure.\nTwo lines of it.",
            }
        },
        "healthcareMetadata": {
            "healthcareEducation": {
                "credits": {"activityCertification": "AMA PRA Category 1", "numberOfCredits": 1.5},
                "startDateTime": "2025-01-01T00:00:00",
                "endDateTime": "2026-12-31T00:00:00",
                "activitySponsorship": "direct",
                "activityFormat": "Enduring Material",
            }
        },
        "ParticipationMetrics": {},
        "XtensibleInfo": {
            **({"MOCRegistrations": registrations} if registrations["MOCRegistration"] else {}),
            **info,
            "activityRecordAction": action,
        },
    }


def document(*activities: dict[str, Any]) -> dict[str, Any]:
    """The document of these activities."""
    return {ROOT: {EACH: list(activities)}}
