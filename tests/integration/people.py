"""Invented physicians and courses, and the events that three LMSs send about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from consumer.bus.port import Headers, Outgoing
from consumer.pars.simulator import Diplomate

TOPIC = "lms.events"
MOODLE, CANVAS, OPENEDX = "learn.lakeside.example", "northgate-account", "edx.harbor.example"
CREATED = "org.openedx.learning.certificate.created.v1"
REVOKED = "org.openedx.learning.certificate.revoked.v1"

NOON = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)  # 12:00 in Chicago, two days before "now"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Physician:
    """One invented learner, as everybody ought to know them."""

    number: int
    given_name: str
    family_name: str
    birth_date: str
    board_id: str

    def row(self, **changed: str) -> dict[str, str]:
        """The learners table's row; one serves all LMSs."""
        row = {
            "site": "",
            "learner": str(self.number),
            "given_name": self.given_name,
            "family_name": self.family_name,
            "email": f"learner{self.number}@lakeside.example",
            "birth_date": self.birth_date,
            "board_id": self.board_id,
            "npi": "",
            "consent": "yes",
        }
        return row | changed

    def diplomate(self, **changed: Any) -> Diplomate:
        """The board's own roster entry."""
        year, month, day = map(int, self.birth_date.split("-"))
        names = (self.given_name, self.family_name)
        return replace(Diplomate("ABIM", self.board_id, *names, month, day, year), **changed)


PRIYA = Physician(4413307, "Priya", "Vantongeren", "1971-09-10", "041327")
OTIS = Physician(4413308, "Otis", "Fjällström-Nwosu", "1965-02-28", "052441")
LENA = Physician(4413309, "Lena", "Quillfeather", "1980-12-31", "000963")
EVERYONE = (PRIYA, OTIS, LENA)
RENAL = "course-v1:HarborCME+RENAL201+2026T2"

_COURSE = {
    "activity": "HF-UPDATE",
    "pars_activity_id": "202600001",
    "profile": "",
    "title": "Heart Failure Update",
    "credit_types": "Medical Knowledge",
    "max_points": "1.5",
    "zone": "America/Chicago",
}


def course(site: str, number: str, **changed: str) -> dict[str, str]:
    """The activities table's row of one course."""
    return {"site": site, "course": number} | _COURSE | changed


COURSES = (
    course(MOODLE, "101"),
    course(CANVAS, "731"),
    course(OPENEDX, RENAL, activity="RENAL", pars_activity_id="202600002", title="Renal Care"),
    course(MOODLE, "102", activity="SEPSIS", pars_activity_id="202600003", title="Sepsis"),
    course(
        MOODLE,
        "103",
        activity="SAFETY",
        pars_activity_id="202600004",
        title="Safer Prescribing",
        credit_types="Medical Knowledge;Patient Safety",
    ),
    course(
        MOODLE,
        "104",
        activity="NORTH",
        pars_activity_id="202600101",
        profile="north",
        title="Northern Rounds",
    ),
)


def moodle(
    who: Physician, number: str = "101", at: datetime = NOON, headers: Headers = (), **changed: Any
) -> Outgoing:
    """Moodle's course_completed, as local_webhooks sends it."""
    event = {
        "eventname": "\\core\\event\\course_completed",
        "component": "core",
        "action": "completed",
        "objectid": who.number * 10,
        "userid": 2,
        "courseid": number,
        "relateduserid": who.number,
        "timecreated": int(at.timestamp()),
        "host": MOODLE,
    }
    return Outgoing(TOPIC, None, orjson.dumps(event | changed), headers)


def canvas(
    who: Physician, number: str = "731", at: datetime = NOON, emitted: datetime | None = None
) -> Outgoing:
    """Canvas's course_completed; `emitted` is when it was sent, which may be much later."""
    event = {
        "metadata": {
            "event_name": "course_completed",
            "event_time": _zulu(emitted or at),
            "root_account_uuid": CANVAS,
            "producer": "canvas",
        },
        "body": {
            "course": {"id": number, "name": ""},
            "progress": {"completed_at": _zulu(at), "requirement_count": 6},
            "user": {"id": str(who.number), "name": who.given_name, "email": ""},
        },
    }
    return Outgoing(TOPIC, None, orjson.dumps(event))


def openedx(
    who: Physician,
    at: datetime = NOON,
    *,
    kind: str = CREATED,
    ce_id: str = "1",
    extra: Headers = (),
) -> Outgoing:
    """Open edX's certificate event: created, or revoked, as its CloudEvents type says."""
    event = {
        "certificate": {
            "user": {"id": who.number, "is_active": True, "pii": {"name": who.given_name}},
            "course": {"course_key": RENAL, "display_name": ""},
            "mode": "verified",
            "grade": "0.87",
            "download_url": "",
            "name": who.given_name,
            "current_status": "downloadable" if kind == CREATED else "notpassing",
            "previous_status": "",
        }
    }
    attributes = {
        "ce_type": kind,
        "ce_id": ce_id,
        "ce_source": "openedx/lms/web",
        "ce_specversion": "1.0",
        "ce_time": at.isoformat(),
        "sourcehost": OPENEDX,
    }
    headers = tuple((name, value.encode()) for name, value in attributes.items())
    return Outgoing(TOPIC, None, orjson.dumps(event), (*headers, *extra))


def revoked(who: Physician, at: datetime) -> Outgoing:
    """Open edX takes the certificate back."""
    return openedx(who, at, kind=REVOKED)


def raw(value: bytes | None, *, key: bytes | None = b"k", headers: Headers = ()) -> Outgoing:
    """Any bytes at all."""
    return Outgoing(TOPIC, key, value, headers)


def _zulu(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
