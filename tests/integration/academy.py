"""An LMS that tells of a course's completion, its evaluation and the learner's claim apart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from consumer.bus.port import Outgoing
from consumer.mapping.catalogue import Catalogue
from tests.integration.office import Office, catalogue
from tests.integration.people import COURSES, EVERYONE, NOON, TOPIC, Physician, course
from tests.unit.mapping.samples import HEAD, mapping, written

ACADEMY = "lms.example"
ROWS = {
    "occurrence": "{from: body.part, optional: true}",
    "event_id": "{from: body.id, optional: true}",
    "points": "{from: body.points, number: true, optional: true}",
}


def _head(kind: str) -> str:
    head = HEAD.replace("equals: done", f"equals: {kind}").replace("completion", kind)
    return (
        f"{head}not_reportable:\n  - {{path: body.failed, equals: true, reason: guest_account}}\n"
    )


KINDS = ("completion", "evaluation", "claim", "retraction")


def events_of(**rows: dict[str, str]) -> Catalogue:
    """What the academy tells, beside the shipped mappings; some kinds by other rows."""
    own = [mapping(written(_head(kind), **ROWS | rows.get(kind, {}))) for kind in KINDS]  # type: ignore[arg-type]
    return Catalogue([*catalogue().mappings, *own, _voided()])  # type: ignore[list-item]


def _voided() -> object:
    """A retraction that names nothing but the id of the event it takes back."""
    head = _head("retraction").replace("equals: retraction", "equals: voided")
    nothing = dict.fromkeys(("site", "learner", "course", "completed"))
    at = "{from: body.at, instant: iso8601}"
    return mapping(written(head, **nothing, retracts="{from: body.of}", occurred_at=at))


EVENTS = events_of()


def told(kind: str, who: Physician, at: datetime = NOON, **more: Any) -> Outgoing:
    """The academy tells of one step of a learner's course; `points` are written as text."""
    body = {"type": kind, "user": str(who.number), "course": "EVAL", "at": at.isoformat()}
    return Outgoing(TOPIC, None, orjson.dumps(body | more))


def voided(event_id: str, at: datetime) -> Outgoing:
    """The academy takes an event back, whatever it said."""
    return Outgoing(
        TOPIC, None, orjson.dumps({"type": "voided", "of": event_id, "at": at.isoformat()})
    )


def asking(requires: str = "evaluation; claim", **changed: str) -> dict[str, str]:
    """The row of the academy's course; what is claimed counts."""
    row = course(ACADEMY, "EVAL", activity="ETHICS", pars_activity_id="202600003", title="Sepsis")
    return row | {"requires": requires, "date_rule": "", "points_basis": "claimed"} | changed


def settle_in(office: Office, *rows: dict[str, str]) -> Office:
    """The office knows the academy and its course, and everyone else."""
    office.put_learners(*(who.row() for who in EVERYONE))
    blank = dict.fromkeys(asking(), "")
    office.put_activities(*(blank | row for row in (*(rows or (asking(),)), *COURSES)))
    office.events = EVENTS
    office.start()
    office.look()
    return office
