"""Events of Open edX as its event bus writes them to Kafka: its own Avro schemas and classes.

`openedx-events` is the package that Open edX itself makes them with. What event-bus-kafka adds, the
key's schema, the frame and the headers, is written here after its producer: it needs a Kafka client
that nothing else here does.
"""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

if not settings.configured:
    settings.configure(USE_TZ=True)

from opaque_keys.edx.keys import CourseKey
from openedx_events.event_bus.avro.serializer import AvroSignalSerializer
from openedx_events.learning import signals
from openedx_events.learning.data import (
    CertificateData,
    CourseData,
    CoursePassingStatusData,
    UserData,
    UserPersonalData,
)
from openedx_events.tooling import OpenEdxPublicSignal

from consumer.bus.port import Outgoing
from tests.avro import frame, written
from tests.registry import Registry

SITE = "lms.lakeside.example"
_SOURCE = "openedx/lms/web"


class EventBus:
    """Writes an Open edX site's events to one topic, by the schemas of one registry."""

    def __init__(self, registry: Registry, topic: str, site: str = SITE) -> None:
        self._registry, self._topic, self._site = registry, topic, site
        self._numbers: dict[str, int] = {}

    def certificate(
        self, kind: str, user: int, course: str, at: datetime, *, ce_id: str = "1", name: str = ""
    ) -> Outgoing:
        """A certificate `created`, `changed` or `revoked`."""
        signal = getattr(signals, f"CERTIFICATE_{kind.upper()}")
        status = "notpassing" if kind == "revoked" else "downloadable"
        data = CertificateData(
            user=_user(user, name),
            course=CourseData(course_key=CourseKey.from_string(course), display_name=""),
            mode="verified",
            grade="0.87",
            download_url="",
            name=name,
            current_status=status,
            previous_status="",
        )
        return self._written(signal, "certificate", data, course, at, ce_id)

    def passing(self, user: int, course: str, at: datetime) -> Outgoing:
        """A learner passes a course at present."""
        key = CourseKey.from_string(course)
        data = CoursePassingStatusData(
            is_passing=True, course=CourseData(course_key=key), user=_user(user)
        )
        signal = signals.COURSE_PASSING_STATUS_UPDATED
        return self._written(signal, "course_passing_status", data, course, at, "2")

    def _written(
        self,
        signal: OpenEdxPublicSignal,
        field: str,
        data: Any,
        course: str,
        at: datetime,
        ce_id: str,
    ) -> Outgoing:
        serializer = _serializer(signal)
        schema = json.loads(serializer.schema_string())
        # The producer takes the key's schema out of the event's, the field's name and all.
        key_schema = {"name": "course_key", "type": "string"}
        headers = {
            "ce_type": signal.event_type,
            "ce_id": ce_id,
            "ce_source": _SOURCE,
            "ce_specversion": "1.0",
            "ce_time": at.astimezone(UTC).isoformat(),
            "ce_minorversion": "0",
            "sourcehost": self._site,
            "sourcelib": "10.5.0",
            "content-type": "application/avro",
            "ce_datacontenttype": "application/avro",
        }
        return Outgoing(
            self._topic,
            frame(self._number(key_schema), written(key_schema, course)),
            frame(self._number(schema), written(schema, serializer.to_dict({field: data}))),
            tuple((name, text.encode()) for name, text in headers.items()),
        )

    def _number(self, schema: Any) -> int:
        text = json.dumps(schema, sort_keys=True)
        if text not in self._numbers:
            self._numbers[text] = self._registry.register(text)
        return self._numbers[text]


@functools.cache
def _serializer(signal: OpenEdxPublicSignal) -> AvroSignalSerializer:
    return AvroSignalSerializer(signal)


def _user(number: int, name: str = "") -> UserData:
    pii = UserPersonalData(username=f"learner{number}", email="", name=name)
    return UserData(id=number, is_active=True, pii=pii)
