"""Small stories in three LMSs' words: invented physicians, their events, what is to be credited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from consumer.bus.port import Headers, Outgoing
from consumer.demo.scenario import CANVAS, CERTIFICATE, MOODLE, OPENEDX, Physician, Scenario

TOPIC = "lms.events"
HEART, SEPSIS, DIABETES, ANTICOAG = "202600001", "202600002", "202600003", "202600004"
REVOKED = CERTIFICATE.replace(b"created", b"revoked")


def moodle(learner: int | str, course: int | str, at: datetime, **more: Any) -> Outgoing:
    """Moodle's course_completed, as the webhook sends it."""
    body = {
        "eventname": "\\core\\event\\course_completed",
        "userid": "2",
        "courseid": course,
        "relateduserid": learner,
        "other": {"relateduserid": learner},
        "timecreated": int(at.timestamp()),
        "host": MOODLE,
        "token": "webhook-secret",
    }
    return Outgoing(TOPIC, str(learner).encode(), orjson.dumps(body | more))


def canvas(learner: int | str, course: str, at: datetime, name: str = "Somebody") -> Outgoing:
    """Canvas's course_completed; `name` is the user's display name."""
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {
        "metadata": {
            "event_name": "course_completed",
            "event_time": moment,
            "root_account_uuid": CANVAS,
        },
        "body": {
            "user": {"id": str(learner), "name": name, "email": ""},
            "course": {"id": course, "name": ""},
            "progress": {"completed_at": moment, "requirement_count": 6},
        },
    }
    return Outgoing(TOPIC, str(learner).encode(), orjson.dumps(body))


def openedx(
    learner: int | str,
    course: str,
    at: datetime,
    name: str = "Somebody",
    says: bytes = CERTIFICATE,
    more: Headers = (),
) -> Outgoing:
    """Open edX's certificate event; its kind and time are in the headers."""
    body = {
        "certificate": {
            "user": {"id": learner, "is_active": True, "pii": {"name": name}},
            "course": {"course_key": course},
            "mode": "honor",
            "current_status": "downloadable",
            "name": name,
        }
    }
    headers = (
        ("ce_type", says),
        ("ce_id", f"{learner}-{at.timestamp():.0f}".encode()),
        ("ce_source", b"openedx/lms/web"),
        ("ce_specversion", b"1.0"),
        ("ce_time", at.isoformat().encode()),
        ("sourcehost", OPENEDX.encode()),
    )
    return Outgoing(TOPIC, str(learner).encode(), orjson.dumps(body), headers + more)


def physician(number: int, **known: Any) -> Physician:
    """One invented physician; `known` replaces anything about them."""
    facts: dict[str, Any] = {
        "given_name": "Ada",
        "family_name": f"Brandt-{number}",
        "birth_date": f"{1950 + number % 40}-0{1 + number % 9}-{10 + number % 18}",
        "board_id": f"{number * 37 % 1_000_000:06d}",
    }
    return Physician(number, **facts | known)


def thirty_events() -> Scenario:
    """Twenty physicians' completions in three LMSs; seven said again, three by a second LMS."""
    story, at = Scenario(datetime.now(UTC)), datetime.now(UTC) - timedelta(days=3)
    for index in range(20):
        one = physician(2001 + index)
        story.physicians.append(one)
        course, event = [
            (HEART, moodle(one.number, "101", at)),
            (DIABETES, canvas(one.number, "5103", at)),
            (ANTICOAG, openedx(one.number, "course-v1:EAM+AC+2026", at)),
        ][index % 3]
        story.events.append(event)
        story.credits.add((one.board_id, course))
    story.events += story.events[::3]
    # The same course is taught in Canvas too: there is no second credit for it.
    story.events += [canvas(p.number, "5101", at) for p in story.physicians[:9:3]]
    assert len(story.events) == 30
    return story
