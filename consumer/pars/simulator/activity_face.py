"""The simulator's activity service in its two languages, and the learner match in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.activityxml import rendered
from consumer.pars.document import UniqueID
from consumer.pars.element import Unreadable, child
from consumer.pars.element import parse as parse_xml
from consumer.pars.jsonschema import SERVICE, definition
from consumer.pars.registered import OWN_ID, PARS_ID
from consumer.pars.schema import Schema
from consumer.pars.simulator import json_answers, xml_answers
from consumer.pars.simulator.activity_service import ActivityService, shown
from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.json_reading import Query
from consumer.pars.simulator.operations import Operations
from consumer.pars.simulator.question import MatchQuestion
from consumer.pars.simulator.rule import INVALID, Refusal
from consumer.pars.value import parse as parse_json
from consumer.pars.value import write
from consumer.reason import Stopped

_LIMIT_BYTES = 1024 * 1024


class XmlActivityFace:
    """SaveActivity and GetActivity in XML."""

    media_type = "application/xml"

    def __init__(self, service: ActivityService, schemas_dir: Path) -> None:
        self._service, self._documents = service, ActivityDocuments(schemas_dir)
        self._requests = Schema(schemas_dir / "pars" / "pars-requests.xsd")
        self.error = xml_answers.error

    def save(self, caller: str, body: bytes) -> Answer:
        """SaveActivity."""
        try:
            document = self._documents.checked(self._documents.read(_xml(body)))
        except (Unreadable, Stopped) as fault:
            return self.error(400, INVALID, f"Invalid input: {fault}")
        told = self._service.save(caller, document)
        if isinstance(told, Refusal):
            return self.error(400, told.code, told.message)
        root = etree.Element("ActivityResponse")
        child(root, "Result", "Success")
        child(root, "ActivityID", told.activity_id)
        return xml_answers.answer(200, root)

    def look_up(self, caller: str, body: bytes) -> Answer:
        """GetActivity; 404 for what is unknown, deleted or another provider's."""
        try:
            root = _xml(body)
        except Unreadable as fault:
            return self.error(400, INVALID, f"Invalid input: {fault}")
        if root.tag != "GetActivity" or not self._requests.accepts(root):
            return self.error(400, INVALID, "Invalid input: no GetActivity")
        catalog = PARS_ID if root[0].tag == "ActivityID" else OWN_ID
        found = self._service.look_up(caller, catalog, root[0].text or "")
        if not found:
            return self.error(404, "No match", "No activity found")
        return Answer(200, rendered(shown(found)), "application/xml; charset=utf-8")


class JsonActivityFace:
    """What ACCME's OpenAPI draft of activities offers, and a match where an office sets a path."""

    media_type = "application/json"

    def __init__(self, service: ActivityService, operations: Operations, schemas_dir: Path) -> None:
        self._service, self._operations = service, operations
        self._documents = ActivityDocuments(schemas_dir)
        self._match = definition(schemas_dir, SERVICE, "MatchQuestion")

    def save(self, caller: str, body: bytes) -> Answer:
        """POST /activities."""
        try:
            document = self._documents.checked(parse_json(body))
        except (Unreadable, Stopped) as fault:
            return json_answers.error(400, f"Invalid input: {fault}")
        told = self._service.save(caller, document)
        if isinstance(told, Refusal):
            return json_answers.error(400, told.message)
        return Answer(201, write(shown([told])), self.media_type)

    def look_up(self, caller: str, number: str, query: Query) -> Answer:
        """GET /activities/{activityId}, or /activities?providerActivityId=...; 404 for nothing."""
        own = [value for name, value in query if name == "providerActivityId"]
        if number:
            found = self._service.look_up(caller, PARS_ID, number)
        elif len(own) == 1:
            found = self._service.look_up(caller, OWN_ID, own[0])
        else:
            return json_answers.error(400, "Invalid input: which activity?")
        if not found:
            return json_answers.error(404, "No activity found")
        return Answer(200, write(shown(found)), self.media_type)

    def match(self, _caller: str, body: bytes) -> Answer:
        """POST /learner-match: nothing that ACCME has published."""
        try:
            asked = parse_json(body)
        except Unreadable as fault:
            return json_answers.error(400, f"Invalid input: {fault}")
        if not self._match.accepts(asked):
            return json_answers.error(400, "Invalid input: no match question")
        number = UniqueID(asked["UniqueID"]["domain"], asked["UniqueID"]["value"])
        names = (asked["GivenName"], asked["FamilyName"], asked.get("BirthDate"))
        known = self._operations.match(MatchQuestion(*names, number))
        return Answer(200, write({"Result": "Match" if known else "NoMatch"}), self.media_type)

    def error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One problem; its code is a number, so the other face's word goes unsaid."""
        return json_answers.error(status, message, headers)


def _xml(body: bytes) -> etree._Element:
    return parse_xml(body, _LIMIT_BYTES)
