"""PARS's answers in JSON, read: from status line and bytes to a Reply the fate table can judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from consumer.pars.activitydocument import ActivityDocuments
from consumer.pars.document import ROOT
from consumer.pars.element import Unreadable
from consumer.pars.heard import Heard
from consumer.pars.jsonschema import ANSWERS, SERVICE, JsonSchema, definition
from consumer.pars.port import CreditStatus, Reply
from consumer.pars.value import Value, parse, said

_JSON_TYPES = ("application/json",)


class JsonAnswers:
    """Reads what PARS answers; nothing here raises, what is not understood is said to be so."""

    def __init__(self, schemas_dir: Path) -> None:
        """`schemas_dir` is the folder that holds `pars/learner-answers.schema.json`."""
        self._saved = definition(schemas_dir, ANSWERS, "Saved")
        self._statuses = definition(schemas_dir, ANSWERS, "Statuses")
        self._problem = definition(schemas_dir, ANSWERS, "Problem")
        self._matched = definition(schemas_dir, SERVICE, "Matched")
        self._activities = ActivityDocuments(schemas_dir)

    def to_save(self, heard: Heard, credit_id: str) -> Reply:
        """The answer to a POST; a success whose document names any other credit is none."""
        value = _value(heard)
        fits = self._is(value, heard, self._saved)
        if fits and heard.succeeded:
            fits = set(_credit_ids(value)) == {credit_id}
        return heard.reply(fits, *self._said(value, heard))

    def to_status(self, heard: Heard) -> Reply:
        """The answer to either status question; a 404 counts if empty or in PARS's own shape."""
        value = _value(heard)
        fits = self._is(value, heard, self._statuses)
        found = _credits(value) if fits and heard.succeeded else ()
        return heard.reply(fits or heard.is_bare_404, *self._said(value, heard), credits_=found)

    def to_match(self, heard: Heard) -> Reply:
        """The answer to a learner match; `code` is Match or NoMatch (dossier 3.6, our words)."""
        value = _value(heard)
        fits = self._is(value, heard, self._matched)
        if fits and heard.succeeded:
            return heard.reply(fits, value["Result"])
        return heard.reply(fits, *self._said(value, heard))

    def to_activity(self, heard: Heard) -> Reply:
        """The answer to either look-up of an activity; a 404 counts as for a status."""
        value = _value(heard)
        found = self._activities.found(value) if heard.succeeded else None
        fits = found is not None or heard.is_bare_404
        if not heard.succeeded:
            fits = fits or self._is(value, heard, self._problem)
        return heard.reply(fits, *self._said(value, heard), activities=found or ())

    def to_register(self, heard: Heard, document: Value) -> Reply:
        """The answer to POST /activities: the saved document, naming what was sent."""
        value = _value(heard)
        if not heard.succeeded:
            return heard.reply(self._is(value, heard, self._problem), *self._said(value, heard))
        (saved, *more) = self._activities.found(value) or (None,)
        fits = saved is not None and not more and self._activities.is_about(document, saved)
        return heard.reply(fits, activities=(saved,) if saved else ())

    def _is(self, value: Value, heard: Heard, expected: JsonSchema) -> bool:
        """Whether this is what belongs to its status: `expected` with 2xx, a Problem otherwise."""
        wanted = expected if heard.succeeded else self._problem
        return value is not None and wanted.accepts(value)

    def _said(self, value: Value, heard: Heard) -> tuple[str, str]:
        """Code and message; of a foreign shape all its text, for a person and the table."""
        if heard.succeeded or value is None:
            return "", ""
        if self._problem.accepts(value):
            return str(value["code"]), value["message"].strip()
        return "", said(value)


def _value(heard: Heard) -> Value:
    """What was said, None when it is nothing we read; `null` says nothing either."""
    if not heard.claims(_JSON_TYPES):
        return None
    try:
        return parse(heard.body)
    except Unreadable:
        return None


def _credit_ids(document: Value) -> Iterator[str]:
    for report in document[ROOT]["ActivityReports"]["ActivityReport"]:
        for certificate in report["Activity"]["Module"]["CreditCertificate"]:
            yield certificate["CreditID"]


def _credits(statuses: Value) -> Iterator[CreditStatus]:
    for one in statuses:
        yield CreditStatus(one["CreditID"], one["Status"], one.get("Reason") or "")
