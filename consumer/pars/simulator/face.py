"""The simulator's two languages: a request's bytes in, an answer's bytes out, the same books."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from consumer.pars.contract import UniqueIDForm
from consumer.pars.simulator import json_answers, xml_answers
from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.books import Came
from consumer.pars.simulator.json_reading import JsonReading, Query
from consumer.pars.simulator.operations import Operations, Seen
from consumer.pars.simulator.question import NotValid
from consumer.pars.simulator.reading import Reading
from consumer.pars.simulator.rule import INVALID


class Face(Protocol):
    """What both languages can say."""

    @property
    def media_type(self) -> str:
        """What a body must be."""
        ...

    def save(self, caller: str, body: bytes) -> Answer:
        """Stores, deletes or refuses."""
        ...

    def error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One error."""
        ...


class XmlFace:
    """The four operations in XML."""

    media_type = "application/xml"

    def __init__(self, operations: Operations, schemas_dir: Path) -> None:
        self._operations, self._reading = operations, Reading(schemas_dir)
        self.error = xml_answers.error

    def save(self, caller: str, body: bytes) -> Answer:
        """SaveLearnerActivity."""
        try:
            reports = self._reading.reports(body)
        except NotValid as fault:
            return self._invalid(fault)
        refusal = self._operations.save(caller, reports, Came.XML)
        if refusal is not None:
            return self.error(400, refusal.code, refusal.message)
        return xml_answers.saved(reports[0].credit_id)

    def status(self, caller: str, body: bytes) -> Answer:
        """GetLearnerStatusByCreditId; 404 for what is unknown, deleted or another provider's."""
        try:
            credit_id = self._reading.credit_id(body)
        except NotValid as fault:
            return self._invalid(fault)
        return self._found(self._operations.status(caller, credit_id))

    def status_by_learner(self, caller: str, body: bytes) -> Answer:
        """GetLearnerStatusByLearner; 404 when nothing fits."""
        try:
            question = self._reading.learner(body)
        except NotValid as fault:
            return self._invalid(fault)
        return self._found(self._operations.status_by_learner(caller, question))

    def match(self, _caller: str, body: bytes) -> Answer:
        """GetLearnerMatch."""
        try:
            question = self._reading.match(body)
        except NotValid as fault:
            return self._invalid(fault)
        return xml_answers.matched(self._operations.match(question))

    def _found(self, seen: list[Seen]) -> Answer:
        return (
            xml_answers.statuses(seen) if seen else self.error(404, "No match", "No record found")
        )

    def _invalid(self, fault: NotValid) -> Answer:
        return self.error(400, INVALID, f"Invalid input: {fault}")


class JsonFace:
    """What ACCME's OpenAPI draft offers, but for what names only a learner (dossier 0, item 5)."""

    media_type = "application/json"

    def __init__(self, operations: Operations, schemas_dir: Path, form: UniqueIDForm) -> None:
        self._operations, self._reading = operations, JsonReading(schemas_dir, form)

    def save(self, caller: str, body: bytes) -> Answer:
        """POST /learner-activities; 409 for what is there already."""
        try:
            reports = self._reading.reports(body)
        except NotValid as fault:
            return self._invalid(fault)
        refusal = self._operations.save(caller, reports, Came.JSON)
        if refusal is not None:
            return json_answers.error(409 if refusal.conflict else 400, refusal.message)
        return json_answers.saved(body)

    def status(self, caller: str, query: Query) -> Answer:
        """GET /learner-activities/status, by either approach; 404 when nothing fits."""
        try:
            asked = self._reading.question(query)
        except NotValid as fault:
            return self._invalid(fault)
        if isinstance(asked, str):
            seen = self._operations.status(caller, asked)
        else:
            seen = self._operations.status_by_learner(caller, asked)
        return json_answers.statuses(seen) if seen else json_answers.error(404, "No record found")

    def error(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One problem; its code is a number, so the other face's word goes unsaid."""
        return json_answers.error(status, message, headers)

    def _invalid(self, fault: NotValid) -> Answer:
        return json_answers.error(400, f"Invalid input: {fault}")
